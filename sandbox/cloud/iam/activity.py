"""When each identity and key last got in, and each policy last permitted: in memory, since a login writes nothing."""

from __future__ import annotations

from sandbox.cloud.core.clock import minutes_text


class Activity:
    """Counts authentications and permits by id. A restart of the stand-in begins anew."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[int, int]] = {}

    def note(self, identifier: str, now: int) -> None:
        """Note an authentication or a permit; `now` is in milliseconds."""
        _, count = self._last.get(identifier, (0, 0))
        self._last[identifier] = (now, count + 1)

    def of(self, identifier: str) -> tuple[int, int]:
        """Return the last time, in milliseconds, and the count; both 0 for what was never noted."""
        return self._last.get(identifier, (0, 0))

    def shown(self, identifier: str) -> dict[str, object]:
        """Write an activity as answers do."""
        if identifier not in self._last:
            return {"authn_count": 0}
        at, count = self._last[identifier]
        return {"last_authn": minutes_text(at), "authn_count": count}
