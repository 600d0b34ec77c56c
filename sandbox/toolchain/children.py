"""Programs that the toolchain runs: their output is kept for a message, and none outlives a cancelled run."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_running: set[subprocess.Popen[str]] = set()
_lock = threading.Lock()
_cancelled = threading.Event()
_GRACE = 5.0
"""Seconds that a program gets between being asked to stop and being made to."""


class CancelledError(Exception):
    """Work that goes no further because the run was cancelled in another thread."""


@dataclass(frozen=True)
class Result:
    """What a program left: exit status (negative: the signal that ended it), and both outputs as text."""

    status: int
    stdout: str
    stderr: str

    def reason(self) -> str:
        """Return the last line that says why, for a one-line message."""
        lines = [line.strip() for line in f"{self.stdout}\n{self.stderr}".splitlines() if line.strip()]
        return lines[-1] if lines else f"it ended with status {self.status} and said nothing"


def run(command: Sequence[str | Path], environ: Mapping[str, str] | None = None, folder: Path | None = None) -> Result:
    """Run a program to its end, in a process group of its own; it is stopped when this call is left early.

    Raises CancelledError if it was stopped because the run was cancelled in another thread.
    """
    with _lock:
        go_on()
        process = subprocess.Popen(
            [*_bound_to_us(), *(str(part) for part in command)],
            cwd=folder,
            env=None if environ is None else dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        _running.add(process)
    try:
        stdout, stderr = process.communicate()
    except BaseException:
        _stop(process)
        raise
    finally:
        with _lock:
            _running.discard(process)
    go_on()
    return Result(process.returncode, stdout, stderr)


def _bound_to_us() -> list[str]:
    """Return words that let a program end with the thread that runs it, so also when this process is killed."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "TERM"] if setpriv else []


def go_on() -> None:
    """Raise CancelledError if the run has been cancelled; for work that runs no program."""
    if _cancelled.is_set():
        raise CancelledError


def stop_all() -> None:
    """Stop every program that any thread runs here, and wait until it is gone."""
    with _lock:
        processes = list(_running)
    for process in processes:
        _signal(process, signal.SIGTERM)
    for process in processes:
        _stop(process)


@contextmanager
def workers(count: int) -> Generator[ThreadPoolExecutor]:
    """Yield threads for work at the same time; what they run is stopped when the block is left early.

    Ctrl-C reaches the main thread only, and no program that another thread runs.
    """
    try:
        with ThreadPoolExecutor(count) as pool:
            try:
                yield pool
            except BaseException:
                with _lock:
                    _cancelled.set()
                stop_all()
                raise
    finally:
        _cancelled.clear()


def _stop(process: subprocess.Popen[str]) -> None:
    _signal(process, signal.SIGTERM)
    try:
        process.wait(_GRACE)
    except subprocess.TimeoutExpired:
        _signal(process, signal.SIGKILL)
        process.wait()


def _signal(process: subprocess.Popen[str], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)
