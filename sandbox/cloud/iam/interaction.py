"""Whether identities of other accounts may use what an account's policies give them: its access management settings."""

from __future__ import annotations

from typing import Literal

import msgspec

from sandbox.cloud.core.rows import Row
from sandbox.cloud.core.store import Session
from sandbox.cloud.errors.base import MalformedError
from sandbox.cloud.iam.identities import Caller, is_service_id

SETTING = "external_account_identity_interaction"
ENABLED, LIMITED = "enabled", "limited"
TYPES = ("user", "service_id", "service")


class Interaction(msgspec.Struct):
    """What identities of one type may: `limited` lets in those of the allowed accounts; `monitor` lets in all."""

    state: Literal["enabled", "limited", "monitor"]
    external_allowed_accounts: list[str]


class AccessSettings(Row):
    """The access management settings of one account; an account without a row has never changed them."""

    table = "access_settings"
    key = ("account_id",)
    account_id: str
    etag: str
    changed: dict[str, object] = msgspec.field(default_factory=dict[str, object])
    """Identity type -> what was set for it last."""

    def of(self, identity_type: str) -> Interaction:
        """Return what identities of this type may; `limited` in accounts where nobody has said otherwise."""
        found = self.changed.get(identity_type)
        return msgspec.convert(found, Interaction) if found else Interaction(LIMITED, [])

    def change(self, given: dict[str, Interaction]) -> None:
        """Change the settings of some types of identities.

        Raises:
            MalformedError: a type is unknown, or accounts are listed where all are let in.

        """
        for name, interaction in given.items():
            if name not in TYPES:
                raise MalformedError(f"identity_types must be of {', '.join(TYPES)}")
            if interaction.state == ENABLED and interaction.external_allowed_accounts:
                raise MalformedError("external_allowed_accounts must be empty where the state is enabled")
        self.changed = self.changed | msgspec.to_builtins(given)


def access_settings_of(session: Session, account_id: str) -> AccessSettings:
    """Return an account's settings; those that nobody has touched have a tag that stays, as an account's id does."""
    return session.get(AccessSettings, account_id) or AccessSettings(account_id=account_id, etag=f"1-{account_id}")


def may_interact(session: Session, account_id: str, caller: Caller) -> bool:
    """Tell whether an account lets this identity use what its policies or trusted profiles give it."""
    if caller.account_id == account_id:
        return True
    held = access_settings_of(session, account_id).of("service_id" if is_service_id(caller.iam_id) else "user")
    return held.state != LIMITED or caller.account_id in held.external_allowed_accounts


def refusal(account_id: str) -> str:
    """Say what keeps an identity of another account out, and what lets it in."""
    return (
        f"The setting {SETTING} of account {account_id} is {LIMITED} for identities of other accounts, and doesn't list"
        " this one in external_allowed_accounts."
    )
