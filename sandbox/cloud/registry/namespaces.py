"""Registry namespaces as the store keeps them, and the rules for their names."""

from __future__ import annotations

import re

from sandbox.cloud.core.rows import Row
from sandbox.cloud.core.store import Session

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{2,28}[a-z0-9]")
NAME_RULE = (
    "A namespace has 4 to 30 characters: lowercase letters, digits, hyphens and underscores; "
    "the first and the last is a letter or a digit."
)


class Namespace(Row, kw_only=True):
    """A namespace. Its name is unique within a region, across all accounts."""

    table = "namespace"
    key = ("region", "name")
    indexes = ("account_id",)
    region: str
    name: str
    account_id: str
    resource_group_id: str
    """The account's default group where the caller named none; empty in what was made before there were groups."""
    is_assigned: bool = True
    """Whether a caller chose the group: only then it stays for good."""
    created_at: int
    resource_created_at: int
    updated_at: int

    @property
    def crn(self) -> str:
        """Its Cloud Resource Name."""
        return f"crn:v1:bluemix:public:container-registry:{self.region}:a/{self.account_id}::namespace:{self.name}"


def is_legal(name: str) -> bool:
    """Tell whether a namespace may have this name."""
    return _NAME.fullmatch(name) is not None


def namespaces_of(session: Session, region: str, account_id: str) -> list[Namespace]:
    """Return an account's namespaces in a region, by name."""
    return session.all(Namespace, order="name", region=region, account_id=account_id)
