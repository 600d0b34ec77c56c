"""The drawing of the folders is the code's, and the rules of who may import whom bite."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from base.paths import CHECKOUT
from commands import rooms

pytestmark = pytest.mark.unit

REASON = "The provider is a package of its own"
LINT = Path(sys.executable).with_name("lint-imports")


def test_the_drawing_is_todays() -> None:
    written = CHECKOUT.joinpath("docs/rooms.md").read_text()
    assert written == rooms.page(), "run `.venv/bin/python -m commands.rooms > docs/rooms.md`"


def test_a_forbidden_import_is_named_with_the_reason(tmp_path: Path) -> None:
    for package in rooms.PACKAGES:
        for path in CHECKOUT.joinpath(package).rglob("*.py"):
            copy = tmp_path / path.relative_to(CHECKOUT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    tmp_path.joinpath("pyproject.toml").write_bytes(CHECKOUT.joinpath("pyproject.toml").read_bytes())
    with tmp_path.joinpath("ibm_native/cloud/pace.py").open("a") as file:
        file.write("\nimport components.names\n")
    tmp_path.joinpath("components/names.py").touch()
    ran = subprocess.run([LINT, "--no-cache"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert REASON in ran.stdout
    assert "ibm_native.cloud.pace -> components.names" in ran.stdout
