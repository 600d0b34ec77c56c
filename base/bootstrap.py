"""The way in for the system's Python: makes the virtual environment, then goes on inside it.

`python3 -m base.bootstrap COMMAND...` installs requirements-dev.txt into `.venv`, whenever that file has changed,
and then becomes `.venv/bin/python -m commands COMMAND...`. It needs the standard library only, and is written so that
a Python that is too old for the project can still read it and say so.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from base.errors import SandboxError
from base.progress import say, step

_OLDEST = (3, 11)
_CHECKOUT = Path(__file__).resolve().parent.parent
_FOLDER = _CHECKOUT / ".venv"
_PYTHON = _FOLDER / "bin" / "python"
_DONE = _FOLDER / "installed"
"""Holds the hash of what is installed; written last."""
_BUSY = _FOLDER / "installing"
"""There while pip works: found later, it tells that pip was stopped half-way."""
_LOG = _CHECKOUT / ".sandbox" / "pip.log"
_NETWORK = (
    "Failed to establish",
    "Temporary failure",
    "Max retries",
    "No matching distribution",
    "timed out",
    "ProxyError",
)


def main(words: list[str]) -> NoReturn:
    """Make the environment fit and become the command; raises SandboxError if it can't be made."""
    os.chdir(str(_CHECKOUT))
    if not _is_fit():
        with _alone():
            if not _is_fit():
                _make()
    os.execv(str(_PYTHON), [str(_PYTHON), "-m", "commands", *words])  # noqa: S606 - no shell is wanted


def _is_fit() -> bool:
    return _PYTHON.exists() and _DONE.exists() and _DONE.read_text() == _wanted()


def _wanted() -> str:
    digest = hashlib.sha256()
    for name in ("requirements.txt", "requirements-dev.txt"):
        digest.update((_CHECKOUT / name).read_bytes())
    return digest.hexdigest()


def _make() -> None:
    python = _suitable_python()
    _require_venv_module(python)
    spoilt = _BUSY.exists() or (_FOLDER.exists() and not _PYTHON.exists())
    if spoilt or not _PYTHON.exists() or not (_FOLDER / "bin" / "pip").exists():
        with step("make the virtual environment .venv", 5):
            # --clear: pip can't mend a package that it was stopped in the middle of.
            _run([python, "-m", "venv", *(["--clear"] if spoilt else []), str(_FOLDER)], "make .venv")
    if _version(str(_PYTHON)) < _OLDEST:
        raise SandboxError(".venv was made with a Python older than 3.11.", "rm -r .venv, then run the command again")
    with step("install the Python packages into .venv", 60):
        _BUSY.touch()
        pip = [str(_PYTHON), "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--retries", "2"]
        _run([*pip, "--requirement", "requirements-dev.txt"], "install the Python packages")
    _DONE.write_text(_wanted())
    _BUSY.unlink()


def _suitable_python() -> str:
    """Return this Python, or a newer one on PATH if this is too old."""
    if sys.version_info >= _OLDEST:
        return sys.executable
    for minor in range(14, _OLDEST[1] - 1, -1):
        found = shutil.which(f"python3.{minor}")
        if found:
            return found
    raise SandboxError(
        "Python 3.11 or newer is needed, and `python3` is {}.{}.".format(*sys.version_info[:2]),
        "install Python 3.11 or newer and put it on PATH as python3 or python3.11",
    )


def _require_venv_module(python: str) -> None:
    if subprocess.run([python, "-c", "import ensurepip, venv"], stderr=subprocess.DEVNULL, check=False).returncode:
        package = "python{}.{}-venv".format(*_version(python))
        raise SandboxError(
            f"{python} can't make virtual environments: its modules venv and ensurepip are missing.",
            f"install the system's package for them; on Debian and Ubuntu: apt-get install {package}",
        )


def _version(python: str) -> tuple[int, int]:
    command = [python, "-c", "import sys; print('%d %d' % sys.version_info[:2])"]
    major, minor = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout.split()
    return int(major), int(minor)


def _run(command: list[str], what: str) -> None:
    """Run a program with its output in a file; raise SandboxError with the line that says why it failed."""
    with _LOG.open("w") as log:
        # close_fds: the program inherits the lock, which so outlasts a run that is killed while its pip works on.
        status = subprocess.run(
            command, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, close_fds=False, check=False
        )
    if status.returncode == 0:
        return
    text = _LOG.read_text(errors="replace")
    lines = [line for line in text.splitlines() if line.strip()]
    reason = ([line for line in lines if "ERROR" in line or "Error" in line] or lines or ["no reason given"])[-1]
    if "No space left" in text:
        remedy = f"free some space on the disk that holds {_CHECKOUT}, then run the command again"
    elif any(sign in text for sign in _NETWORK):
        remedy = (
            "make PyPI or your own package index reachable for pip (proxy, PIP_INDEX_URL), then run the command again"
        )
    else:
        remedy = f"read {_LOG}, then run the command again"
    raise SandboxError(f"Could not {what}: {reason.strip()}", remedy)


@contextmanager
def _alone() -> Generator[None]:
    """Hold this checkout's lock, and say so while another run holds it."""
    try:
        _LOG.parent.mkdir(exist_ok=True)
        lock = (_LOG.parent / "bootstrap.lock").open("w")
    except OSError as error:
        raise SandboxError(
            f"{_LOG.parent} can't be written: {error.strerror}.", "use a checkout that you may write to"
        ) from error
    with lock:
        os.set_inheritable(lock.fileno(), True)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            say("  ... waiting for another run that is making .venv")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


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
