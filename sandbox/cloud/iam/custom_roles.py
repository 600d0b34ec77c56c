"""Custom roles as the store keeps them, and the rules for them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from sandbox.cloud.core.clock import millis_text
from sandbox.cloud.core.rows import Owned
from sandbox.cloud.core.store import Session
from sandbox.cloud.iam import roles

_NAME = re.compile(r"[A-Z][A-Za-z0-9]*")


class CustomRole(Owned):
    """A role that an account made for itself, out of actions of one service."""

    table = "custom_role"
    service_name: str
    name: str
    display_name: str
    description: str | None
    actions: list[str]
    created_at: int
    created_by_id: str
    last_modified_at: int
    last_modified_by_id: str
    etag: str

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
    return session.all(CustomRole, order="created_at, id", account_id=account_id)


def custom_actions(session: Session, account_id: str, crns: Iterable[str]) -> frozenset[str]:
    """Return the actions of those of an account's custom roles that have these CRNs."""
    prefix = crn_of(account_id, "")
    names = [crn.removeprefix(prefix) for crn in crns if crn.startswith(prefix)]
    if not names:
        return frozenset()
    held = session.all(CustomRole, account_id=account_id, name=names)
    return frozenset(action for role in held for action in role.actions)
