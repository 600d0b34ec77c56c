"""Images as the store keeps them: what the real registry holds, what lies in the trash, and what each costs."""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from sandbox.cloud.core.rows import Row
from sandbox.cloud.core.store import Session

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

    table = "image"
    key = ("region", "repository", "digest")
    indexes = ("namespace",)
    region: str
    repository: str
    digest: str
    namespace: str
    media_type: str
    manifest: str
    """Byte for byte, so that its digest holds and it can be put back."""
    config: str
    """The image's configuration as JSON; `{}` for a manifest list."""
    config_digest: str
    size: int
    """Bytes of all that the manifest names: configuration and compressed layers."""
    built_at: int | None
    pushed_at: int
    deleted_at: int | None
    trashed_tags: list[str]

    @property
    def is_list(self) -> bool:
        """Whether it is a manifest list rather than one image."""
        return self.media_type in LISTS

    def expires_in(self, now: int) -> int:
        """Return the days, rounded up, until it leaves the trash; 0 or less when it has left."""
        return -((now - (self.deleted_at or now) - TRASH_DAYS * _DAY) // _DAY)


class Tag(Row):
    """A tag of a repository, and the digest that it names."""

    table = "image_tag"
    key = ("region", "repository", "name")
    indexes = ("digest",)
    region: str
    repository: str
    name: str
    digest: str


class Blob(Row):
    """A layer or a configuration that an image names. Shared ones have a row for each image and are charged once."""

    table = "image_blob"
    key = ("region", "repository", "image", "digest")
    region: str
    repository: str
    image: str
    digest: str
    size: int


def images_in(session: Session, region: str, namespaces: Collection[str]) -> list[Image]:
    """Return what the registry holds in these namespaces, by repository, the newest push first."""
    order = "repository, pushed_at DESC, digest"
    return session.all(Image, order=order, region=region, namespace=namespaces, deleted_at=None)


def trashed_in(session: Session, region: str, namespaces: Collection[str], now: int) -> list[Image]:
    """Return what can be restored in these namespaces."""
    oldest = now - TRASH_DAYS * _DAY
    order = "repository, digest"
    return session.all(Image, "deleted_at > ?", oldest, order=order, region=region, namespace=namespaces)


def find_image(session: Session, region: str, repository: str, digest: str) -> Image | None:
    """Return the image with this digest, if the registry holds it."""
    found = session.get(Image, region, repository, digest)
    return found if found is not None and found.deleted_at is None else None


def tags_of(session: Session, image: Image) -> list[str]:
    """Return the tags of an image, by name."""
    return [tag.name for tag in session.all(Tag, order="name", **_place(image), digest=image.digest)]


def tags_in(session: Session, region: str, namespaces: Collection[str]) -> dict[tuple[str, str], list[str]]:
    """Return all tags in these namespaces: (repository, digest) -> names."""
    found: dict[tuple[str, str], list[str]] = {}
    for tag in session.all(Tag, order="name", region=region):
        if tag.repository.partition("/")[0] in namespaces:
            found.setdefault((tag.repository, tag.digest), []).append(tag.name)
    return found


def set_tag(session: Session, region: str, repository: str, name: str, digest: str) -> None:
    """Point a tag at a digest."""
    found = session.get(Tag, region, repository, name)
    if found is None:
        session.add(Tag(region=region, repository=repository, name=name, digest=digest))
    else:
        found.digest = digest


def drop_tags(session: Session, image: Image) -> list[str]:
    """Take all tags off an image; returns them."""
    names = tags_of(session, image)
    session.forget(Tag, **_place(image), digest=image.digest)
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
    return [other for other in session.all(Image, **_place(image), deleted_at=None) if other is not image]


def _copy(session: Session, image: Image, repository: str, now: int) -> Image:
    found = session.get(Image, image.region, repository, image.digest)
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
    for blob in session.all(Blob, **_place(image), image=image.digest):
        session.add(msgspec.structs.replace(blob, repository=repository))
    return made


def expired(session: Session, now: int) -> list[Image]:
    """Return what has been in the trash for too long."""
    return session.all(Image, "deleted_at <= ?", now - TRASH_DAYS * _DAY)


def forget(session: Session, image: Image) -> list[str]:
    """Remove an image for good; returns the blobs that no other image of its repository has, the trash included."""
    drop_tags(session, image)
    own = {blob.digest for blob in session.all(Blob, **_place(image), image=image.digest)}
    session.forget(Blob, **_place(image), image=image.digest)
    session.delete(image)
    return sorted(own - {blob.digest for blob in session.all(Blob, **_place(image))})


def stored_bytes(session: Session, region: str, account_id: str) -> int:
    """Return what an account's images in a region take up: shared layers count once, the trash doesn't count."""
    held = """
        SELECT DISTINCT image_blob.digest, image_blob.size FROM image_blob
        JOIN image USING (region, repository)
        JOIN namespace ON namespace.region = image.region AND namespace.name = image.namespace
        WHERE image.digest = image_blob.image AND image.deleted_at IS NULL
            AND image.region = ? AND namespace.account_id = ?
    """
    return sum(size for _, size in session.query(held, region, account_id))


def _place(image: Image) -> dict[str, str]:
    return {"region": image.region, "repository": image.repository}
