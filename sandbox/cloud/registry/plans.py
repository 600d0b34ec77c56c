"""What an account has settled for its registry in one region: plan, quotas, options."""

from __future__ import annotations

from sandbox.cloud.core import unverified
from sandbox.cloud.core.rows import Row
from sandbox.cloud.core.store import Session
from sandbox.cloud.registry.images import stored_bytes
from sandbox.cloud.registry.traffic import pulled_bytes

MIB = 1 << 20
UNLIMITED = -1
FREE, STANDARD = "Free", "Standard"
FREE_TRAFFIC = 5120 * MIB
"""From IBM's docs; the storage limit of the Free plan, on which the docs disagree, is in `unverified`."""


class RegistryAccount(Row):
    """One account's registry in one region. Limits are bytes, -1 for none."""

    table = "registry_account"
    key = ("region", "account_id")
    region: str
    account_id: str
    plan: str = FREE
    storage_limit: int = unverified.FREE_STORAGE_MIB * MIB
    traffic_limit: int = FREE_TRAFFIC
    iam_authz: bool = True
    private_only: bool = False
    platform_metrics: bool = False


def account_of(session: Session, region: str, account_id: str) -> RegistryAccount:
    """Return what the account has settled, or the defaults: they are kept once they are added to the session."""
    found = session.get(RegistryAccount, region, account_id)
    return found or RegistryAccount(region=region, account_id=account_id)


def may_push(session: Session, account: RegistryAccount) -> bool:
    """Tell whether the storage limit has not been crossed yet."""
    limit = account.storage_limit
    return limit == UNLIMITED or stored_bytes(session, account.region, account.account_id) <= limit


def may_pull(session: Session, account: RegistryAccount, now: int) -> bool:
    """Tell whether this month's traffic limit has not been crossed yet."""
    limit = account.traffic_limit
    return limit == UNLIMITED or pulled_bytes(session, account.region, account.account_id, now) <= limit
