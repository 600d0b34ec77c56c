"""Custom roles as the store keeps them, and the rules for them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Mapped, Session, mapped_column

from sandbox.cloud.core.clock import millis_text
from sandbox.cloud.core.store import Row
from sandbox.cloud.iam import roles

_NAME = re.compile(r"[A-Z][A-Za-z0-9]*")


class CustomRole(Row):
    """A role that an account made for itself, out of actions of one service."""

    __tablename__ = "custom_role"
    id: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[str] = mapped_column(index=True)
    service_name: Mapped[str]
    name: Mapped[str]
    display_name: Mapped[str]
    description: Mapped[str | None]
    actions: Mapped[list[str]]
    created_at: Mapped[int]
    created_by_id: Mapped[str]
    last_modified_at: Mapped[int]
    last_modified_by_id: Mapped[str]
    etag: Mapped[str]

    @property
    def crn(self) -> str:
        """Its Cloud Resource Name."""
        return crn_of(self.account_id, self.name)

    def shown(self, base_url: str) -> dict[str, object]:
        """Write it as answers do."""
        shown: dict[str, object] = {
            "id": self.id,
            "display_name": self.display_name,
            "actions": self.actions,
            "crn": self.crn,
            "name": self.name,
            "account_id": self.account_id,
            "service_name": self.service_name,
            "created_at": millis_text(self.created_at),
            "created_by_id": self.created_by_id,
            "last_modified_at": millis_text(self.last_modified_at),
            "last_modified_by_id": self.last_modified_by_id,
            "href": f"{base_url}/v2/roles/{self.id}",
        }
        return shown if self.description is None else {**shown, "description": self.description}


def crn_of(account_id: str, name: str) -> str:
    """Return the CRN of an account's custom role."""
    return f"crn:v1:bluemix:public:{roles.ACCESS_MANAGEMENT}::a/{account_id}::customRole:{name}"


def is_legal(name: str) -> bool:
    """Tell whether a custom role may have this name: alphanumeric and capitalised."""
    return _NAME.fullmatch(name) is not None


def custom_roles(session: Session, account_id: str) -> list[CustomRole]:
    """Return an account's custom roles, oldest first."""
    wanted = select(CustomRole).where(CustomRole.account_id == account_id)
    return list(session.scalars(wanted.order_by(CustomRole.created_at, CustomRole.id)))


def custom_actions(session: Session, account_id: str, crns: Iterable[str]) -> frozenset[str]:
    """Return the actions of those of an account's custom roles that have these CRNs."""
    prefix = crn_of(account_id, "")
    names = [crn.removeprefix(prefix) for crn in crns if crn.startswith(prefix)]
    if not names:
        return frozenset()
    wanted = select(CustomRole.actions).where(CustomRole.account_id == account_id, CustomRole.name.in_(names))
    return frozenset(action for actions in session.scalars(wanted) for action in actions)
