"""Runs the unit tests on the system's own Python too: its release may lack what a newer one, used for .venv, has."""

from __future__ import annotations

import sys
from pathlib import Path

from base.paths import LOCAL
from base.progress import say
from base.virtual import EVERYTHING, OLDEST, Environment, version

PYTHON = Path("/usr/bin/python3")


def unit_tests() -> list[str | Path] | None:
    """Return the command that runs them; None where the system has no other Python that the project could run on.

    Raises SandboxError if that Python's environment can't be made.
    """
    if not PYTHON.exists():
        return None
    release = version(str(PYTHON))
    if release == sys.version_info[:3]:
        return None
    name = ".".join(str(part) for part in release)
    if release < OLDEST:
        say(f"  ... {PYTHON} is {name}, older than the project needs: the unit tests ran on .venv's Python only")
        return None
    environment = Environment(LOCAL / f"python-{name}", EVERYTHING)
    if not environment.is_fit():
        environment.make(str(PYTHON), installer=sys.executable)
    say(f"The unit tests once more, on {PYTHON}, which is Python {name}:")
    return [environment.python, "-m", "pytest", "-m", "unit"]
