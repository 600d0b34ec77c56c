"""The stand-in's clock: the wall clock, which a test can move."""

from __future__ import annotations

import time
from datetime import UTC, datetime


class Clock:
    """Tells the time in seconds since 1970. It always runs; `set` and `advance` move it."""

    def __init__(self) -> None:
        self._offset = 0.0

    def now(self) -> float:
        """Return the stand-in's time."""
        return time.time() + self._offset

    def millis(self) -> int:
        """Return the stand-in's time in whole milliseconds, as the store keeps it."""
        return int(self.now() * 1000)

    def advance(self, seconds: float) -> None:
        """Move the time by so many seconds; negative ones move it back."""
        self._offset += seconds

    def set(self, at: float) -> None:
        """Go on from this time, in seconds since 1970."""
        self._offset = at - time.time()

    def reset(self) -> None:
        """Go back to the wall clock."""
        self._offset = 0.0


def minutes_text(millis: int) -> str:
    """Write a time as IAM Identity does: minutes, no seconds, `+0000`; for example 2020-10-16T10:36+0000."""
    return datetime.fromtimestamp(millis / 1000, UTC).strftime("%Y-%m-%dT%H:%M+0000")


def millis_text(millis: int) -> str:
    """Write a time as policies and namespaces do: milliseconds and `Z`."""
    return datetime.fromtimestamp(millis / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_time(text: str) -> int:
    """Read a time with its zone, in ISO 8601, into milliseconds; with or without seconds, `Z` or `+0000`.

    Raises:
        ValueError: the text has another form, or no zone.

    """
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError(text)
    return int(found.timestamp() * 1000)
