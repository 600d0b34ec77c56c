"""What one identity may do: the account owner everything in the account, others what their policies give."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property

from sandbox.cloud.controls.delays import Delays
from sandbox.cloud.controls.request_log import OWNER, Decision
from sandbox.cloud.core.store import Session
from sandbox.cloud.errors.base import LimitedError
from sandbox.cloud.iam import authz, roles
from sandbox.cloud.iam.accounts import Account
from sandbox.cloud.iam.identities import Caller, is_service_id
from sandbox.cloud.iam.interaction import may_interact, refusal
from sandbox.cloud.iam.policies import grants_of


class Rights:
    """The rights of one caller, as the store has them at `now`, in milliseconds; `note` gets each judgement."""

    def __init__(
        self, session: Session, caller: Caller, now: int, delays: Delays, note: Callable[[Decision], None]
    ) -> None:
        self._session = session
        self._caller = caller
        self._now = now
        self._delays = delays
        self._note = note
        self._grants: dict[str, tuple[authz.Grant, ...]] = {}

    @cached_property
    def is_owner(self) -> bool:
        """Whether the caller owns its account."""
        if is_service_id(self._caller.iam_id):
            return False
        account = self._session.get(Account, self._caller.account_id)
        return account is not None and account.owner_iam_id == self._caller.iam_id

    @property
    def grants(self) -> tuple[authz.Grant, ...]:
        """What the policies of the caller's own account give it."""
        return self.grants_in(self._caller.account_id)

    def grants_in(self, account_id: str) -> tuple[authz.Grant, ...]:
        """Return what the policies of an account give: those active and in effect, or deleted and not yet without."""
        if account_id not in self._grants:
            lingering = self._delays.lingering(self._now)
            found = grants_of(self._session, account_id, self._caller.iam_id, self._now, lingering)
            effective = tuple(grant for grant in found if self._delays.is_effective(grant.policy_id, self._now))
            self._grants[account_id] = effective
        return self._grants[account_id]

    def enters(self, account_id: str) -> bool:
        """Tell whether policies of this account, which is another one than the caller's, count for it.

        Raises:
            LimitedError: there are such policies, and only the account's setting keeps the caller out.

        """
        if not self.grants_in(account_id):
            return False
        if not may_interact(self._session, account_id, self._caller):
            raise LimitedError(refusal(account_id))
        return True

    def permit(self, action: str, target: Mapping[str, str]) -> bool:
        """Tell whether the caller may do this to the resource that `target` describes.

        Raises:
            LimitedError: it could, if the setting of the other account that owns the resource didn't keep it out.

        """
        policy = self._allowing(action, target)
        self._note(Decision(action, dict(target), policy))
        return policy is not None

    def hold(self, role: str, target: Mapping[str, str]) -> bool:
        """Tell whether a policy gives the caller this very role on the resource; owning the account does not."""
        crn = roles.crn(role)
        found = next((each for each in self.grants if crn in each.role_crns and each.covers(target)), None)
        self._note(Decision(f"role {role}", dict(target), found.policy_id if found else None))
        return found is not None

    def _allowing(self, action: str, target: Mapping[str, str]) -> str | None:
        account_id = target["accountId"]
        if account_id == self._caller.account_id and self.is_owner:
            return OWNER
        grant = authz.allowing(self.grants_in(account_id), action, target)
        if grant is None or (account_id != self._caller.account_id and not self.enters(account_id)):
            return None
        return grant.policy_id
