"""One sandbox for all e2e tests: the one that runs, else one of their own, in a fresh folder, that leaves nothing."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox import machine, paths
from tests.e2e.project import Project


@pytest.fixture(scope="session")
def sandbox_home() -> Iterator[Path]:
    """Return the data folder of a running sandbox."""
    if machine.is_up():
        yield paths.home()
        return
    folder = Path(tempfile.mkdtemp(prefix="icr-"))
    before = os.environ.get("ICR_SANDBOX_HOME")
    os.environ["ICR_SANDBOX_HOME"] = str(folder / "home")
    try:
        machine.up()
        yield folder / "home"
    finally:
        machine.down()
        left = machine.leftovers()
        machine.reset()
        shutil.rmtree(folder, ignore_errors=True)
        if before is None:
            del os.environ["ICR_SANDBOX_HOME"]
        else:
            os.environ["ICR_SANDBOX_HOME"] = before
        assert left == [], "`down` left something on this machine"


@pytest.fixture(scope="module")
def project(sandbox_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """Return a copy of the program with a stack of its own, destroyed at the end whatever happened."""
    made = Project.copy(tmp_path_factory.mktemp("project"), sandbox_home)
    try:
        yield made
    finally:
        made.pulumi("destroy", "--yes", "--skip-preview")
