"""The history of service IDs, API keys and account settings: who did what to them, and when."""

from __future__ import annotations

from sandbox.cloud.core.clock import minutes_text
from sandbox.cloud.core.rows import Row
from sandbox.cloud.core.store import Session
from sandbox.cloud.iam.identities import Caller


class HistoryEntry(Row, kw_only=True):
    """One action on an entity."""

    table = "history"
    key = ("number",)
    indexes = ("entity_id",)
    number: int | None = None
    entity_id: str
    at: int
    iam_id: str
    account_id: str
    action: str


def note(session: Session, entity_id: str, action: str, by: Caller, now: int) -> None:
    """Note what somebody did to an entity; `now` is in milliseconds."""
    session.add(HistoryEntry(entity_id=entity_id, at=now, iam_id=by.iam_id, account_id=by.account_id, action=action))


def shown_history(session: Session, entity_id: str) -> list[dict[str, object]]:
    """Write an entity's history as answers do, oldest first."""
    return [
        {
            "timestamp": minutes_text(entry.at),
            "iam_id": entry.iam_id,
            "iam_id_account": entry.account_id,
            "action": entry.action,
            "params": [],
            "message": f"{entry.action} by {entry.iam_id}",
        }
        for entry in session.all(HistoryEntry, entity_id=entity_id)
    ]


def forget(session: Session, entity_id: str) -> None:
    """Remove the history of an entity that is gone."""
    session.forget(HistoryEntry, entity_id=entity_id)
