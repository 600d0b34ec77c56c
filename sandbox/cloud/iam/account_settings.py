"""An account's identity settings: what they may be, from the text of IBM's SDK, and what the stand-in obeys of them."""

from __future__ import annotations

from typing import Literal

import msgspec

from sandbox.cloud.core.rows import Row
from sandbox.cloud.core.store import Session
from sandbox.cloud.errors.base import MalformedError
from sandbox.cloud.iam.tokens import LIFETIME

UNSET = "NOT_SET"
RESTRICTED = "RESTRICTED"

Restriction = Literal["RESTRICTED", "NOT_RESTRICTED", "NOT_SET"]
Mfa = Literal["NONE", "NONE_NO_ROPC", "TOTP", "TOTP4ALL", "LEVEL1", "LEVEL2", "LEVEL3"]

_SECONDS = {
    "session_expiration_in_seconds": 86_400,
    "session_invalidation_in_seconds": 7_200,
    "system_access_token_expiration_in_seconds": LIFETIME,
    "system_refresh_token_expiration_in_seconds": 259_200,
}
"""Setting -> the longest time that it takes; the shortest is 900."""


class Settings(msgspec.Struct, kw_only=True):
    """The settings. The stand-in obeys the first three; the others it keeps and shows."""

    restrict_create_service_id: Restriction = "NOT_SET"
    restrict_create_platform_apikey: Restriction = "NOT_SET"
    system_access_token_expiration_in_seconds: str = UNSET
    allowed_ip_addresses: str = ""
    mfa: Mfa = "NONE"
    user_mfa: list[dict[str, object]] = []
    session_expiration_in_seconds: str = UNSET
    session_invalidation_in_seconds: str = UNSET
    max_sessions_per_identity: str = UNSET
    system_refresh_token_expiration_in_seconds: str = UNSET
    restrict_user_list_visibility: Literal["RESTRICTED", "NOT_RESTRICTED"] = "NOT_RESTRICTED"
    restrict_user_domains: list[dict[str, object]] = []

    def changed(self, changes: dict[str, object]) -> Settings:
        """Return the settings with these changes; what is None or unknown changes nothing.

        Raises:
            MalformedError: a value is not one that the setting takes.

        """
        given = {name: value for name, value in changes.items() if value is not None}
        try:
            found = msgspec.convert(msgspec.to_builtins(self) | given, Settings)
        except msgspec.ValidationError as error:
            raise MalformedError(f"a setting or restriction is none that IBM Cloud knows: {error}") from error
        for name, most in _SECONDS.items():
            _check_number(name, getattr(found, name), 900, most)
        _check_number("max_sessions_per_identity", found.max_sessions_per_identity, 1, 10**9)
        return found


class AccountSettings(Row):
    """The settings of one account; an account without a row has none set."""

    table = "account_settings"
    key = ("account_id",)
    account_id: str
    entity_tag: str
    restrict_create_service_id: str = UNSET
    restrict_create_platform_apikey: str = UNSET
    token_seconds: str = UNSET
    others: dict[str, object] = msgspec.field(default_factory=dict[str, object])
    """All settings as they were set last; those that have a column are there too."""

    @property
    def settings(self) -> Settings:
        """All settings."""
        return Settings().changed(
            {
                **self.others,
                "restrict_create_service_id": self.restrict_create_service_id,
                "restrict_create_platform_apikey": self.restrict_create_platform_apikey,
                "system_access_token_expiration_in_seconds": self.token_seconds,
            }
        )

    @settings.setter
    def settings(self, settings: Settings) -> None:
        self.others = msgspec.to_builtins(settings)
        self.restrict_create_service_id = settings.restrict_create_service_id
        self.restrict_create_platform_apikey = settings.restrict_create_platform_apikey
        self.token_seconds = settings.system_access_token_expiration_in_seconds


def settings_of(session: Session, account_id: str) -> AccountSettings:
    """Return an account's settings; those that nobody has touched have a tag that stays, as an account's id does."""
    found = session.get(AccountSettings, account_id)
    return found or AccountSettings(account_id=account_id, entity_tag=f"1-{account_id}")


def token_seconds(session: Session, account_id: str) -> int:
    """Return how long access tokens of the account live."""
    wanted = settings_of(session, account_id).token_seconds
    return LIFETIME if wanted == UNSET else int(wanted)


def _check_number(name: str, value: str, least: int, most: int) -> None:
    if value != UNSET and not (value.isdecimal() and least <= int(value) <= most):
        raise MalformedError(f"{name} must be {least} to {most}, or {UNSET}")
