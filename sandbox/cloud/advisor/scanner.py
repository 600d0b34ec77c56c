"""Scans images some time after they were pushed: reads from their layers, in the real registry, what is installed."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass, field
from typing import IO

import msgspec

from sandbox.cloud.advisor import packages
from sandbox.cloud.advisor.advisories import Advisories
from sandbox.cloud.advisor.layers import UnreadableError, overlay
from sandbox.cloud.advisor.scans import INCOMPLETE, SCANNED, UNSUPPORTED, Scan, due
from sandbox.cloud.core.clock import Clock
from sandbox.cloud.core.store import Store
from sandbox.cloud.registry.images import Image, find_image
from sandbox.cloud.registry.upstream import Upstream

_PIECE = 1 << 20


@dataclass
class Advisor:
    """How Vulnerability Advisor works here.

    `delay`: seconds of the stand-in's clock between a push and its scan; at IBM it takes minutes.
    """

    delay: float = 1.0
    advisories: Advisories = field(default_factory=Advisories)


class _Layer(msgspec.Struct):
    digest: str


class _Manifest(msgspec.Struct):
    layers: list[_Layer] = msgspec.field(default_factory=list[_Layer])


async def scan_due(store: Store, clock: Clock, region: str, upstream: Upstream, delay: float) -> None:
    """Scan what is due in a region. Raises UpstreamError when the registry is down; the rest is due still."""
    while True:
        with store.transaction() as session:
            image = due(session, region, clock.millis() - int(delay * 1000))
        if image is None:
            return
        scan = await _scan(image, upstream)
        scan.scanned_at = clock.millis()
        with store.transaction() as session:
            # It may have been deleted in the meantime; its scan comes back with it.
            if find_image(session, region, image.repository, image.digest) is not None:
                session.replace(scan)


async def _scan(image: Image, upstream: Upstream) -> Scan:
    scan = Scan(
        region=image.region,
        repository=image.repository,
        digest=image.digest,
        outcome=SCANNED,
        packages={},
        release={},
        scanned_at=0,
    )
    try:
        files = await _files(image, upstream)
    except UnreadableError:
        scan.outcome = INCOMPLETE
        return scan
    scan.release = dict(packages.release(files))
    found = packages.installed(files)
    if found is None:
        scan.outcome = UNSUPPORTED
    else:
        scan.packages = dict(found)
    return scan


async def _files(image: Image, upstream: Upstream) -> dict[str, str]:
    """Return the files, path -> text, that say what is installed."""
    files: dict[str, str] = {}
    for layer in msgspec.json.decode(image.manifest, type=_Manifest).layers:
        with tempfile.TemporaryFile() as held:
            await _fetch(image.repository, layer.digest, upstream, held)
            await asyncio.to_thread(overlay, files, held, packages.is_wanted)
    return files


async def _fetch(repository: str, digest: str, upstream: Upstream, held: IO[bytes]) -> None:
    async with upstream.blob(repository, digest) as answer:
        if answer is None:
            raise UnreadableError(digest)
        async for piece in answer.aiter_raw(_PIECE):
            held.write(piece)
    held.seek(0)
