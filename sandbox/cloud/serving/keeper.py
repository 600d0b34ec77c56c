"""Keeps the store and the real registries in step: what the API asks for goes there, and what users push comes here."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.cloud.advisor.scanner import Advisor, scan_due
from sandbox.cloud.advisor.scans import drop_old_scans
from sandbox.cloud.core.clock import Clock
from sandbox.cloud.core.store import Session, Store
from sandbox.cloud.registry.retention import run_due
from sandbox.cloud.registry.sync import Sync
from sandbox.cloud.registry.tasks import Agenda, expire
from sandbox.cloud.registry.tokens import RegistryTokens
from sandbox.cloud.registry.upstream import Upstream, UpstreamError

_TICK = 1.0
"""Seconds between two looks at the clock, and between two attempts at a registry that is down."""


_DUE: tuple[Callable[[Session, int, Agenda], None], ...] = (run_due, expire, drop_old_scans)
"""What the clock brings about: called in a transaction, with the time in milliseconds."""


@dataclass(frozen=True)
class Registries:
    """The real registries: region -> Unix socket, the secret that comes with their events, and what scans them."""

    sockets: Mapping[str, Path] = field(default_factory=dict[str, Path])
    events_secret: str | None = field(default=None, repr=False)
    advisor: Advisor = field(default_factory=Advisor)


class Keeper:
    """The real registries of one stand-in. Without any it does nothing but what the clock brings about."""

    def __init__(self, store: Store, clock: Clock, tokens: RegistryTokens, registries: Registries) -> None:
        self._store = store
        self._clock = clock
        self._tokens = tokens
        self._sockets = registries.sockets
        self.events_secret = registries.events_secret
        self.advisor = registries.advisor
        self.agenda = Agenda(regions=set(registries.sockets))
        self._regions: dict[str, Sync] = {}
        self._stale = set(registries.sockets)
        self._instances: dict[str, str] = {}
        self._lock = asyncio.Lock()

    async def run(self) -> None:
        """Work until cancelled."""
        upstreams = {region: Upstream(region, socket, self._tokens) for region, socket in self._sockets.items()}
        self._regions = {
            region: Sync(self._store, self._clock, region, upstream) for region, upstream in upstreams.items()
        }
        try:
            while True:
                await self.settle()
                for region, upstream in upstreams.items():
                    if self._sockets[region].exists():
                        await self._done(scan_due(self._store, self._clock, region, upstream, self.advisor.delay))
                await asyncio.sleep(_TICK)
        finally:
            self._regions = {}
            await asyncio.gather(*(upstream.close() for upstream in upstreams.values()))

    async def settle(self) -> None:
        """Do what is due now. What can't be done, because a registry is down, stays due."""
        async with self._lock:
            with self._store.transaction() as session:
                for job in _DUE:
                    job(session, self._clock.millis(), self.agenda)
            running = [region for region in self._regions if self._sockets[region].exists()]
            for region in running:
                if region in self._stale and await self._done(self._regions[region].reconcile()):
                    self._stale.discard(region)
            if self.agenda.pending:
                self.agenda.pending = False
                done = [await self._done(self._regions[region].work()) for region in running]
                self.agenda.pending |= not all(done)

    def seen(self, region: str, instance: str) -> None:
        """Note which process an event came from: the one before may have lost events, so all is looked at again."""
        if self._instances.setdefault(region, instance) != instance:
            self._instances[region] = instance
            self.reconcile(region)

    def reconcile(self, region: str) -> None:
        """Have everything in a region's registry looked at again, at the next `settle`."""
        if region in self._sockets:
            self._stale.add(region)

    def reconcile_all(self) -> None:
        """Have everything looked at again: what the store doesn't know of any more is removed."""
        self._stale = set(self._sockets)
        self.agenda.pending = True

    @staticmethod
    async def _done(work: Awaitable[None]) -> bool:
        """Tell whether the work was done; not, if the registry is down."""
        try:
            await work
        except UpstreamError:
            return False
        return True
