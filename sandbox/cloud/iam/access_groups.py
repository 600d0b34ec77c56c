"""Access groups as the store keeps them, and who is a member of one: a group's policies count for its members."""

from __future__ import annotations

import msgspec

from sandbox.cloud.core.rows import Owned, Row
from sandbox.cloud.core.store import Session
from sandbox.cloud.core.tags import next_tag

PREFIX = "AccessGroupId-"
"""How the id of an access group begins."""


class AccessGroup(Owned):
    """An access group. Names are unique in an account."""

    table = "access_group"
    name: str
    description: str | None
    created_at: int
    created_by_id: str
    last_modified_at: int
    last_modified_by_id: str
    etag: str = msgspec.field(default_factory=lambda: next_tag(None))

    @property
    def crn(self) -> str:
        """Its Cloud Resource Name."""
        return f"crn:v1:bluemix:public:iam-groups::a/{self.account_id}::access-group:{self.id}"


class Membership(Row):
    """One identity in one group: a user, a service ID or a trusted profile."""

    table = "access_group_member"
    key = ("group_id", "iam_id")
    indexes = ("iam_id",)
    group_id: str
    iam_id: str
    type: str
    created_at: int
    created_by_id: str


def forget_member(session: Session, iam_id: str) -> None:
    """Take an identity that goes out of all groups."""
    session.forget(Membership, iam_id=iam_id)
