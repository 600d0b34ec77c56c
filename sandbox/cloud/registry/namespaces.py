"""Registry namespaces as the store keeps them, and the rules for their names."""

from __future__ import annotations

import re

from sqlalchemy import select
from sqlalchemy.orm import Mapped, Session, mapped_column

from sandbox.cloud.core.store import Row

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{2,28}[a-z0-9]")
NAME_RULE = (
    "A namespace has 4 to 30 characters: lowercase letters, digits, hyphens and underscores; "
    "the first and the last is a letter or a digit."
)


class Namespace(Row):
    """A namespace. Its name is unique within a region, across all accounts."""

    __tablename__ = "namespace"
    region: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[str] = mapped_column(index=True)
    resource_group_id: Mapped[str]
    """The account's default group where the caller named none; empty in what was made before there were groups."""
    is_assigned: Mapped[bool] = mapped_column(kw_only=True, default=True, server_default="1")
    """Whether a caller chose the group: only then it stays for good."""
    created_at: Mapped[int]
    resource_created_at: Mapped[int]
    updated_at: Mapped[int]

    @property
    def crn(self) -> str:
        """Its Cloud Resource Name."""
        return f"crn:v1:bluemix:public:container-registry:{self.region}:a/{self.account_id}::namespace:{self.name}"


def is_legal(name: str) -> bool:
    """Tell whether a namespace may have this name."""
    return _NAME.fullmatch(name) is not None


def namespaces_of(session: Session, region: str, account_id: str) -> list[Namespace]:
    """Return an account's namespaces in a region, by name."""
    wanted = select(Namespace).where(Namespace.region == region, Namespace.account_id == account_id)
    return list(session.scalars(wanted.order_by(Namespace.name)))
