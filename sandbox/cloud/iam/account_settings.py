"""An account's identity settings, as far as the stand-in obeys them."""

from __future__ import annotations

from sqlalchemy.orm import Mapped, Session, mapped_column

from sandbox.cloud.core.store import Row
from sandbox.cloud.core.tags import next_tag
from sandbox.cloud.iam.tokens import LIFETIME

UNSET = "NOT_SET"
RESTRICTED = "RESTRICTED"


class AccountSettings(Row):
    """The settings that the stand-in obeys; an account without a row has none set."""

    __tablename__ = "account_settings"
    account_id: Mapped[str] = mapped_column(primary_key=True)
    restrict_create_service_id: Mapped[str] = mapped_column(default=UNSET)
    restrict_create_platform_apikey: Mapped[str] = mapped_column(default=UNSET)
    token_seconds: Mapped[str] = mapped_column(default=UNSET)
    entity_tag: Mapped[str] = mapped_column(default_factory=lambda: next_tag(None))


def token_seconds(session: Session, account_id: str) -> int:
    """Return how long access tokens of the account live."""
    wanted = settings_of(session, account_id).token_seconds
    return LIFETIME if wanted == UNSET else int(wanted)


def settings_of(session: Session, account_id: str) -> AccountSettings:
    """Return an account's settings."""
    return session.get(AccountSettings, account_id) or AccountSettings(account_id=account_id)
