"""Starts the sandbox's parts, watches over them until they are healthy, and stops them.

A part is a process in a session and a cgroup of its own, which outlives this one. What is known of it is on disk and in
the kernel, never only in memory: any later run finds it again, and one that was killed half-way leaves nothing unknown.
"""

from __future__ import annotations

import datetime
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from base import progress
from base.errors import SandboxError
from sandbox.host import cgroups
from sandbox.host.layout import Layout

_POLL = 0.05
_REST = 9
"""How many times longer than a look at a part the pause after it is, so that looking takes little from what starts."""
_LONGEST_REST = 5.0
_LOG_LIMIT = 10_000_000
_TAIL = 8
# Into the cgroup first: from then on the process belongs to the sandbox, whatever happens to the one that starts it.
# Its number is written beside and renamed, so that nobody ever reads a part of it.
_ENTER = 'echo $$ >"$0" && echo $$ >"$1.new" && mv "$1.new" "$1" && shift && exec "$@"'
_CAP = 10
"""How many times its limit a part is waited for on a machine that has no time to spare."""
_TOKEN = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]+|(?i:bearer|basic)\s+[\w+/=.-]{12,}")


class CancelledError(Exception):
    """The run was cancelled, or another part failed, while this one was waited for."""


@dataclass(frozen=True)
class Part:
    """One process of the sandbox: `problem` says why it can't be used, or None if it can."""

    name: str
    what: str
    """What it is, for people."""
    address: str
    problem: Callable[[], str | None]
    usually: float
    """Seconds that it usually takes until it can be used."""
    limit: float = 60.0
    """Seconds of an idle machine after which it won't come up any more; on a busy one it is waited for longer."""
    socket: Path | None = None
    keeps_children: bool = False
    """What it has started goes on without it, and is taken over by its successor."""


@dataclass(frozen=True)
class Command:
    """How a part is started. The environment is all that it sees; secrets are passed there, never as arguments."""

    arguments: Sequence[str | Path]
    environ: Mapping[str, str]


