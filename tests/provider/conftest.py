"""A cloud of its own, a wire in front of it, and a configured provider for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import grpc.aio
import pytest
import pytest_asyncio

from ibm_native.pace import Pace
from ibm_native.provider import IbmNative
from ibm_native.serving import start
from sandbox.cloud.testing import StandIn
from tests.provider.engine import Engine, Secret
from tests.provider.wire import Wire


class FastPace(Pace):
    """A clock that runs ahead rather than wait; `waits` are the seconds that were asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float] = []
        self._ahead = 0.0

    def now(self) -> float:
        """Return the clock with what was skipped."""
        return super().now() + self._ahead

    async def sleep(self, seconds: float, why: str) -> None:
        """Skip the wait."""
        self.waits.append(seconds)
        self._ahead += seconds
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
def pace() -> FastPace:
    return FastPace()


@pytest_asyncio.fixture
async def plugin(pace: FastPace) -> AsyncIterator[Engine]:
    """Return a provider that nobody configured yet."""
    provider = IbmNative(pace)
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
