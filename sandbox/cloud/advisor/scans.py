"""What Vulnerability Advisor keeps: what each image has installed, and what is exempt."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sandbox.cloud.core.rows import Row
from sandbox.cloud.core.store import Session
from sandbox.cloud.registry.images import Image

SCANNED, UNSUPPORTED, INCOMPLETE = "SCANNED", "UNSUPPORTED", "INCOMPLETE"
"""How a scan ended: with a list of packages, without any, or at a layer that can't be read."""

CVE, NOTICE, CONFIGURATION = "cve", "sn", "configuration"


SCAN_DAYS = 30
"""How long a scan's result is kept, from IBM's docs. An image that is tagged is scanned anew then."""

_DAY = 24 * 3600 * 1000


class Scan(Row):
    """What was found in one image; how bad that is depends on what is known when somebody asks."""

    table = "scan"
    key = ("region", "repository", "digest")
    region: str
    repository: str
    digest: str
    outcome: str
    packages: dict[str, object]
    """Name -> version."""
    release: dict[str, object]
    """The image's os-release."""
    scanned_at: int


class Exemption(Row):
    """A CVE or security notice that doesn't count for a resource, or anywhere when `resource` is empty.

    A resource is a namespace, `namespace/repository`, and that with `:tag` or `@digest`.
    """

    table = "exemption"
    key = ("region", "account_id", "resource", "issue_type", "issue_id")
    region: str
    account_id: str
    resource: str
    issue_type: str
    issue_id: str


def due(session: Session, region: str, pushed_before: int) -> Image | None:
    """Return a tagged image that is to be scanned: the one that was pushed first, before this time."""
    where = """
        pushed_at <= ? AND config_digest <> digest
        AND (repository, digest) IN (SELECT repository, digest FROM image_tag WHERE region = image.region)
        AND (repository, digest) NOT IN (SELECT repository, digest FROM scan WHERE region = image.region)
    """
    return session.first(Image, where, pushed_before, order="pushed_at", region=region, deleted_at=None)


def drop_old_scans(session: Session, now: int, _agenda: object) -> None:
    """Remove results that have been kept for long enough; `now` is in milliseconds."""
    session.forget(Scan, "scanned_at <= ?", now - SCAN_DAYS * _DAY)


def scan_of(session: Session, image: Image) -> Scan | None:
    """Return what was found in an image, if it was scanned."""
    return session.get(Scan, image.region, image.repository, image.digest)


def exemptions_of(
    session: Session, region: str, account_id: str, resources: Collection[str] | None = None
) -> list[Exemption]:
    """Return an account's exemptions, or those of them for exactly these resources."""
    some: dict[str, Any] = {} if resources is None else {"resource": resources}
    order = "resource, issue_type, issue_id"
    return session.all(Exemption, order=order, region=region, account_id=account_id, **some)


def delete_exemptions(session: Session, region: str, account_id: str) -> int:
    """Remove all exemptions of an account; returns how many there were."""
    found = exemptions_of(session, region, account_id)
    session.forget(Exemption, region=region, account_id=account_id)
    return len(found)


def scopes_of(image: Image, tag: str | None) -> list[str]:
    """Return the resources whose exemptions hold for an image under this tag."""
    names = ["", image.namespace, image.repository, f"{image.repository}@{image.digest}"]
    return [*names, f"{image.repository}:{tag}"] if tag else names
