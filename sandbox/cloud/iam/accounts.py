"""Accounts: who owns what. A fresh one has an owner, the owner's API key, and a default group of each kind."""

from __future__ import annotations

import secrets

from sqlalchemy import select
from sqlalchemy.orm import Mapped, Session, make_transient, mapped_column

from sandbox.cloud.core.clock import Clock
from sandbox.cloud.core.store import Row, Store
from sandbox.cloud.iam.history import forget, note
from sandbox.cloud.iam.identities import ApiKey, Caller, ServiceIdGroup, hash_of, new_key_value

ADMIN_KEY_NAME = "sandbox-admin"


class Account(Row):
    """An account. Its owner may do everything in it."""

    __tablename__ = "account"
    id: Mapped[str] = mapped_column(primary_key=True)
    owner_iam_id: Mapped[str]
    owner_email: Mapped[str]
    created_at: Mapped[int]


class ResourceGroup(Row):
    """A resource group of an account."""

    __tablename__ = "resource_group"
    id: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[str] = mapped_column(index=True)
    name: Mapped[str]
    is_default: Mapped[bool]
    created_at: Mapped[int]

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
    session.add_all([account, group, service_ids])
    _add_admin_key(session, account, value, now)
    return account, value


def set_admin_key(session: Session, account: Account, value: str, clock: Clock) -> None:
    """Make sure that this value is the key of the account's owner that is called after the sandbox."""
    own = select(ApiKey).where(ApiKey.iam_id == account.owner_iam_id, ApiKey.name == ADMIN_KEY_NAME)
    keys = session.scalars(own).all()
    if any(key.value_hash == hash_of(value) for key in keys):
        return
    for key in keys:
        session.delete(key)
        forget(session, key.id)
    session.flush()
    _add_admin_key(session, account, value, clock.millis())


def begin_anew(session: Session, now: int) -> None:
    """Take everything back but the accounts, the keys that their owners were given first, and their default groups."""
    accounts = session.scalars(select(Account).order_by(Account.created_at)).all()
    owners = [account.owner_iam_id for account in accounts]
    first = select(ApiKey).where(ApiKey.name == ADMIN_KEY_NAME, ApiKey.iam_id.in_(owners))
    kept = [
        *accounts,
        *session.scalars(select(ResourceGroup).where(ResourceGroup.is_default)),
        *session.scalars(select(ServiceIdGroup).where(ServiceIdGroup.is_default)),
        *session.scalars(first),
    ]
    Store.clear(session)
    for row in kept:
        make_transient(row)
        session.add(row)
    session.flush()
    for row in kept:
        if isinstance(row, ApiKey):
            note(session, row.id, "create", Caller(row.iam_id, row.account_id), now)


def default_resource_group(session: Session, account_id: str) -> ResourceGroup:
    """Return the resource group that is used where the caller names none."""
    wanted = select(ResourceGroup).where(ResourceGroup.account_id == account_id, ResourceGroup.is_default)
    return session.scalars(wanted).one()


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
    session.flush()
    note(session, key.id, "create", owner, now)
