"""What was pulled: the events that told of it, each of which counts once, and the sum of each month."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from sandbox.cloud.core.store import Row


class SeenEvent(Row):
    """The id of an event that was counted."""

    __tablename__ = "registry_event"
    id: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[int] = mapped_column(index=True)


class Traffic(Row):
    """What was pulled from an account's images in a region in one month, such as 2026-11."""

    __tablename__ = "registry_traffic"
    region: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[str] = mapped_column(primary_key=True)
    month: Mapped[str] = mapped_column(primary_key=True)
    pulled_bytes: Mapped[int]


_PULLED = select(Traffic.pulled_bytes).where(
    Traffic.region == bindparam("region"),
    Traffic.account_id == bindparam("account_id"),
    Traffic.month == bindparam("month"),
)
"""Built once: every login asks it."""


def month_of(now: int) -> str:
    """Return the month that traffic at this time belongs to."""
    return datetime.fromtimestamp(now / 1000, UTC).strftime("%Y-%m")


def pulled_bytes(session: Session, region: str, account_id: str, now: int) -> int:
    """Return what was pulled from an account's images in a region this month."""
    key = {"region": region, "account_id": account_id, "month": month_of(now)}
    return session.scalar(_PULLED, key) or 0
