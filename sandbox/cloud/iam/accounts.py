"""Accounts: who owns what. A fresh one has an owner, the owner's API key, and a default group of each kind."""

from __future__ import annotations

import secrets

from sandbox.cloud.core.clock import Clock
from sandbox.cloud.core.rows import Owned, Row
from sandbox.cloud.core.store import Session
from sandbox.cloud.iam.history import forget, note
from sandbox.cloud.iam.identities import ApiKey, Caller, ServiceIdGroup, hash_of, new_key_value

ADMIN_KEY_NAME = "sandbox-admin"


class Account(Row):
    """An account. Its owner may do everything in it."""

    table = "account"
    id: str
    owner_iam_id: str
    owner_email: str
    created_at: int


class ResourceGroup(Owned):
    """A resource group of an account."""

    table = "resource_group"
    name: str
    is_default: bool
    created_at: int

    @property
    def crn(self) -> str:
        """Its Cloud Resource Name."""
        return f"crn:v1:bluemix:public:resource-controller::a/{self.account_id}::resource-group:{self.id}"


def create_account(session: Session, clock: Clock, key_value: str | None = None) -> tuple[Account, str]:
    """Make a fresh account and return it with its owner's API key value, which nothing can show again."""
    now = clock.millis()
    account = Account(
        id=secrets.token_hex(16),
        owner_iam_id=f"IBMid-{secrets.token_hex(5).upper()}",
        owner_email="owner@sandbox.example",
        created_at=now,
    )
    group = ResourceGroup(
        id=secrets.token_hex(16), account_id=account.id, name="Default", is_default=True, created_at=now
    )
    value = key_value or new_key_value()
    service_ids = ServiceIdGroup.default(account.id, account.owner_iam_id, now)
    session.add(account, group, service_ids)
    _add_admin_key(session, account, value, now)
    return account, value


def set_admin_key(session: Session, account: Account, value: str, clock: Clock) -> None:
    """Make sure that this value is the key of the account's owner that is called after the sandbox."""
    keys = session.all(ApiKey, iam_id=account.owner_iam_id, name=ADMIN_KEY_NAME)
    if any(key.value_hash == hash_of(value) for key in keys):
        return
    for key in keys:
        session.delete(key)
        forget(session, key.id)
    _add_admin_key(session, account, value, clock.millis())


def begin_anew(session: Session, now: int) -> None:
    """Take everything back but the accounts, the keys that their owners were given first, and their default groups."""
    accounts = session.all(Account)
    keys = session.all(ApiKey, name=ADMIN_KEY_NAME, iam_id=[account.owner_iam_id for account in accounts])
    groups = (session.all(table, is_default=True) for table in (ResourceGroup, ServiceIdGroup))
    kept = [*accounts, *keys, *(group for found in groups for group in found)]
    session.clear()
    session.add(*kept)
    for key in keys:
        note(session, key.id, "create", Caller(key.iam_id, key.account_id), now)


def default_resource_group(session: Session, account_id: str) -> ResourceGroup:
    """Return the resource group that is used where the caller names none."""
    return session.one(ResourceGroup, account_id=account_id, is_default=True)


def _add_admin_key(session: Session, account: Account, value: str, now: int) -> None:
    owner = Caller(account.owner_iam_id, account.id)
    key = ApiKey.make(
        account_id=account.id,
        iam_id=owner.iam_id,
        created_by=owner.iam_id,
        name=ADMIN_KEY_NAME,
        value=value,
        now=now,
    )
    session.add(key)
    note(session, key.id, "create", owner, now)
