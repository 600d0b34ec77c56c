"""Trusted profiles as the store keeps them: who may assume one, which compute resources and users are linked to it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Literal, cast

import msgspec

from sandbox.cloud.core.store import Session
from sandbox.cloud.iam.clusters import ServiceAccount
from sandbox.cloud.iam.identities import Entity

PREFIX = "iam-Profile-"
"""How the IAM ID of a profile begins; its id is the same without `iam-`."""


class Profile(Entity, kw_only=True):
    """A trusted profile. Names are unique in an account."""

    table = "trusted_profile"
    unique = ("iam_id",)
    kind = "profile"
    iam_id: str
    name: str
    description: str | None
    email: str | None
    trusted: dict[str, object] = msgspec.field(default_factory=dict[str, object])
    """IAM ID -> identity that may assume it, as answers show it."""

    def trusts(self, iam_id: str) -> bool:
        """Tell whether this identity may assume the profile."""
        return iam_id in self.trusted

    def trusts_compute(self, session: Session, resource: ServiceAccount) -> bool:
        """Tell whether a link or a claim rule of the profile is for this compute resource."""
        if any(link.is_to(resource) for link in session.all(ProfileLink, profile_id=self.id)):
            return True
        return any(rule.admits(resource) for rule in session.all(ProfileRule, profile_id=self.id))

    def identities(self) -> list[dict[str, object]]:
        """Return the identities that may assume it."""
        return [cast("dict[str, object]", each) for each in self.trusted.values()]


class ProfileLink(Entity, kw_only=True):
    """A compute resource that is linked to a profile."""

    table = "trusted_profile_link"
    indexes = ("account_id", "profile_id")
    kind = "profile-link"
    profile_id: str
    name: str | None
    cr_type: str
    link: dict[str, object]

    def is_to(self, resource: ServiceAccount) -> bool:
        """Tell whether the link is to this compute resource."""
        return self.cr_type == resource.cr_type and resource.claims().items() <= self.link.items()


class ProfileRule(Entity, kw_only=True):
    """A claim rule of a profile."""

    table = "trusted_profile_rule"
    indexes = ("account_id", "profile_id")
    kind = "profile-rule"
    profile_id: str
    name: str | None
    type: str
    realm_name: str | None
    cr_type: str | None
    expiration: int
    conditions: dict[str, object]
    """`conditions` -> the list of them."""

    def admits(self, resource: ServiceAccount) -> bool:
        """Tell whether the rule is for compute resources of this type, or of any, and each of its conditions holds."""
        if self.type != "Profile-CR" or self.cr_type not in (None, resource.cr_type):
            return False
        conditions = msgspec.convert(self.conditions["conditions"], list[RuleCondition])
        return bool(conditions) and all(condition.holds(resource.claims()) for condition in conditions)


class RuleCondition(msgspec.Struct):
    """One condition of a claim rule; `value` is JSON in a text."""

    claim: str
    operator: Literal["EQUALS", "NOT_EQUALS", "EQUALS_IGNORE_CASE", "NOT_EQUALS_IGNORE_CASE", "CONTAINS", "IN"]
    value: str

    def holds(self, claims: Mapping[str, str]) -> bool:
        """Tell whether the claim is there and is what the condition wants."""
        held, wanted = claims.get(self.claim), _value(self.value)
        if held is None:
            return False
        if self.operator == "IN":
            return held in wanted
        if len(wanted) != 1:
            return False
        text = wanted[0]
        return {
            "EQUALS": held == text,
            "NOT_EQUALS": held != text,
            "EQUALS_IGNORE_CASE": held.lower() == text.lower(),
            "NOT_EQUALS_IGNORE_CASE": held.lower() != text.lower(),
            "CONTAINS": text in held,
        }[self.operator]


def _value(text: str) -> list[str]:
    """Read a condition's value: JSON, or as Terraform's users write it, a plain text."""
    try:
        found = json.loads(text)
    except ValueError:
        return [text]
    return [str(each) for each in cast("list[object]", found)] if isinstance(found, list) else [str(found)]


def forget_profile(session: Session, profile: Profile) -> None:
    """Remove a profile with its links and rules."""
    for table in (ProfileLink, ProfileRule):
        session.forget(table, profile_id=profile.id)
    session.delete(profile)
