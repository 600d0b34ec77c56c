"""Runs the unit tests on the system's own Python too: its release may lack what a newer one, used for .venv, has."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from base.paths import CHECKOUT, LOCAL
from base.progress import say
from base.virtual import EVERYTHING, OLDEST, Environment, version

PYTHON = Path("/usr/bin/python3")


def run_unit_tests() -> int:
    """Return pytest's exit status; 0 where the system has no other Python that the project could run on."""
    if not PYTHON.exists():
        return 0
    release = version(str(PYTHON))
    if release == sys.version_info[:3]:
        return 0
    name = ".".join(str(part) for part in release)
    if release < OLDEST:
        say(f"  ... {PYTHON} is {name}, older than the project needs: the unit tests ran on .venv's Python only")
        return 0
    environment = Environment(LOCAL / f"python-{name}", EVERYTHING)
    if not environment.is_fit():
        environment.make(str(PYTHON), installer=sys.executable)
    say(f"The unit tests once more, on {PYTHON}, which is Python {name}:")
    return subprocess.run([environment.python, "-m", "pytest", "-m", "unit"], cwd=CHECKOUT, check=False).returncode
