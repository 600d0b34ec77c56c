"""Access policies as the store keeps them, and the grants that they give."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial

from sqlalchemy import or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from sandbox.cloud.core.store import Row
from sandbox.cloud.core.tags import next_tag
from sandbox.cloud.iam.access_groups import Membership, forget_member
from sandbox.cloud.iam.authz import Condition, Grant
from sandbox.cloud.iam.custom_roles import custom_actions
from sandbox.cloud.iam.policy_body import Attribute, PolicyBody
from sandbox.cloud.iam.policy_rule import Holds, compile_rule

ACTIVE = "active"
DELETED = "deleted"


class Policy(Row):
    """An access policy, in the form of v2. Deleting one only changes its state."""

    __tablename__ = "policy"
    id: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[str] = mapped_column(index=True)
    iam_id: Mapped[str] = mapped_column(index=True)
    """The subject: an identity, or an access group; empty where it is a service."""
    document: Mapped[dict[str, object]]
    """type, description, subject, resource, control, pattern and rule, as the caller gave them."""
    meaning: Mapped[str] = mapped_column(index=True)
    """Subject, roles and resource in one order, so that two policies that say the same are found."""
    version: Mapped[int]
    """The version of the API that made it or replaced it last, 1 or 2."""
    state: Mapped[str]
    created_at: Mapped[int]
    created_by_id: Mapped[str]
    last_modified_at: Mapped[int]
    last_modified_by_id: Mapped[str]
    etag: Mapped[str] = mapped_column(default_factory=lambda: next_tag(None))

    @classmethod
    def of(cls, body: PolicyBody, account_id: str, now: int, by: str, version: int = 2) -> Policy:
        """Make an active policy of this content."""
        return cls(
            id=str(uuid.uuid4()),
            account_id=account_id,
            iam_id=body.subject_id,
            document=body.document(),
            meaning=body.meaning(),
            version=version,
            state=ACTIVE,
            created_at=now,
            created_by_id=by,
            last_modified_at=now,
            last_modified_by_id=by,
        )

    def touch(self, now: int, by: str) -> None:
        """Note a change."""
        self.last_modified_at = now
        self.last_modified_by_id = by
        self.etag = next_tag(self.etag)


def grants_of(
    session: Session, account_id: str, iam_id: str, now: int, lingering: Sequence[str] = ()
) -> tuple[Grant, ...]:
    """Return what active policies of an identity and its access groups give in this account, and these deleted ones.

    A policy with access tags gives nothing: no resource here carries a tag.

    `now`, in milliseconds, is the time by which their rules are judged.
    """
    in_force = or_(Policy.state == ACTIVE, Policy.id.in_(lingering)) if lingering else Policy.state == ACTIVE
    groups = select(Membership.group_id).where(Membership.iam_id == iam_id)
    wanted = select(Policy.id, Policy.document).where(
        or_(Policy.iam_id == iam_id, Policy.iam_id.in_(groups)), Policy.account_id == account_id, in_force
    )
    moment = datetime.fromtimestamp(now / 1000, UTC)

    def grant(policy_id: str, body: PolicyBody) -> Grant:
        crns = tuple(role.role_id for role in body.control.grant.roles)
        conditions = tuple(_condition(attribute) for attribute in body.resource.attributes)
        rule = compile_rule(body.pattern, body.rule)
        bound = partial(_judge, rule, moment) if rule else None
        return Grant(policy_id, crns, conditions, custom_actions(session, account_id, crns), bound)

    bodies = [(policy_id, PolicyBody.of(document)) for policy_id, document in session.execute(wanted)]
    return tuple(grant(policy_id, body) for policy_id, body in bodies if not body.resource.tags)


def delete_policies_of(session: Session, iam_id: str, now: int, by: str) -> None:
    """Mark all policies of a subject that goes as deleted, and take it out of its access groups."""
    forget_member(session, iam_id)
    for policy in session.scalars(select(Policy).where(Policy.iam_id == iam_id, Policy.state == ACTIVE)):
        policy.state = DELETED
        policy.touch(now, by)


def _judge(rule: Holds, moment: datetime, target: Mapping[str, str]) -> bool:
    return rule(target, moment)


def _condition(attribute: Attribute) -> Condition:
    return Condition(attribute.key, attribute.operator, attribute.values())
