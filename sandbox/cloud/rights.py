"""What one identity may do: the account owner everything in the account, others what their policies give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from sqlalchemy.orm import Session

from sandbox.cloud import authz
from sandbox.cloud.accounts import Account
from sandbox.cloud.policies.models import grants_of


@dataclass(frozen=True, slots=True)
class Caller:
    """Who makes a call or logs in."""

    iam_id: str
    account_id: str


class Rights:
    """The rights of one caller, as the store has them now."""

    def __init__(self, session: Session, caller: Caller) -> None:
        self._session = session
        self._caller = caller

    @cached_property
    def is_owner(self) -> bool:
        """Whether the caller owns its account."""
        account = self._session.get(Account, self._caller.account_id)
        return account is not None and account.owner_iam_id == self._caller.iam_id

    @cached_property
    def grants(self) -> tuple[authz.Grant, ...]:
        """What the caller's active policies give."""
        return grants_of(self._session, self._caller.account_id, self._caller.iam_id)

    def permit(self, action: str, target: Mapping[str, str]) -> bool:
        """Tell whether the caller may do this to the resource that `target` describes; never in another account."""
        if target["accountId"] != self._caller.account_id:
            return False
        return self.is_owner or authz.allowing(self.grants, action, target) is not None
