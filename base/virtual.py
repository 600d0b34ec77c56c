"""Virtual environments of this checkout: made, filled from a file of pinned and hashed requirements, and mended.

It needs the standard library only, and can be read by a Python that is too old for the project.
"""

from __future__ import annotations

import csv
import fcntl
import hashlib
import os
import subprocess
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from base import files
from base.errors import SandboxError
from base.paths import CHECKOUT, LOCAL
from base.progress import say, step

RUN_TIME = "requirements.txt"
EVERYTHING = "requirements-dev.txt"
"""Holds what RUN_TIME holds, too."""
OLDEST = (3, 11)
_LOG = LOCAL / "pip.log"
_NETWORK = (
    "Failed to establish",
    "Temporary failure",
    "Max retries",
    "No matching distribution",
    "timed out",
    "ProxyError",
)


class Environment:
    """One virtual environment in `folder`, which is to hold what `requirements`, a file of the checkout, lists."""

    def __init__(self, folder: Path, requirements: str) -> None:
        self.folder = folder
        self.requirements = requirements
        self.python = folder / "bin" / "python"
        self._done = folder / "installed"
        """Holds the hash of what is installed, and the run of the machine in which it was looked at; written last."""
        self._busy = folder / "installing"
        """There while pip works: found later, it tells that pip was stopped half-way."""

    def make(self, base: str, installer: str = "") -> None:
        """Make the environment fit, with `base` as its Python; raises SandboxError if that can't be.

        `installer` is a Python whose pip does the work; without one the environment gets a pip of its own.
        """
        with _alone():
            if not self.is_fit():
                self._make(base, installer)

    def is_fit(self) -> bool:
        """Return whether all is there that `requirements` lists today."""
        if not (self.python.exists() and self._done.exists()):
            return False
        installed, _, boot = self._done.read_text().partition(" ")
        if installed not in {_digest(self.requirements), _digest(EVERYTHING)}:
            return False
        if boot != files.boot():
            # Once in each run of the machine, because it is power cuts that spoil files.
            if not self._is_whole():
                return False
            with suppress(OSError):
                self._note(installed)
        return True

    def _is_whole(self) -> bool:
        """Return whether every file of every package has the size that its package's record says."""
        for record in self.folder.glob("lib/python3*/site-packages/*.dist-info/RECORD"):
            rows = [row for row in csv.reader(record.read_text().splitlines()) if len(row) == 3]
            sizes = {record.parent.parent / name: int(size) for name, _, size in rows if size}
            if not rows or any(not path.is_file() or path.stat().st_size != size for path, size in sizes.items()):
                return False
        return True

    def _note(self, installed: str) -> None:
        """Mark what is installed: all of it is on the disk before the mark is."""
        files.sync(self.folder)
        files.write(self._done, f"{installed} {files.boot()}", 0o644)

    def _make(self, base: str, installer: str) -> None:
        if not installer:
            _require_venv_module(base)
        name = self.folder.name
        spoilt = self._busy.exists() or (self.folder.exists() and not (self.python.exists() and self._is_whole()))
        if spoilt or not self.python.exists() or not (installer or (self.folder / "bin" / "pip").exists()):
            with step(f"make the virtual environment {name}", 5):
                # --clear: pip can't mend a package that it was stopped in the middle of.
                options = [*(["--clear"] if spoilt else []), *(["--without-pip"] if installer else [])]
                _run([base, "-m", "venv", *options, str(self.folder)], f"make {name}")
        if version(str(self.python))[:2] < OLDEST:
            raise SandboxError(
                f"{name} was made with a Python older than 3.11.", f"rm -r {self.folder}, then run the command again"
            )
        with step(f"install the Python packages into {name}", 60):
            self._busy.touch()
            pip = [installer or str(self.python), "-m", "pip", "--disable-pip-version-check", "--no-input"]
            if installer:
                pip += ["--python", str(self.python)]
            # Compiled when first imported: most modules never are.
            what = ["--no-compile", "--retries", "2", "--require-hashes", "--requirement", self.requirements]
            _run([*pip, "install", *what], "install the Python packages")
        self._note(_digest(self.requirements))
        self._busy.unlink()


def version(python: str) -> tuple[int, ...]:
    """Return a Python's version, as in (3, 11, 2); raises OSError or CalledProcessError if it can't be run."""
    command = [python, "-c", "import sys; print('%d %d %d' % sys.version_info[:3])"]
    return tuple(int(part) for part in subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout.split())


def _digest(requirements: str) -> str:
    return hashlib.sha256((CHECKOUT / requirements).read_bytes()).hexdigest()


def _require_venv_module(python: str) -> None:
    if subprocess.run([python, "-c", "import ensurepip, venv"], stderr=subprocess.DEVNULL, check=False).returncode:
        package = "python{}.{}-venv".format(*version(python))
        raise SandboxError(
            f"{python} can't make virtual environments: its modules venv and ensurepip are missing.",
            f"install the system's package for them; on Debian and Ubuntu: apt-get install {package}",
        )


def _run(command: list[str], what: str) -> None:
    """Run a program with its output in a file; raise SandboxError with the line that says why it failed."""
    with _LOG.open("w") as log:
        # close_fds: the program inherits the lock, which so outlasts a run that is killed while its pip works on.
        status = subprocess.run(
            command,
            cwd=str(CHECKOUT),
            stdout=log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            close_fds=False,
            check=False,
        )
    if status.returncode == 0:
        return
    text = _LOG.read_text(errors="replace")
    lines = [line for line in text.splitlines() if line.strip()]
    reason = ([line for line in lines if "ERROR" in line or "Error" in line] or lines or ["no reason given"])[-1]
    if "No space left" in text:
        remedy = f"free some space on the disk that holds {CHECKOUT}, then run the command again"
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
        LOCAL.mkdir(exist_ok=True)
        lock = (LOCAL / "bootstrap.lock").open("w")
    except OSError as error:
        raise SandboxError(
            f"{LOCAL} can't be written: {error.strerror}.", "use a checkout that you may write to"
        ) from error
    with lock:
        os.set_inheritable(lock.fileno(), True)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            say("  ... waiting for another run that is making a virtual environment")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
