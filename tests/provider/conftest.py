"""A cloud of its own, a wire in front of it, and a configured provider for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import grpc.aio
import pytest
import pytest_asyncio

from ibm_native.cloud.pace import Pace
from ibm_native.model.journal import Journal
from ibm_native.provider import IbmNative
from ibm_native.serving import start
from sandbox.cloud.testing import StandIn
from tests.provider.engine import Engine, Secret
from tests.provider.wire import Wire


class FastPace(Pace):
    """A clock that runs ahead rather than wait, and takes the cloud's along; `waits` are the seconds asked for."""

    def __init__(self, cloud: StandIn) -> None:
        super().__init__()
        self.waits: list[float] = []
        self._ahead = 0.0
        self._cloud = cloud

    def now(self) -> float:
        """Return the clock with what was skipped."""
        return super().now() + self._ahead

    def today(self) -> datetime:
        """Return the calendar's time with what was skipped."""
        return super().today() + timedelta(seconds=self._ahead)

    async def sleep(self, seconds: float, why: str) -> None:
        """Skip the wait."""
        self.waits.append(seconds)
        self._ahead += seconds
        self._cloud.clock.advance(seconds)
        await super().sleep(0.001, why)


@pytest.fixture
def cloud() -> Iterator[StandIn]:
    with StandIn() as stand_in:
        yield stand_in


@pytest.fixture
def wire(cloud: StandIn) -> Iterator[Wire]:
    with Wire(cloud.url) as hop:
        yield hop


@pytest.fixture
def pace(cloud: StandIn) -> FastPace:
    return FastPace(cloud)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal")


@pytest_asyncio.fixture
async def plugin(pace: Pace, journal: Journal) -> AsyncIterator[Engine]:
    """Return a provider that nobody configured yet."""
    provider = IbmNative(pace, journal)
    server, port = await start(provider, "127.0.0.1:1")
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield Engine(channel)
    await server.stop(None)
    provider.close()


@pytest_asyncio.fixture
async def engine(plugin: Engine, cloud: StandIn, wire: Wire) -> Engine:
    """Return a provider that is configured for the stand-in, through the wire."""
    failures = await plugin.configure(apiKey=Secret(cloud.api_key), iamEndpoint=wire.url, registryEndpoint=wire.url)
    assert failures == {}
    return plugin
