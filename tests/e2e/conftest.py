"""One sandbox for all e2e tests: the one that runs, else one of their own, in a fresh folder, that leaves nothing."""

from __future__ import annotations

import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from base import paths
from sandbox import machine
from sandbox.endpoints import front, regions, registry
from sandbox.host.layout import Layout
from sandbox.host.supervisor import Supervisor
from tests.e2e.canaries import CANARIES, guard
from tests.e2e.project import Project


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let no key out in a test's report."""
    return guard((yield))


@pytest.fixture(scope="session")
def sandbox_home() -> Iterator[Path]:
    """Return the data folder of a running sandbox."""
    if machine.is_up():
        yield paths.home()
        return
    with (
        tempfile.TemporaryDirectory(prefix="icr-", ignore_cleanup_errors=True) as folder,
        pytest.MonkeyPatch.context() as patch,
    ):
        home = Path(folder, "home")
        patch.setenv("ICR_SANDBOX_HOME", str(home))
        try:
            machine.up()
            yield home
        finally:
            machine.down()
        assert machine.leftovers() == [], "`down` left something on this machine"


@pytest.fixture(scope="module")
def second_region(sandbox_home: Path) -> Iterator[str]:
    """Return the name of a second region of the registry that runs; one that ran before goes on."""
    region = "us-south"
    home = Layout(sandbox_home)
    before = regions.running(home)
    machine.up([region])
    yield region
    if region not in before:
        supervisor = Supervisor(home)
        for part in (registry.part(home, region), front.part(region)):
            supervisor.stop(part)
        regions.choose(home, before)


@pytest.fixture(scope="module")
def project(sandbox_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """Return a copy of the program with a stack of its own, destroyed at the end whatever happened."""
    CANARIES.add((sandbox_home / "deployer.key").read_text().strip())
    made = Project.copy(tmp_path_factory.mktemp("project"), sandbox_home)
    try:
        yield made
    finally:
        made.pulumi("destroy", "--yes", "--skip-preview")
