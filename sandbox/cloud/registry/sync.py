"""One region's registry and the store: does the tasks of the API, and finds out what users have pushed and removed.

The registry is asked how things are whenever an event hints at a change, so an event may come twice, late or out of
order. What lost events would have told, `reconcile` finds.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

import msgspec

from sandbox.cloud.core.clock import Clock
from sandbox.cloud.core.store import Session, Store
from sandbox.cloud.registry.images import LISTS, Blob, Image, Tag, find_image, set_tag, trash
from sandbox.cloud.registry.namespaces import Namespace
from sandbox.cloud.registry.tasks import LOOK, PUT, UNTAG, Task, next_task
from sandbox.cloud.registry.upstream import Manifest, RefusedError, Upstream


class _Descriptor(msgspec.Struct):
    digest: str
    size: int = 0


class _Parts(msgspec.Struct):
    """A manifest: an image's configuration and layers, or a list's manifests."""

    config: _Descriptor | None = None
    layers: list[_Descriptor] = msgspec.field(default_factory=list[_Descriptor])
    manifests: list[_Descriptor] = msgspec.field(default_factory=list[_Descriptor])


class _Config(msgspec.Struct):
    created: str | None = None


class Sync:
    """Brings one region's registry and the store together. Raises UpstreamError when the registry is down."""

    def __init__(self, store: Store, clock: Clock, region: str, upstream: Upstream) -> None:
        self._store = store
        self._clock = clock
        self._region = region
        self._upstream = upstream

    async def work(self) -> None:
        """Do the region's tasks, the oldest first. A task is forgotten when it is done, or can never be."""
        while True:
            with self._store.transaction() as session:
                task = next_task(session, self._region)
            if task is None:
                return
            try:
                await self._do(task)
            except RefusedError:
                await self._check(task.repository, task.tag, task.digest)
            with self._store.transaction() as session:
                session.delete(task)

    async def reconcile(self) -> None:
        """Look at everything that the registry or the store knows. Tasks go first: the API's word is the last."""
        await self.work()
        tags, digests = self._known()
        for repository in await self._upstream.repositories():
            tags |= {(repository, name) for name in await self._upstream.tags(repository)}
        for repository, name in sorted(tags):
            await self._check(repository, name, None)
        for repository, digest in sorted(digests):
            await self._check(repository, None, digest)

    def _known(self) -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
        with self._store.transaction() as session:
            tags = session.all(Tag, region=self._region)
            images = session.all(Image, region=self._region, deleted_at=None)
        return {(tag.repository, tag.name) for tag in tags}, {(image.repository, image.digest) for image in images}

    async def _do(self, task: Task) -> None:
        if task.kind == LOOK:
            await self._look(task.repository, task.tag, task.digest)
        elif task.kind == PUT:
            await self._put(task)
        elif task.kind == UNTAG:
            await self._upstream.untag(task.repository, task.tag or "")
        else:
            await self._upstream.remove(task.repository, task.digest or "")
            for blob in task.blobs:
                await self._upstream.unlink(task.repository, blob)

    async def _put(self, task: Task) -> None:
        with self._store.transaction() as session:
            image = session.get(Image, self._region, task.repository, task.digest)
            blobs = session.all(Blob, region=self._region, repository=task.repository, image=task.digest)
        if image is None:
            return
        for blob in blobs if task.source else ():
            await self._upstream.mount(task.repository, task.source or "", blob.digest)
        reference = task.tag or image.digest
        await self._upstream.put(task.repository, reference, image.media_type, image.manifest.encode())

    async def _check(self, repository: str, tag: str | None, digest: str | None) -> None:
        """Look, and leave what can't be read as it is."""
        with suppress(RefusedError):
            await self._look(repository, tag, digest)

    async def _look(self, repository: str, tag: str | None, digest: str | None) -> None:
        """See what the registry holds under a tag, a digest or both, and note it."""
        if tag is not None:
            found = await self._upstream.manifest(repository, tag)
            if found is None:
                self._drop_tag(repository, tag)
            else:
                await self._note(repository, found, tag)
                digest = None if digest == found.digest else digest
        if digest is not None:
            found = await self._upstream.manifest(repository, digest)
            if found is None:
                self._drop_image(repository, digest)
            else:
                await self._note(repository, found, None)

    async def _note(self, repository: str, found: Manifest, tag: str | None) -> None:
        namespace = repository.partition("/")[0]
        with self._store.transaction() as session:
            is_ours = session.get(Namespace, self._region, namespace) is not None
            known = find_image(session, self._region, repository, found.digest)
        if not is_ours:
            await self._upstream.remove(repository, found.digest)
            return
        parts = _parts(found)
        config = "{}"
        if known is None and parts.config is not None:
            config = await self._upstream.config(repository, parts.config.digest)
        with self._store.transaction() as session:
            if find_image(session, self._region, repository, found.digest) is None:
                self._add(session, repository, found, parts, config)
            if tag is not None:
                set_tag(session, self._region, repository, tag, found.digest)

    def _add(self, session: Session, repository: str, found: Manifest, parts: _Parts, config: str) -> None:
        """Add an image; one that was in the trash is there again."""
        earlier = session.get(Image, self._region, repository, found.digest)
        if earlier is not None:
            earlier.deleted_at = None
            earlier.trashed_tags = []
            earlier.pushed_at = self._clock.millis()
            return
        held = {part.digest: part.size for part in (*parts.layers, *([parts.config] if parts.config else []))}
        key = {"region": self._region, "repository": repository}
        session.add(*(Blob(image=found.digest, digest=digest, size=size, **key) for digest, size in held.items()))
        session.add(
            Image(
                digest=found.digest,
                namespace=repository.partition("/")[0],
                media_type=found.media_type,
                manifest=found.body.decode("utf-8", "replace"),
                config=config,
                config_digest=parts.config.digest if parts.config else found.digest,
                size=sum(held.values()) if found.media_type not in LISTS else sum(p.size for p in parts.manifests),
                built_at=_built_at(config),
                pushed_at=self._clock.millis(),
                deleted_at=None,
                trashed_tags=[],
                **key,
            )
        )

    def _drop_tag(self, repository: str, name: str) -> None:
        with self._store.transaction() as session:
            found = session.get(Tag, self._region, repository, name)
            if found is not None:
                session.delete(found)

    def _drop_image(self, repository: str, digest: str) -> None:
        with self._store.transaction() as session:
            found = find_image(session, self._region, repository, digest)
            if found is not None:
                trash(session, found, self._clock.millis())


def _parts(found: Manifest) -> _Parts:
    try:
        return msgspec.json.decode(found.body, type=_Parts)
    except msgspec.DecodeError:
        return _Parts()


def _built_at(config: str) -> int | None:
    """Return when an image was built, in milliseconds, as its configuration says; None where it says nothing."""
    try:
        created = msgspec.json.decode(config, type=_Config).created
        return int(datetime.fromisoformat(created).timestamp() * 1000) if created else None
    except (msgspec.DecodeError, ValueError, OverflowError):
        return None
