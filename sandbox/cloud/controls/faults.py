"""Faults: which requests go wrong, how, and how often. Pure; what a fault does to a connection is in `wire`."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from http import HTTPStatus
from typing import Literal, TypedDict

from base.errors import SandboxError

Reset = Literal["before", "after"]


class Effects(TypedDict, total=False):
    """What a fault does, and how often; the meanings are those of `Fault`."""

    count: int | None
    delay: float
    status: int | None
    retry_after: int | None
    reset: Reset | None
    slow: float
    malformed: bool


@dataclass(slots=True, kw_only=True)
class Fault:
    """What happens to requests of this method (None: any) whose raw path fits this pattern (`*` for any text).

    The next `count` of them are hit, all when it is None; `hits` counts them. Of the effects, any may be combined:

    `delay`: so many real seconds pass before anything else happens.
    `status`: this is the answer, with Retry-After if `retry_after` is set, and nothing is done.
    `reset`: the connection is reset; `before` nothing is done, `after` everything is done and the answer is lost.
    `slow`: the answer's body takes so many real seconds.
    `malformed`: the answer's body is cut in the middle, though its length is right: broken JSON.
    """

    method: str | None = None
    path: str = "*"
    count: int | None = 1
    delay: float = 0.0
    status: int | None = None
    retry_after: int | None = None
    reset: Reset | None = None
    slow: float = 0.0
    malformed: bool = False
    hits: int = 0

    def __post_init__(self) -> None:
        if self.status is not None and self.status not in {known.value for known in HTTPStatus if known >= 200}:
            raise SandboxError(f"{self.status} is no HTTP status of an answer.", "Give one such as 429 or 503.")
        if self.reset not in (None, "before", "after"):
            raise SandboxError(f"A reset is 'before' or 'after' the effect, not {self.reset!r}.", "Give one of both.")
        if self.delay < 0 or self.slow < 0 or (self.count is not None and self.count < 1):
            raise SandboxError("A fault's count is at least 1, and its times are not negative.", "Give such numbers.")

    def fits(self, method: str, path: str) -> bool:
        """Tell whether a request is hit."""
        used_up = self.count is not None and self.hits >= self.count
        return not used_up and self.method in (None, method) and fnmatchcase(path, self.path)

    def describe(self) -> str:
        """Say what it does, for the log."""
        parts = {
            f"delay {self.delay:g} s": self.delay > 0,
            f"status {self.status}": self.status is not None,
            f"reset {self.reset} the effect": self.reset is not None,
            f"slow body {self.slow:g} s": self.slow > 0,
            "malformed body": self.malformed,
        }
        return ", ".join(text for text, applies in parts.items() if applies) or "none"


class Faults:
    """The faults that are set; of those that fit a request, the one that was set first hits it."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> Fault:
        """Set a fault."""
        self._faults.append(fault)
        return fault

    def take(self, method: str, path: str) -> Fault | None:
        """Return the fault that hits this request, and count it."""
        found = next((fault for fault in list(self._faults) if fault.fits(method, path)), None)
        if found is not None:
            found.hits += 1
        return found

    def all(self) -> list[Fault]:
        """Return the faults, also those that are used up."""
        return list(self._faults)

    def clear(self) -> None:
        """Take all back."""
        self._faults.clear()
