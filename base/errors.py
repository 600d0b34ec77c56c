"""Errors that a person reads: what is wrong, and what mends it."""

from __future__ import annotations


class SandboxError(Exception):
    """Something the sandbox can't go on with; shown as text, never as a traceback.

    `what` says what was wrong and what was expected instead; `remedy` is the command or the line that mends it.
    """

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.what}\n  To mend it: {self.remedy}"
