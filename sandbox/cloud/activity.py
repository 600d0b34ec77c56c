"""When each identity and API key last got in, and how often: in memory, since a login writes nothing to the disk."""

from __future__ import annotations

from sandbox.cloud.clock import minutes_text


class Activity:
    """Counts authentications by id. A restart of the stand-in begins anew."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[int, int]] = {}

    def note(self, identifier: str, now: int) -> None:
        """Note an authentication; `now` is in milliseconds."""
        _, count = self._last.get(identifier, (0, 0))
        self._last[identifier] = (now, count + 1)

    def shown(self, identifier: str) -> dict[str, object]:
        """Write an activity as answers do."""
        if identifier not in self._last:
            return {"authn_count": 0}
        at, count = self._last[identifier]
        return {"last_authn": minutes_text(at), "authn_count": count}