class Supervisor:
    """Starts and stops parts of the sandbox in `layout`; waits end when `cancelled` is set."""

    def __init__(self, layout: Layout, cancelled: threading.Event | None = None) -> None:
        self.layout = layout
        self.cgroup = cgroups.Cgroup(layout.name)
        self._cancelled = cancelled or threading.Event()

    def leader(self, name: str) -> psutil.Process | None:
        """Return the part's process, if it runs."""
        number = self._number(name)
        if number is None or number not in self.cgroup.members(name):
            return None
        with suppress(psutil.NoSuchProcess):
            return psutil.Process(number)
        return None

    def ensure(self, part: Part, command: Callable[[], Command]) -> None:
        """Return when the part is healthy: it is left alone if it is, and started if it doesn't run or never gets so.

        Raises SandboxError with the end of its log, and CancelledError.
        """
        if self.leader(part.name):
            if part.problem() is None or self.wait(part, part.limit / 2) is None:
                return
            self.stop(part)
        with progress.step(f"start {part.what}", part.usually):
            log_start = self._start(part, command())
            if problem := self.wait(part, part.limit):
                raise self._failed(part, problem, log_start)

    def until(self, problem: Callable[[], str | None], limit: float) -> str | None:
        """Wait until `problem` returns None; returns the last problem after `limit` seconds."""
        deadline = time.monotonic() + limit
        looked = time.monotonic()
        while last := problem():
            self._rest(looked)
            if time.monotonic() > deadline:
                return last
            looked = time.monotonic()
        return None

    def _rest(self, looked: float) -> None:
        """Pause before the next look, after one that began at `looked`; raises CancelledError."""
        took = time.monotonic() - looked
        if self._cancelled.wait(min(max(_POLL, _REST * took), _LONGEST_REST)):
            raise CancelledError

    def stop(self, part: Part, grace: float = 10.0) -> None:
        """Stop a part: it is asked, then killed, and so is what it has started, unless that is to go on."""
        if leader := self.leader(part.name):
            deadline = time.monotonic() + grace
            cgroups.send({leader.pid}, signal.SIGTERM)
            while self.leader(part.name) and time.monotonic() < deadline:
                time.sleep(_POLL)
            if self.leader(part.name):
                cgroups.send({leader.pid}, signal.SIGKILL)
        if not part.keeps_children:
            cgroups.send(self.cgroup.members(part.name), signal.SIGKILL)
        self._pid_file(part.name).unlink(missing_ok=True)

    def _pid_file(self, name: str) -> Path:
        return self.layout.run / f"{name}.pid"

    def _number(self, name: str) -> int | None:
        """Return the process's number, or None as long as it has not been written."""
        with suppress(FileNotFoundError, ValueError):
            return int(self._pid_file(name).read_text())
        return None

    def _start(self, part: Part, command: Command) -> int:
        self.stop(part)
        if part.socket:
            part.socket.unlink(missing_ok=True)
        path = self.layout.log(part.name)
        if path.exists() and path.stat().st_size > _LOG_LIMIT:
            path.replace(path.with_suffix(".log.1"))
        entrance = self.cgroup.entrance(part.name)
        with path.open("ab") as log:
            log.write(f"--- started {datetime.datetime.now().astimezone():%Y-%m-%d %H:%M:%S %z}\n".encode())
            log.flush()
            offset = log.tell()
            enter = ["setsid", "--fork", "sh", "-c", _ENTER, str(entrance), str(self._pid_file(part.name))]
            subprocess.run(
                [*enter, *map(str, command.arguments)],
                check=True,
                cwd=self.layout.run,
                env=dict(command.environ),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        return offset

    def wait(self, part: Part, limit: float) -> str | None:
        """Wait until a part that was started is healthy; returns why it isn't, if it ends or time is up.

        Time is up after `limit` seconds in which the machine was idle, because then nothing holds the part up but
        itself; a machine that is busy or slow is told about, and gets up to ten times as long.
        """
        clock = _Clock()
        told = False
        while True:
            looked = time.monotonic()
            if self._number(part.name) is None:
                problem = "it has not started"
            elif self.leader(part.name) is None:
                return "it ended"
            elif (problem := part.problem()) is None:
                return None if self.leader(part.name) else "it ended"
            if clock.idle() > limit or clock.elapsed() > _CAP * limit:
                return f"{problem}, after {clock.elapsed():.0f} s"
            if clock.elapsed() > limit and not told:
                told = True
                progress.say(
                    f"  ... {part.what} is slow to come up on this busy machine ({problem}); it is waited for, up to "
                    f"{_CAP * limit / 60:.0f} min. Its log: {self.layout.log(part.name)}"
                )
            self._rest(looked)

    def _failed(self, part: Part, problem: str, log_start: int) -> SandboxError:
        log = self.layout.log(part.name)
        with log.open("rb") as file:
            file.seek(log_start)
            lines = file.read().decode(errors="replace").splitlines()[-_TAIL:]
        tail = "\n".join(f"    {self._redacted(line)[:300]}" for line in lines) or "    (it wrote nothing)"
        return SandboxError(
            f"{part.what} did not come up: {problem}\n  The end of its log, {log}:\n{tail}",
            "run the command again; if it fails again, `make reset` starts from nothing",
        )

    def _redacted(self, line: str) -> str:
        key = self.layout.deployer_key
        if key.exists() and (secret := key.read_text().strip()):
            line = line.replace(secret, "***")
        return _TOKEN.sub("***", line)


class _Clock:
    """Seconds since it was made, and how many of them this machine's processors had nothing to do."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._idle = self._idle_since_boot()

    def elapsed(self) -> float:
        return time.monotonic() - self._began

    def idle(self) -> float:
        return self._idle_since_boot() - self._idle

    @staticmethod
    def _idle_since_boot() -> float:
        # Waiting for a disk is not in it: a part that is held up by one may still come up.
        return psutil.cpu_times().idle / (psutil.cpu_count() or 1)
