"""One operation on one stack: its phase, what it changed, how long it took; and what a program reads of it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from fleet.changes import SIGNS, Changes
from fleet.inventory import StackFile

Status = Literal["waiting", "running", "unchanged", "done", "changes", "failed", "stopped", "skipped"]
OVER: frozenset[Status] = frozenset({"unchanged", "done", "changes", "failed", "stopped", "skipped"})
EXITS: dict[Status, int] = {"stopped": 130, "failed": 1, "skipped": 1, "changes": 2}
"""Exit status by the worst that became of a stack, worst first; nothing to do, or done, is 0."""
SEVERITY = (0, 2, 1, 130)
"""Exit statuses, the worst last."""


@dataclass
class Run:
    """`log` is the file with all that the CLI printed; `usually` is in seconds, None before there was one."""

    stack: StackFile
    operation: str
    log: Path
    usually: float | None = None
    status: Status = "waiting"
    phase: str = ""
    """What goes on while it runs."""
    notes: list[str] = field(default_factory=list[str])
    """Why it ended as it did, and what to type next."""
    changes: Changes = field(default_factory=Changes)
    began: float = 0.0
    ended: float = 0.0

    @property
    def seconds(self) -> float:
        """How long it has run."""
        return (self.ended or time.monotonic()) - self.began if self.began else 0.0

    @property
    def errors(self) -> list[str]:
        """What went wrong: the engine's errors, else why this run failed."""
        return self.changes.errors or (self.notes if self.status == "failed" else [])

    def counted(self) -> str:
        """Return the changes by sign: `+17 ~2`."""
        return " ".join(f"{SIGNS[kind]}{count}" for kind, count in self.changes.counts.items() if count)

    def as_json(self) -> dict[str, Any]:
        """Return it for a program."""
        return {
            "stack": self.stack.name,
            "region": self.stack.region,
            "status": self.status,
            "changes": self.changes.counts,
            "resources": [asdict(change) for change in self.changes.by_urn.values()],
            "errors": self.errors,
            "warnings": self.changes.warnings,
            "notes": self.notes,
            "seconds": round(self.seconds, 1),
            "log": str(self.log),
        }


def exit_status(runs: Sequence[Run]) -> int:
    """Return the exit status of them all: 0 nothing to do or done, 2 changes, 1 failed, 130 stopped."""
    statuses = {run.status for run in runs}
    return next((number for status, number in EXITS.items() if status in statuses), 0)
