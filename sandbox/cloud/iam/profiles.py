"""Trusted profiles as the store keeps them: who may assume one, which compute resources and users are linked to it."""

from __future__ import annotations

from typing import cast

from sqlalchemy import delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from sandbox.cloud.iam.identities import Entity

PREFIX = "iam-Profile-"
"""How the IAM ID of a profile begins; its id is the same without `iam-`."""


class Profile(Entity):
    """A trusted profile. Names are unique in an account."""

    __tablename__ = "trusted_profile"
    kind = "profile"
    iam_id: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    description: Mapped[str | None]
    email: Mapped[str | None]
    trusted: Mapped[dict[str, object]] = mapped_column(default_factory=dict[str, object])
    """IAM ID -> identity that may assume it, as answers show it."""

    def trusts(self, iam_id: str) -> bool:
        """Tell whether this identity may assume the profile."""
        return iam_id in self.trusted

    def identities(self) -> list[dict[str, object]]:
        """Return the identities that may assume it."""
        return [cast("dict[str, object]", each) for each in self.trusted.values()]


class ProfileLink(Entity):
    """A compute resource that is linked to a profile."""

    __tablename__ = "trusted_profile_link"
    kind = "profile-link"
    profile_id: Mapped[str] = mapped_column(index=True)
    name: Mapped[str | None]
    cr_type: Mapped[str]
    link: Mapped[dict[str, object]]


class ProfileRule(Entity):
    """A claim rule of a profile."""

    __tablename__ = "trusted_profile_rule"
    kind = "profile-rule"
    profile_id: Mapped[str] = mapped_column(index=True)
    name: Mapped[str | None]
    type: Mapped[str]
    realm_name: Mapped[str | None]
    cr_type: Mapped[str | None]
    expiration: Mapped[int]
    conditions: Mapped[dict[str, object]]
    """`conditions` -> the list of them."""


def find_profile(session: Session, *, name: str | None = None, **values: str) -> Profile | None:
    """Return the profile with these values, such as its id or IAM ID, or with this name in an account."""
    wanted = select(Profile).filter_by(**values, **({"name": name} if name else {}))
    return session.scalars(wanted).one_or_none()


def forget_profile(session: Session, profile: Profile) -> None:
    """Remove a profile with its links and rules."""
    for table in (ProfileLink, ProfileRule):
        session.execute(delete(table).where(table.profile_id == profile.id))
    session.delete(profile)
