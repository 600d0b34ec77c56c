"""Runs operations side by side: in waves, no more at once than the machine bears, stopped in order by Ctrl-C."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from itertools import groupby

from base.errors import SandboxError
from fleet.inventory import LAST
from fleet.run import OVER, Run
from fleet.stack import Stack, said

BYTES_EACH = 450 << 20
"""What an operation takes while it runs: CLI, language host, program and three provider plugins."""

Work = Callable[[Run, Stack], None]


def jobs_here(*, waits: bool) -> int:
    """Return how many operations this machine bears at once; those that wait for a cloud leave room for others."""
    cores = os.cpu_count() or 1
    memory = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return max(1, min(cores * 2 if waits else cores, memory // BYTES_EACH))


class Waves:
    """Does `work` on each of `runs`; if `ordered`, wave by wave, and where one fails, later waves are left alone."""

    def __init__(
        self, runs: Sequence[Run], work: Work, jobs: int, on_change: Callable[[Run], None], *, ordered: bool
    ) -> None:
        self.runs = runs
        self._work = work
        self._jobs = jobs
        self._on_change = on_change
        self._ordered = ordered
        self._stopping = threading.Event()
        self._stacks: list[Stack] = []

    def go(self) -> None:
        """Run them all; returns when each is over, whatever became of it."""
        by_wave = groupby(sorted(self.runs, key=self._wave), key=self._wave)
        with self._interruptible(), ThreadPoolExecutor(self._jobs, thread_name_prefix="fleet") as pool:
            failed = ""
            for wave, group in by_wave:
                runs = [*group]
                if failed or self._stopping.is_set():
                    for run in runs:
                        self._leave(run, failed or "stopped before it began")
                    continue
                _await([pool.submit(self._one, run) for run in runs])
                bad = [run.stack.name for run in runs if run.status in {"failed", "stopped", "skipped"}]
                if bad:
                    failed = f"not begun: {', '.join(bad)} of {_named(wave)} didn't end well"

    def _wave(self, run: Run) -> int:
        return run.stack.wave if self._ordered else 0

    def _one(self, run: Run) -> None:
        if self._stopping.is_set():
            self._leave(run, "stopped before it began")
            return
        run.log.parent.mkdir(parents=True, exist_ok=True)
        with run.log.open("a", encoding="utf-8") as log:
            stack = Stack.of(run.stack, log)
            self._stacks.append(stack)
            run.began, run.status = time.monotonic(), "running"
            self._on_change(run)
            try:
                self._work(run, stack)
            except Exception as error:  # noqa: BLE001  # one stack's end, whatever it is, is not the others'
                self._end_badly(run, error)
            run.ended = time.monotonic()
            for note in run.notes:
                log.write(f"{note}\n")
        self._on_change(run)

    def _end_badly(self, run: Run, error: Exception) -> None:
        from pulumi.automation import CommandError  # noqa: PLC0415 - half a second that `list` does without

        name, word = run.stack.name, run.operation
        if self._stopping.is_set():
            run.status = "stopped"
            run.notes.append(
                f"stopped in order; what was made is in its state. Go on: .venv/bin/python -m fleet {word} {name}"
            )
            return
        run.status = "failed"
        if isinstance(error, CommandError):
            told = said(error)
            run.notes.append(told if not run.changes.errors or "locked" in told else "")
            if "currently locked" in told:
                run.notes.append(
                    f"To mend it: wait for that run; if it has ended: .venv/bin/python -m fleet unlock {name}"
                )
        else:
            run.notes.append(str(error) if isinstance(error, SandboxError) else f"{type(error).__name__}: {error}")
        run.notes = [note for note in run.notes if note]

    def _leave(self, run: Run, why: str) -> None:
        run.status = "skipped"
        run.notes.append(why)
        self._on_change(run)

    @contextmanager
    def _interruptible(self) -> Generator[None]:
        """Hand Ctrl-C, and a request to end, on to what runs; a second one makes it stop at once."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def stop(_signal: int, _frame: object) -> None:
            self._stopping.set()
            for stack in self._stacks:
                stack.engine.interrupt()

        before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @property
    def is_over(self) -> bool:
        """Tell whether every run has ended."""
        return all(run.status in OVER for run in self.runs)


def _await(futures: Sequence[Future[None]]) -> None:
    """Wait for all, awake often enough for a signal to be heard; a fault of this module's own is raised."""
    while wait(futures, timeout=0.5).not_done:
        pass
    for future in futures:
        future.result()


def _named(wave: int) -> str:
    return "the last wave" if wave == LAST else f"wave {wave}"
