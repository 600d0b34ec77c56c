"""Who holds a stack: the lock that the engine keeps beside the state while an operation runs."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from base.progress import say
from fleet.stack import Stack

POLL_SECONDS = 0.5


@dataclass(frozen=True)
class Lock:
    """A lock as its holder wrote it: who, where, which process, since when (RFC 3339)."""

    user: str
    host: str
    pid: str
    since: str

    @property
    def is_here(self) -> bool:
        """Tell whether it was taken on this machine."""
        return self.host == os.uname().nodename

    @property
    def is_left(self) -> bool:
        """Tell whether the holder was on this machine and runs no more: killed, or the power was cut."""
        return self.is_here and not _is_pulumi(self.pid)

    def __str__(self) -> str:
        where = "" if self.is_here else f" on {self.host}"
        state = ", which has ended" if self.is_left else ""
        return f"process {self.pid} of {self.user or 'somebody'}{where}{state}, since {self.since or 'an unknown time'}"


def locks(stack: Stack) -> list[Lock]:
    """Return the locks on a stack; none are seen where the state isn't in files of this machine."""
    url = stack.backend()
    if not url.startswith("file://"):
        return []
    return [*_read(Path(url.removeprefix("file://")).expanduser() / ".pulumi" / "locks", stack.name)]


def wait_for_other_updates(stack: Stack) -> None:
    """Wait until no other update of this machine holds the stack; the lock of one that was killed is released.

    An update outlives the `make` that started it if only that is killed.
    """
    told = False
    while held := [lock for lock in locks(stack) if lock.is_here]:
        if all(lock.is_left for lock in held):
            stack.cancel()
            return
        if not told:
            running = ", ".join(lock.pid for lock in held if not lock.is_left)
            say(f"waiting for another update of stack {stack.name} to end (process {running})")
            told = True
        time.sleep(POLL_SECONDS)


def _read(folder: Path, stack: str) -> Iterator[Lock]:
    for path in folder.glob(f"**/{stack}/*.json"):
        with contextlib.suppress(FileNotFoundError):  # it was just released
            # A power cut empties a lock that is not on the disk yet, and leaves no process that could hold it.
            emptied = {"hostname": os.uname().nodename, "pid": "none"}
            lock = cast("dict[str, object]", json.loads(path.read_text() or json.dumps(emptied)))
            words = (str(lock.get(word) or "") for word in ("username", "hostname", "pid", "timestamp"))
            yield Lock(*words)


def _is_pulumi(pid: str) -> bool:
    """Tell whether the process runs and is the CLI; one that ended and was never waited for has no command line."""
    with contextlib.suppress(OSError):
        return b"pulumi" in Path("/proc", pid, "cmdline").read_bytes()
    return False
