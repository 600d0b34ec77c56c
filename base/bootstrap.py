"""The way in for the system's Python: makes the virtual environment, then goes on inside it.

`python3 -m base.bootstrap COMMAND...` installs what the command needs into `.venv`, whenever that has changed,
and then becomes `.venv/bin/python -m commands COMMAND...`. It needs the standard library only, and is written so that
a Python that is too old for the project can still read it and say so.
"""

from __future__ import annotations

import os
import shutil
import sys
from typing import NoReturn

from base.errors import SandboxError
from base.paths import CHECKOUT
from base.progress import say
from base.rights import hand_over, require_root
from base.virtual import EVERYTHING, OLDEST, RUN_TIME, Environment

_NEED_ROOT = ("up", "down", "reset", "clean")
"""Found out before anything is made: an environment that root made would not be the user's to change."""


def main(words: list[str]) -> NoReturn:
    """Make the environment fit and become the command; raises SandboxError if it can't be made."""
    os.chdir(str(CHECKOUT))
    if words[:1] and words[0] in _NEED_ROOT:
        require_root(f"make {words[0]}")
    # A stack on the user's own cluster has no use for the sandbox's packages.
    of_stack = words[:1] in (["verify"], ["recover"], ["adopt"], ["graph"])
    real = words[:1] == ["stack"] or (of_stack and words[2:3] != ["dev"])
    environment = Environment(CHECKOUT / ".venv", RUN_TIME if real else EVERYTHING)
    if not environment.is_fit():
        try:
            environment.make(_suitable_python())
        finally:
            hand_over()
    # Many containers set it. A run starts five programs, and each would compile all that it imports, every time.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.execv(str(environment.python), [str(environment.python), "-m", "commands", *words])  # noqa: S606 - no shell is wanted


def _suitable_python() -> str:
    """Return this Python, or a newer one on PATH if this is too old."""
    if sys.version_info >= OLDEST:
        return sys.executable
    for minor in range(14, OLDEST[1] - 1, -1):
        found = shutil.which(f"python3.{minor}")
        if found:
            return found
    raise SandboxError(
        "Python 3.11 or newer is needed, and `python3` is {}.{}.".format(*sys.version_info[:2]),
        "install Python 3.11 or newer and put it on PATH as python3 or python3.11",
    )


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except SandboxError as error:
        say(str(error))
        sys.exit(1)
    except OSError as error:
        say(f"{error.filename}: {error.strerror}\n  To mend it: run as the owner of this checkout, or clone anew")
        sys.exit(1)
    except KeyboardInterrupt:
        say("stopped; the next run goes on from here")
        sys.exit(130)
