"""The log of requests: what was asked, by whom, with which outcome, and the policy that allowed or refused it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

KEPT = 10_000
"""The most requests that the log keeps."""

OWNER = "account owner"
"""Stands for the policy where the account's owner is allowed what nobody granted."""

_DECISIONS_KEPT = 50


@dataclass(frozen=True, slots=True)
class Decision:
    """One judgement of the caller's rights.

    `policy` is the id of the policy that allowed it, or `account owner`; None when no policy does, which refuses it.
    """

    action: str
    target: dict[str, str]
    policy: str | None

    @property
    def allowed(self) -> bool:
        """Whether the caller may."""
        return self.policy is not None


@dataclass(slots=True)
class Record:
    """One request. `path` is as it was sent, percent-encoded; nothing of headers and bodies is kept.

    `at` is in seconds of the stand-in's clock. `caller` is an IAM ID, None for an anonymous or unknown one. `status`
    is the handler's answer, None when the request never reached a handler; `fault` tells what was done to it.
    """

    at: float
    method: str
    path: str
    query: str
    host: str = ""
    caller: str | None = None
    status: int | None = None
    fault: str | None = None
    decisions: list[Decision] = field(default_factory=list)

    @property
    def policy(self) -> str | None:
        """The policy that allowed the last thing that was asked of the caller's rights."""
        return self.decisions[-1].policy if self.decisions else None

    def decide(self, decision: Decision) -> None:
        """Note a judgement; a long list of namespaces makes many, of which the last ones are kept."""
        if decision not in self.decisions:
            del self.decisions[: max(0, len(self.decisions) - _DECISIONS_KEPT + 1)]
            self.decisions.append(decision)


class RequestLog:
    """The last requests, oldest first. A request is in it before its caller gets the answer."""

    def __init__(self) -> None:
        self._records: deque[Record] = deque(maxlen=KEPT)

    def add(self, record: Record) -> None:
        """Note a request."""
        self._records.append(record)

    def records(self) -> list[Record]:
        """Return the requests so far."""
        return list(self._records)

    def clear(self) -> None:
        """Forget them."""
        self._records.clear()
