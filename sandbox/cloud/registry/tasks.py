"""What is still to be done in the real registries, on disk until it is done: a kill loses nothing that was answered."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from sandbox.cloud.core.rows import Row
from sandbox.cloud.core.store import Session
from sandbox.cloud.registry.images import Image, Tag, expired, forget

LOOK, REMOVE, UNTAG, PUT = "look", "remove", "untag", "put"


class Task(Row, kw_only=True):
    """One thing to do, in the order of `id` within a region.

    `look`: see what the registry holds under this digest or tag, and note it. `remove`: remove the manifest and unlink
    the blobs. `untag`: remove the tag. `put`: store the image that the store knows by this digest, under the tag or
    without one; `source` is another repository that has its blobs.
    """

    table = "registry_task"
    indexes = ("region",)
    id: int | None = None
    region: str
    kind: str
    repository: str
    digest: str | None = None
    tag: str | None = None
    source: str | None = None
    blobs: list[str] = msgspec.field(default_factory=list[str])


@dataclass
class Agenda:
    """Tells the keeper that there is something new to do; `pending` is True until all is done."""

    pending: bool = True
    regions: set[str] = field(default_factory=set[str])
    """The regions that have a real registry: nothing is ever due elsewhere."""

    def add(self, session: Session, task: Task) -> None:
        """Put a task at the end."""
        if task.region in self.regions:
            session.add(task)
            self.pending = True

    def remove(self, session: Session, image: Image) -> None:
        """Have an image removed from the registry; its blobs stay, so that it can come back from the trash."""
        self.add(session, Task(region=image.region, kind=REMOVE, repository=image.repository, digest=image.digest))

    def erase(self, session: Session, image: Image) -> None:
        """Forget an image, and have it removed from the registry with the blobs that nothing else there has."""
        blobs = forget(session, image)
        task = Task(region=image.region, kind=REMOVE, repository=image.repository, digest=image.digest)
        task.blobs = blobs
        self.add(session, task)

    def untag(self, session: Session, tag: Tag) -> None:
        """Have a tag removed from the registry; the image stays."""
        self.add(session, Task(region=tag.region, kind=UNTAG, repository=tag.repository, tag=tag.name))

    def put(self, session: Session, image: Image, tag: str | None = None, source: str | None = None) -> None:
        """Have an image stored under a tag, or only under its digest."""
        task = Task(region=image.region, kind=PUT, repository=image.repository, digest=image.digest)
        task.tag, task.source = tag, source
        self.add(session, task)


def expire(session: Session, now: int, agenda: Agenda) -> None:
    """Remove for good what has been in the trash for too long."""
    for image in expired(session, now):
        agenda.erase(session, image)


def next_task(session: Session, region: str) -> Task | None:
    """Return the oldest task of a region."""
    return session.first(Task, order="id", region=region)
