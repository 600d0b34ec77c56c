"""Service IDs and API keys as the store keeps them: of a key's value only the hash, unless storing was asked for."""

from __future__ import annotations

import base64
import hashlib
import secrets
import uuid
from dataclasses import dataclass
from typing import ClassVar

import msgspec

from sandbox.cloud.core import unverified
from sandbox.cloud.core.rows import Owned
from sandbox.cloud.core.store import Session
from sandbox.cloud.core.tags import next_tag


@dataclass(frozen=True, slots=True)
class Caller:
    """Who makes a call or logs in."""

    iam_id: str
    account_id: str


class Entity(Owned):
    """What service IDs, their groups, API keys and trusted profiles have in common."""

    kind: ClassVar[str]
    """What its CRN calls it."""
    created_by: str
    created_at: int
    modified_at: int
    entity_tag: str = msgspec.field(default_factory=lambda: next_tag(None))

    @property
    def crn(self) -> str:
        """Its Cloud Resource Name; the region is empty, as in IBM's docs."""
        return f"crn:v1:bluemix:public:iam-identity::a/{self.account_id}::{self.kind}:{self.id}"

    def touch(self, now: int) -> None:
        """Note a change."""
        self.modified_at = now
        self.entity_tag = next_tag(self.entity_tag)


class ServiceIdGroup(Entity, kw_only=True):
    """A group of service IDs. Names are unique in an account; its default group is always there."""

    table = "service_id_group"
    kind = "serviceidgroup"
    name: str
    description: str | None
    is_default: bool

    @classmethod
    def default(cls, account_id: str, owner_iam_id: str, now: int) -> ServiceIdGroup:
        """Make an account's default group."""
        return cls(
            id=f"{unverified.SERVICE_ID_GROUP_PREFIX}{uuid.uuid4()}",
            account_id=account_id,
            name=unverified.DEFAULT_GROUP_NAME,
            description=None,
            is_default=True,
            created_by=owner_iam_id,
            created_at=now,
            modified_at=now,
        )


class ServiceId(Entity, kw_only=True):
    """A service ID. Names are not unique; `id` and `iam_id` are."""

    table = "service_id"
    indexes = ("account_id", "group_id")
    unique = ("iam_id",)
    kind = "serviceid"
    iam_id: str
    group_id: str
    name: str
    description: str | None
    unique_instance_crns: list[str]
    locked: bool


class ApiKey(Entity, kw_only=True):
    """An API key of a service ID or a user."""

    table = "api_key"
    indexes = ("account_id", "iam_id")
    unique = ("value_hash",)
    kind = "apikey"
    iam_id: str
    name: str
    description: str | None
    value_hash: str
    stored_value: str | None
    locked: bool
    disabled: bool
    support_sessions: bool
    action_when_leaked: str
    expires_at: int | None

    @classmethod
    def make(
        cls,
        *,
        account_id: str,
        iam_id: str,
        created_by: str,
        name: str,
        value: str,
        now: int,
        store_value: bool = False,
    ) -> ApiKey:
        """Make a key with this value and nothing else set; a user's key is disabled when it leaks, by IBM's docs."""
        return cls(
            id=f"ApiKey-{uuid.uuid4()}",
            account_id=account_id,
            iam_id=iam_id,
            created_by=created_by,
            name=name,
            description=None,
            value_hash=hash_of(value),
            stored_value=value if store_value else None,
            locked=False,
            disabled=False,
            support_sessions=False,
            action_when_leaked="none" if is_service_id(iam_id) else "disable",
            expires_at=None,
            created_at=now,
            modified_at=now,
        )

    def usable(self, now: int) -> bool:
        """Tell whether the key can be exchanged for a token at this time."""
        return not self.disabled and (self.expires_at is None or now < self.expires_at)


def is_service_id(iam_id: str) -> bool:
    """Tell a service ID's IAM ID from a user's."""
    return iam_id.startswith("iam-ServiceId-")


def new_key_value() -> str:
    """Make the value of an API key: 44 URL-safe characters."""
    return base64.urlsafe_b64encode(secrets.token_bytes(33)).decode()


def hash_of(value: str) -> str:
    """Hash a key's value. The values are long and random, so a plain hash can't be turned back by trying."""
    return hashlib.sha256(value.encode()).hexdigest()


def find_key(session: Session, value: str) -> ApiKey | None:
    """Return the key with this value, whether it may be used or not."""
    return session.first(ApiKey, value_hash=hash_of(value))
