"""What runs leave behind in the project's folder `.fleet`: full logs, and how long operations usually take."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import cast

from base import files
from fleet.run import Run

KEPT = 5
"""Durations that are remembered of one stack's operation."""


class Records:
    """The records of the project in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / ".fleet"
        self._times = self._folder / "seconds.json"
        self._seconds: dict[str, list[float]] = {}
        with suppress(OSError, ValueError):
            self._seconds = cast("dict[str, list[float]]", json.loads(self._times.read_text()))

    def log(self, began: datetime, operation: str, stack: str) -> Path:
        """Return where the log of a run is to be."""
        return self._folder / f"{began:%Y-%m-%dT%H%M%SZ}-{operation.replace(' ', '-')}" / f"{stack}.log"

    def usually(self, operation: str, stack: str) -> float | None:
        """Return how many seconds an operation took of late, in the middle; None if it never ended well."""
        seconds = self._seconds.get(f"{operation} {stack}")
        return statistics.median(seconds) if seconds else None

    def keep(self, runs: Sequence[Run]) -> None:
        """Remember how long those took that ended well."""
        for run in runs:
            if run.status in {"done", "unchanged", "changes"}:
                key = f"{run.operation} {run.stack.name}"
                self._seconds[key] = [*self._seconds.get(key, []), round(run.seconds, 1)][-KEPT:]
        files.write(self._times, json.dumps(self._seconds, indent=1), 0o644)
