"""Whole lives, on the stand-in or, with IBM_LIVE=1, on the account of IBMCLOUD_API_KEY: made, read, changed, removed.

What would change the account itself (plan and quota) is left out. Everything made has its own name, and is removed.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
import pytest_asyncio

from ibm_native.cloud.pace import Pace
from sandbox.cloud.testing import StandIn
from tests.provider.cases import API_KEY, CASES, NAMESPACE, POLICY, RETENTION, SERVICE_ID, Case
from tests.provider.engine import Engine, Resource, Secret

pytestmark = pytest.mark.provider

LIVE = os.environ.get("IBM_LIVE") == "1"
REGION = "jp-tok"
HARMLESS = [case for case in CASES if case.token in {SERVICE_ID, API_KEY, POLICY, NAMESPACE, RETENTION}]


@pytest.fixture
def pace() -> Pace:
    """Return the provider's own clock: a real account's can't be moved."""
    return Pace()


@pytest_asyncio.fixture
async def account(plugin: Engine) -> AsyncIterator[Engine]:
    """Return a provider on IBM Cloud if IBM_LIVE=1, else on a stand-in, in real time."""
    if LIVE:
        assert await plugin.configure(apiKey=Secret(os.environ["IBMCLOUD_API_KEY"])) == {}
        yield plugin
        return
    with StandIn() as cloud:
        config = {"iamEndpoint": cloud.url, "registryEndpoint": cloud.url}
        assert await plugin.configure(apiKey=Secret(cloud.api_key), **config) == {}
        yield plugin


@pytest.mark.parametrize("case", HARMLESS, ids=lambda case: case.token.rpartition(":")[2])
async def test_a_life_from_create_to_delete(account: Engine, case: Case) -> None:
    mark = f"live-{secrets.token_hex(4)}"

    def own(values: dict[str, Any]) -> dict[str, Any]:
        named = {key: f"{mark}-{values[key]}"[:30] for key in ("name", "namespace") if key in values}
        return {**values, **named}

    async with AsyncExitStack() as made:

        async def make(token: str, inputs: dict[str, Any], name: str) -> Resource:
            resource = await account.make(token, own(inputs), name)
            made.push_async_callback(account.delete, resource)
            return resource

        owner = await make(SERVICE_ID, {"name": "owner"}, "owner")
        if case.token in {RETENTION, POLICY}:
            await make(NAMESPACE, {"name": "my-images", "region": REGION}, "space")
        it = await make(case.token, case.inputs(owner), "it")
        assert await account.refresh(it) == it
        assert not (await account.diff(it)).changes
        for name, value in case.in_place.items():
            changed = await account.update(it, **own({name: value}))
            assert await account.refresh(changed) == changed
        await account.delete(it)
        if case.token != RETENTION:  # a namespace always has a policy of its own: all images are kept
            assert await account.refresh(it) is None
