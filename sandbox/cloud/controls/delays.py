"""Eventual consistency: how long after a write its effect is seen, and what is still on its way.

IBM's IAM answers 201, then 404 for a while; a new policy or key is effective later still; and removed access keeps
working for up to ten minutes.
"""

from __future__ import annotations


class Delays:
    """Three settable delays, in seconds of the stand-in's clock, and what they hold back now. Off when 0.

    `visibility`: what was made is found by no id and shown in no list for so long. `authorization`: a new key gets no
    token, a new or restored policy gives nothing. `removal`: a deleted policy goes on giving what it gave.
    A delay is for what is written while it is set; what was written before keeps its own.
    """

    def __init__(self) -> None:
        self.visibility = 0.0
        self.authorization = 0.0
        self.removal = 0.0
        self._hidden: dict[str, int] = {}
        self._ineffective: dict[str, int] = {}
        self._lingering: dict[str, int] = {}

    def made(self, identifier: str, now: int) -> None:
        """Note that something with this id was made or came back; `now` is in milliseconds."""
        _note(self._hidden, identifier, now, self.visibility)
        _note(self._ineffective, identifier, now, self.authorization)
        self._lingering.pop(identifier, None)

    def removed(self, identifier: str, now: int) -> None:
        """Note that a policy was deleted; one that never came into effect gives nothing afterwards either."""
        if self.is_effective(identifier, now):
            _note(self._lingering, identifier, now, self.removal)

    def is_visible(self, identifier: str, now: int) -> bool:
        """Tell whether reads find it."""
        return now >= self._hidden.get(identifier, 0)

    def is_effective(self, identifier: str, now: int) -> bool:
        """Tell whether a key or policy does its work already."""
        return now >= self._ineffective.get(identifier, 0)

    def lingering(self, now: int) -> list[str]:
        """Return the ids of deleted policies that still give what they gave."""
        return _pending(self._lingering, now)

    def clear(self) -> None:
        """Set all to 0; whatever is held back takes effect."""
        self.visibility = self.authorization = self.removal = 0.0
        for pending in (self._hidden, self._ineffective, self._lingering):
            pending.clear()


def _note(pending: dict[str, int], identifier: str, now: int, seconds: float) -> None:
    if seconds > 0:
        pending[identifier] = now + int(seconds * 1000)


def _pending(pending: dict[str, int], now: int) -> list[str]:
    """Return what is still held back. The clock can go back, so nothing that was held back is dropped."""
    return [identifier for identifier, until in pending.items() if now < until]
