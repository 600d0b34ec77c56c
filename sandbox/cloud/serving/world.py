"""What outlives a request."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from sandbox.cloud.controls import Controls
from sandbox.cloud.core.clock import Clock
from sandbox.cloud.core.regions import Regions
from sandbox.cloud.core.store import Store
from sandbox.cloud.iam.accounts import begin_anew
from sandbox.cloud.iam.activity import Activity
from sandbox.cloud.iam.clusters import Clusters
from sandbox.cloud.iam.tokens import IamTokens
from sandbox.cloud.registry.tokens import RegistryTokens
from sandbox.cloud.serving.keeper import Keeper, Registries

_TICK = 1.0
"""Seconds between two looks at what is to be written."""


@dataclass(frozen=True, slots=True)
class World:
    """Everything that outlives a request."""

    store: Store
    clock: Clock
    regions: Regions
    iam_tokens: IamTokens
    registry_tokens: RegistryTokens
    keeper: Keeper
    activity: Activity
    clusters: Clusters
    controls: Controls = field(default_factory=Controls)

    @classmethod
    def of(
        cls,
        store: Store,
        addresses: dict[str, str],
        iam: IamTokens,
        tokens: RegistryTokens,
        *,
        registries: Registries | None = None,
        clusters: Path | None = None,
    ) -> Self:
        """Put a world together, with a clock of its own; `addresses` maps region to host:port, `clusters` is a file."""
        clock = Clock()
        keeper = Keeper(store, clock, tokens, registries or Registries())
        return cls(store, clock, Regions(addresses), iam, tokens, keeper, Activity(store), Clusters(clusters))

    def reset(self) -> None:
        """Take back everything but the accounts, their owners' first keys and their default groups."""
        self.clock.reset()
        for controls in (self.controls.faults, self.controls.delays, self.controls.requests, self.activity):
            controls.clear()
        with self.store.transaction() as session:
            begin_anew(session, self.clock.millis())
        self.keeper.reconcile_all()

    async def run(self) -> None:
        """Do what is to be done beside requests, until cancelled."""
        try:
            while True:
                self.activity.keep()
                await asyncio.sleep(_TICK)
        finally:
            self.activity.keep()
