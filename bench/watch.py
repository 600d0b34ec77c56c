"""What programs take while they run: seconds, processor time, memory."""

from __future__ import annotations

import resource
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import psutil

from bench.figures import seconds
from tests.e2e.beside import Beside


@dataclass(frozen=True)
class Run:
    """What a run of programs took, with all that they started."""

    seconds: float
    processor: float
    """Seconds of processor time: what a machine that does other work changes least."""
    memory: float
    """The most MiB at once."""


def watched(work: Callable[[], object]) -> Run:
    """Do `work`, which starts programs, and watch what they take."""
    before = _processor()
    with _Most() as held:
        took = seconds(work)
    return Run(took, _processor() - before, held.mebibytes)


class _Most(Beside):
    def __init__(self) -> None:
        super().__init__(0.5)
        self.mebibytes = 0.0

    def again(self) -> None:
        self.mebibytes = max(self.mebibytes, _memory(psutil.Process()) / 2**20)


def _processor() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _memory(parent: psutil.Process) -> int:
    """Return the bytes that a process's descendants hold each for itself."""
    total = 0
    for process in parent.children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            total += process.memory_full_info().uss
    return total
