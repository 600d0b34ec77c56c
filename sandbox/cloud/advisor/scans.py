"""What Vulnerability Advisor keeps: what each image has installed, and what is exempt."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from sandbox.cloud.core.store import Row
from sandbox.cloud.registry.images import Image, Tag

SCANNED, UNSUPPORTED, INCOMPLETE = "SCANNED", "UNSUPPORTED", "INCOMPLETE"
"""How a scan ended: with a list of packages, without any, or at a layer that can't be read."""

CVE, NOTICE, CONFIGURATION = "cve", "sn", "configuration"


SCAN_DAYS = 30
"""How long a scan's result is kept, from IBM's docs. An image that is tagged is scanned anew then."""

_DAY = 24 * 3600 * 1000


class Scan(Row):
    """What was found in one image; how bad that is depends on what is known when somebody asks."""

    __tablename__ = "scan"
    region: Mapped[str] = mapped_column(primary_key=True)
    repository: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(primary_key=True)
    outcome: Mapped[str]
    packages: Mapped[dict[str, object]]
    """Name -> version."""
    release: Mapped[dict[str, object]]
    """The image's os-release."""
    scanned_at: Mapped[int]


class Exemption(Row):
    """A CVE or security notice that doesn't count for a resource, or anywhere when `resource` is empty.

    A resource is a namespace, `namespace/repository`, and that with `:tag` or `@digest`.
    """

    __tablename__ = "exemption"
    region: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[str] = mapped_column(primary_key=True)
    resource: Mapped[str] = mapped_column(primary_key=True)
    issue_type: Mapped[str] = mapped_column(primary_key=True)
    issue_id: Mapped[str] = mapped_column(primary_key=True)


def due(session: Session, region: str, pushed_before: int) -> Image | None:
    """Return a tagged image that is to be scanned: the one that was pushed first, before this time."""
    wanted = (
        select(Image)
        .join(Tag, (Tag.region == Image.region) & (Tag.repository == Image.repository) & (Tag.digest == Image.digest))
        .outerjoin(
            Scan, (Scan.region == Image.region) & (Scan.repository == Image.repository) & (Scan.digest == Image.digest)
        )
        .where(Image.region == region, Image.deleted_at.is_(None), Image.pushed_at <= pushed_before)
        .where(Scan.digest.is_(None), Image.config_digest != Image.digest)
        .order_by(Image.pushed_at)
    )
    return session.scalars(wanted.limit(1)).first()


def drop_old_scans(session: Session, now: int, _agenda: object) -> None:
    """Remove results that have been kept for long enough; `now` is in milliseconds."""
    session.execute(delete(Scan).where(Scan.scanned_at <= now - SCAN_DAYS * _DAY))


def scan_of(session: Session, image: Image) -> Scan | None:
    """Return what was found in an image, if it was scanned."""
    return session.get(Scan, (image.region, image.repository, image.digest))


def exemptions_of(
    session: Session, region: str, account_id: str, resources: Collection[str] | None = None
) -> list[Exemption]:
    """Return an account's exemptions, or those of them for exactly these resources."""
    wanted = select(Exemption).where(Exemption.region == region, Exemption.account_id == account_id)
    if resources is not None:
        wanted = wanted.where(Exemption.resource.in_(resources))
    return list(session.scalars(wanted.order_by(Exemption.resource, Exemption.issue_type, Exemption.issue_id)))


def delete_exemptions(session: Session, region: str, account_id: str) -> int:
    """Remove all exemptions of an account; returns how many there were."""
    found = exemptions_of(session, region, account_id)
    session.execute(delete(Exemption).where(Exemption.region == region, Exemption.account_id == account_id))
    return len(found)


def scopes_of(image: Image, tag: str | None) -> list[str]:
    """Return the resources whose exemptions hold for an image under this tag."""
    names = ["", image.namespace, image.repository, f"{image.repository}@{image.digest}"]
    return [*names, f"{image.repository}:{tag}"] if tag else names
