"""Nothing that one thread waits for holds up the rest: the event loop answers, and a cancel is heard."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from dataclasses import dataclass, field

import pytest

from sandbox.cloud.testing import StandIn
from tests.provider.engine import Engine, RefusedError, Secret
from tests.provider.samples import SERVICE_ID
from tests.provider.wire import Trouble, Wire

pytestmark = pytest.mark.provider


@dataclass
class SlowToken:
    """IAM takes its time for a token: until `release`, which only a free event loop can set, or for five seconds."""

    asked: threading.Event = field(default_factory=threading.Event)
    release: threading.Event = field(default_factory=threading.Event)
    released: list[bool] = field(default_factory=list[bool])

    def hold(self) -> None:
        """Wait; runs in the wire's thread."""
        self.asked.set()
        self.released.append(self.release.wait(60))


async def until(event: threading.Event) -> None:
    while not event.is_set():  # noqa: ASYNC110  # the wire's thread has no event of this loop
        await asyncio.sleep(0.01)


async def test_a_token_that_takes_long_holds_up_neither_the_loop_nor_a_cancel(engine: Engine, wire: Wire) -> None:
    slow, both, refused = SlowToken(), threading.Event(), threading.Event()
    first, second = [await engine.make(SERVICE_ID, {"name": name}, name=name) for name in ("first", "second")]

    def refuse_with_the_other() -> None:
        both.wait(60)

    def refuse() -> None:
        both.set()
        slow.asked.wait(60)
        refused.set()

    wire.troubles = [
        Trouble("POST /identity/token", "pass", then=slow.hold),
        Trouble(f"GET .+/{first.id}", "answer", status=401, then=refuse_with_the_other),
        Trouble(f"GET .+/{second.id}", "answer", status=401, then=refuse),
    ]
    reads = asyncio.gather(engine.refresh(first), engine.refresh(second))
    await until(refused)
    await asyncio.sleep(0.3)
    await engine.cancel()
    slow.release.set()
    assert await reads == [first, second]
    assert slow.released == [True]


async def test_a_new_configuration_doesn_t_wait_for_the_old_one_s_token(
    plugin: Engine, cloud: StandIn, wire: Wire
) -> None:
    slow = SlowToken()
    wire.troubles = [Trouble("POST /identity/token", "pass", then=slow.hold)]
    config = {"apiKey": Secret(cloud.api_key), "iamEndpoint": wire.url}
    await plugin.configure(**config)
    making = asyncio.ensure_future(plugin.make(SERVICE_ID, {"name": "puller"}))
    await until(slow.asked)
    await plugin.configure(**config)
    slow.release.set()
    with suppress(RefusedError):
        await making
    assert slow.released == [True]
