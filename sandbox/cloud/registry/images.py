"""Images as the store keeps them: what the real registry holds, what lies in the trash, and what each costs."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from sandbox.cloud.core.store import Row
from sandbox.cloud.registry.namespaces import Namespace

TRASH_DAYS = 30
"""How long a deleted image can be restored, from IBM's docs."""

_DAY = 24 * 3600 * 1000

LISTS = {
    "application/vnd.docker.distribution.manifest.list.v2+json": "Docker Manifest List V2",
    "application/vnd.oci.image.index.v1+json": "OCI Image Index v1",
}
MANIFESTS = {
    "application/vnd.docker.distribution.manifest.v2+json": "Docker Image Manifest V2, Schema 2",
    "application/vnd.oci.image.manifest.v1+json": "OCI Image Manifest v1",
}
KINDS = MANIFESTS | LISTS
"""Media type of a manifest -> its name in IBM's API. The SDK names the second and the last of images' two."""


class Image(Row):
    """A manifest in one repository. `deleted_at` is None while the registry holds it; else it is in the trash since."""

    __tablename__ = "image"
    region: Mapped[str] = mapped_column(primary_key=True)
    repository: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(primary_key=True)
    namespace: Mapped[str] = mapped_column(index=True)
    media_type: Mapped[str]
    manifest: Mapped[str] = mapped_column(repr=False)
    """Byte for byte, so that its digest holds and it can be put back."""
    config: Mapped[str] = mapped_column(repr=False)
    """The image's configuration as JSON; `{}` for a manifest list."""
    config_digest: Mapped[str]
    size: Mapped[int]
    """Bytes of all that the manifest names: configuration and compressed layers."""
    built_at: Mapped[int | None]
    pushed_at: Mapped[int]
    deleted_at: Mapped[int | None]
    trashed_tags: Mapped[list[str]]

    @property
    def is_list(self) -> bool:
        """Whether it is a manifest list rather than one image."""
        return self.media_type in LISTS

    def expires_in(self, now: int) -> int:
        """Return the days, rounded up, until it leaves the trash; 0 or less when it has left."""
        return -((now - (self.deleted_at or now) - TRASH_DAYS * _DAY) // _DAY)


class Tag(Row):
    """A tag of a repository, and the digest that it names."""

    __tablename__ = "image_tag"
    region: Mapped[str] = mapped_column(primary_key=True)
    repository: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(index=True)


class Blob(Row):
    """A layer or a configuration that an image names. Shared ones have a row for each image and are charged once."""

    __tablename__ = "image_blob"
    region: Mapped[str] = mapped_column(primary_key=True)
    repository: Mapped[str] = mapped_column(primary_key=True)
    image: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(primary_key=True)
    size: Mapped[int]


def images_in(session: Session, region: str, namespaces: Collection[str]) -> list[Image]:
    """Return what the registry holds in these namespaces, by repository, the newest push first."""
    wanted = select(Image).where(Image.region == region, Image.namespace.in_(namespaces), Image.deleted_at.is_(None))
    return list(session.scalars(wanted.order_by(Image.repository, Image.pushed_at.desc(), Image.digest)))


def trashed_in(session: Session, region: str, namespaces: Collection[str], now: int) -> list[Image]:
    """Return what can be restored in these namespaces."""
    wanted = select(Image).where(
        Image.region == region, Image.namespace.in_(namespaces), Image.deleted_at > now - TRASH_DAYS * _DAY
    )
    return list(session.scalars(wanted.order_by(Image.repository, Image.digest)))


def find_image(session: Session, region: str, repository: str, digest: str) -> Image | None:
    """Return the image with this digest, if the registry holds it."""
    found = session.get(Image, (region, repository, digest))
    return found if found is not None and found.deleted_at is None else None


def tags_of(session: Session, image: Image) -> list[str]:
    """Return the tags of an image, by name."""
    wanted = select(Tag.name).where(
        Tag.region == image.region, Tag.repository == image.repository, Tag.digest == image.digest
    )
    return list(session.scalars(wanted.order_by(Tag.name)))


def tags_in(session: Session, region: str, namespaces: Collection[str]) -> dict[tuple[str, str], list[str]]:
    """Return all tags in these namespaces: (repository, digest) -> names."""
    wanted = (
        select(Tag.repository, Tag.digest, Tag.name)
        .join(Image, (Image.region == Tag.region) & (Image.repository == Tag.repository) & (Image.digest == Tag.digest))
        .where(Tag.region == region, Image.namespace.in_(namespaces))
        .order_by(Tag.name)
    )
    found: dict[tuple[str, str], list[str]] = {}
    for repository, digest, name in session.execute(wanted):
        found.setdefault((repository, digest), []).append(name)
    return found


def set_tag(session: Session, region: str, repository: str, name: str, digest: str) -> None:
    """Point a tag at a digest."""
    found = session.get(Tag, (region, repository, name))
    if found is None:
        session.add(Tag(region=region, repository=repository, name=name, digest=digest))
    else:
        found.digest = digest


def drop_tags(session: Session, image: Image) -> list[str]:
    """Take all tags off an image; returns them."""
    names = tags_of(session, image)
    session.execute(
        delete(Tag).where(Tag.region == image.region, Tag.repository == image.repository, Tag.digest == image.digest)
    )
    return names


def trash(session: Session, image: Image, now: int) -> list[str]:
    """Move an image to the trash; returns the tags that it had."""
    image.trashed_tags = drop_tags(session, image)
    image.deleted_at = now
    return image.trashed_tags


def copy_image(session: Session, image: Image, repository: str, now: int) -> list[Image]:
    """Put an image into another repository of its region: its manifests in the order in which they must be stored.

    A list's manifests come before the list; what the repository holds already is kept as it is.
    """
    parts = [other for other in _held(session, image) if other.digest in image.manifest] if image.is_list else []
    return [_copy(session, part, repository, now) for part in (*parts, image)]


def _held(session: Session, image: Image) -> list[Image]:
    wanted = select(Image).where(
        Image.region == image.region, Image.repository == image.repository, Image.deleted_at.is_(None)
    )
    return [other for other in session.scalars(wanted) if other is not image]


def _copy(session: Session, image: Image, repository: str, now: int) -> Image:
    found = session.get(Image, (image.region, repository, image.digest))
    if found is not None:
        found.deleted_at = None
        found.trashed_tags = []
        return found
    made = Image(
        region=image.region,
        repository=repository,
        digest=image.digest,
        namespace=repository.partition("/")[0],
        media_type=image.media_type,
        manifest=image.manifest,
        config=image.config,
        config_digest=image.config_digest,
        size=image.size,
        built_at=image.built_at,
        pushed_at=now,
        deleted_at=None,
        trashed_tags=[],
    )
    session.add(made)
    for digest, size in session.execute(select(Blob.digest, Blob.size).where(*_blobs_of(image))).all():
        session.add(Blob(region=image.region, repository=repository, image=image.digest, digest=digest, size=size))
    session.flush()
    return made


def expired(session: Session, now: int) -> list[Image]:
    """Return what has been in the trash for too long."""
    return list(session.scalars(select(Image).where(Image.deleted_at <= now - TRASH_DAYS * _DAY)))


def forget(session: Session, image: Image) -> list[str]:
    """Remove an image for good; returns the blobs that no other image of its repository has, the trash included."""
    drop_tags(session, image)
    own = set(session.scalars(select(Blob.digest).where(*_blobs_of(image))))
    session.execute(delete(Blob).where(*_blobs_of(image)))
    session.delete(image)
    session.flush()
    place = (Blob.region == image.region, Blob.repository == image.repository)
    return sorted(own - set(session.scalars(select(Blob.digest).where(*place))))


def stored_bytes(session: Session, region: str, account_id: str) -> int:
    """Return what an account's images in a region take up: shared layers count once, the trash doesn't count."""
    each = (
        select(Blob.digest, Blob.size)
        .join(
            Image,
            (Image.region == Blob.region) & (Image.repository == Blob.repository) & (Image.digest == Blob.image),
        )
        .join(Namespace, (Namespace.region == Image.region) & (Namespace.name == Image.namespace))
        .where(Image.region == region, Image.deleted_at.is_(None), Namespace.account_id == account_id)
        .distinct()
        .subquery()
    )
    return session.scalar(select(func.coalesce(func.sum(each.c.size), 0))) or 0


def _blobs_of(image: Image) -> tuple[ColumnElement[bool], ...]:
    return (Blob.region == image.region, Blob.repository == image.repository, Blob.image == image.digest)
