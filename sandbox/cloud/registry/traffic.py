"""What was pulled: the events that told of it, each of which counts once, and the sum of each month."""

from __future__ import annotations

from datetime import UTC, datetime

from sandbox.cloud.core.rows import Row
from sandbox.cloud.core.store import Session


class SeenEvent(Row):
    """The id of an event that was counted."""

    table = "registry_event"
    indexes = ("at",)
    id: str
    at: int


class Traffic(Row):
    """What was pulled from an account's images in a region in one month, such as 2026-11."""

    table = "registry_traffic"
    key = ("region", "account_id", "month")
    region: str
    account_id: str
    month: str
    pulled_bytes: int


def month_of(now: int) -> str:
    """Return the month that traffic at this time belongs to."""
    return datetime.fromtimestamp(now / 1000, UTC).strftime("%Y-%m")


def pulled_bytes(session: Session, region: str, account_id: str, now: int) -> int:
    """Return what was pulled from an account's images in a region this month."""
    found = session.get(Traffic, region, account_id, month_of(now))
    return found.pulled_bytes if found else 0
