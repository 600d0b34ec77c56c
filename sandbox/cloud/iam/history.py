"""The history of service IDs, API keys and account settings: who did what to them, and when."""

from __future__ import annotations

from sqlalchemy import delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from sandbox.cloud.core.clock import minutes_text
from sandbox.cloud.core.store import Row
from sandbox.cloud.iam.identities import Caller


class HistoryEntry(Row):
    """One action on an entity."""

    __tablename__ = "history"
    number: Mapped[int] = mapped_column(primary_key=True, init=False)
    entity_id: Mapped[str] = mapped_column(index=True)
    at: Mapped[int]
    iam_id: Mapped[str]
    account_id: Mapped[str]
    action: Mapped[str]


def note(session: Session, entity_id: str, action: str, by: Caller, now: int) -> None:
    """Note what somebody did to an entity; `now` is in milliseconds."""
    session.add(HistoryEntry(entity_id=entity_id, at=now, iam_id=by.iam_id, account_id=by.account_id, action=action))


def shown_history(session: Session, entity_id: str) -> list[dict[str, object]]:
    """Write an entity's history as answers do, oldest first."""
    wanted = select(HistoryEntry).where(HistoryEntry.entity_id == entity_id).order_by(HistoryEntry.number)
    return [
        {
            "timestamp": minutes_text(entry.at),
            "iam_id": entry.iam_id,
            "iam_id_account": entry.account_id,
            "action": entry.action,
            "params": [],
            "message": f"{entry.action} by {entry.iam_id}",
        }
        for entry in session.scalars(wanted)
    ]


def forget(session: Session, entity_id: str) -> None:
    """Remove the history of an entity that is gone."""
    session.execute(delete(HistoryEntry).where(HistoryEntry.entity_id == entity_id))
