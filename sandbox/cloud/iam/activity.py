"""When each identity and key last got in, and each policy last permitted.

A login writes nothing: what was noted is kept in the store a moment later. A kill loses that moment, a restart nothing.
"""

from __future__ import annotations

from sandbox.cloud.core.clock import minutes_text
from sandbox.cloud.core.rows import Row
from sandbox.cloud.core.store import Store


class ActivityEntry(Row):
    """The activity of what has this id."""

    table = "activity"
    id: str
    at: int
    count: int


class Activity:
    """Counts authentications and permits by id."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._changed: set[str] = set()
        with store.transaction() as session:
            self._last = {entry.id: (entry.at, entry.count) for entry in session.all(ActivityEntry)}

    def keep(self) -> None:
        """Write what was noted since the last time."""
        if not self._changed:
            return
        with self._store.transaction() as session:
            for identifier in self._changed:
                at, count = self._last[identifier]
                session.replace(ActivityEntry(id=identifier, at=at, count=count))
        self._changed.clear()

    def clear(self) -> None:
        """Forget all."""
        self._last.clear()
        self._changed.clear()

    def note(self, identifier: str, now: int) -> None:
        """Note an authentication or a permit; `now` is in milliseconds."""
        _, count = self._last.get(identifier, (0, 0))
        self._last[identifier] = (now, count + 1)
        self._changed.add(identifier)

    def of(self, identifier: str) -> tuple[int, int]:
        """Return the last time, in milliseconds, and the count; both 0 for what was never noted."""
        return self._last.get(identifier, (0, 0))

    def shown(self, identifier: str) -> dict[str, object]:
        """Write an activity as answers do."""
        if identifier not in self._last:
            return {"authn_count": 0}
        at, count = self._last[identifier]
        return {"last_authn": minutes_text(at), "authn_count": count}
