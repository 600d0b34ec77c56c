"""Access groups as the store keeps them, and who is a member of one: a group's policies count for its members."""

from __future__ import annotations

from sqlalchemy import delete
from sqlalchemy.orm import Mapped, Session, mapped_column

from sandbox.cloud.core.store import Row
from sandbox.cloud.core.tags import next_tag

PREFIX = "AccessGroupId-"
"""How the id of an access group begins."""


class AccessGroup(Row):
    """An access group. Names are unique in an account."""

    __tablename__ = "access_group"
    id: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[str] = mapped_column(index=True)
    name: Mapped[str]
    description: Mapped[str | None]
    created_at: Mapped[int]
    created_by_id: Mapped[str]
    last_modified_at: Mapped[int]
    last_modified_by_id: Mapped[str]
    etag: Mapped[str] = mapped_column(init=False, default_factory=lambda: next_tag(None))

    @property
    def crn(self) -> str:
        """Its Cloud Resource Name."""
        return f"crn:v1:bluemix:public:iam-groups::a/{self.account_id}::access-group:{self.id}"


class Membership(Row):
    """One identity in one group: a user, a service ID or a trusted profile."""

    __tablename__ = "access_group_member"
    group_id: Mapped[str] = mapped_column(primary_key=True)
    iam_id: Mapped[str] = mapped_column(primary_key=True, index=True)
    type: Mapped[str]
    created_at: Mapped[int]
    created_by_id: Mapped[str]


def forget_member(session: Session, iam_id: str) -> None:
    """Take an identity that goes out of all groups."""
    session.execute(delete(Membership).where(Membership.iam_id == iam_id))
