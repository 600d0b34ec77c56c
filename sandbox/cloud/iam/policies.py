"""Access policies as the store keeps them, and the grants that they give."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial

import msgspec

from sandbox.cloud.core.rows import Owned
from sandbox.cloud.core.store import Session
from sandbox.cloud.core.tags import next_tag
from sandbox.cloud.iam.access_groups import Membership, forget_member
from sandbox.cloud.iam.authz import Condition, Grant
from sandbox.cloud.iam.custom_roles import custom_actions
from sandbox.cloud.iam.policy_body import Attribute, PolicyBody
from sandbox.cloud.iam.policy_rule import Holds, compile_rule

ACTIVE = "active"
DELETED = "deleted"


class Policy(Owned):
    """An access policy, in the form of v2. Deleting one only changes its state."""

    table = "policy"
    indexes = ("account_id", "iam_id", "meaning")
    iam_id: str
    """The subject: an identity, or an access group; empty where it is a service."""
    document: dict[str, object]
    """type, description, subject, resource, control, pattern and rule, as the caller gave them."""
    meaning: str
    """Subject, roles and resource in one order, so that two policies that say the same are found."""
    version: int
    """The version of the API that made it or replaced it last, 1 or 2."""
    state: str
    created_at: int
    created_by_id: str
    last_modified_at: int
    last_modified_by_id: str
    etag: str = msgspec.field(default_factory=lambda: next_tag(None))

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
    groups = [each.group_id for each in session.all(Membership, iam_id=iam_id)]
    policies = session.all(Policy, account_id=account_id, iam_id=[iam_id, *groups])
    moment = datetime.fromtimestamp(now / 1000, UTC)

    def grant(policy_id: str, body: PolicyBody) -> Grant:
        crns = tuple(role.role_id for role in body.control.grant.roles)
        conditions = tuple(_condition(attribute) for attribute in body.resource.attributes)
        rule = compile_rule(body.pattern, body.rule)
        bound = partial(_judge, rule, moment) if rule else None
        return Grant(policy_id, crns, conditions, custom_actions(session, account_id, crns), bound)

    in_force = (policy for policy in policies if policy.state == ACTIVE or policy.id in lingering)
    bodies = [(policy.id, PolicyBody.of(policy.document)) for policy in in_force]
    return tuple(grant(policy_id, body) for policy_id, body in bodies if not body.resource.tags)


def delete_policies_of(session: Session, iam_id: str, now: int, by: str) -> None:
    """Mark all policies of a subject that goes as deleted, and take it out of its access groups."""
    forget_member(session, iam_id)
    for policy in session.all(Policy, iam_id=iam_id, state=ACTIVE):
        policy.state = DELETED
        policy.touch(now, by)


def _judge(rule: Holds, moment: datetime, target: Mapping[str, str]) -> bool:
    return rule(target, moment)


def _condition(attribute: Attribute) -> Condition:
    return Condition(attribute.key, attribute.operator, attribute.values())
