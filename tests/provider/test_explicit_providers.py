"""Explicit provider instances in one program: a plugin process each, and nothing of one reaches the other."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from sandbox.cloud.testing import StandIn
from tests.provider.cases import API_KEY, NAMESPACE, POLICY, SERVICE_ID
from tests.provider.engine import Engine, RefusedError, Secret
from tests.provider.test_process import PLUGIN, plugin_process

pytestmark = pytest.mark.provider


@asynccontextmanager
async def instance(folder: Path, **config: object) -> AsyncGenerator[Engine]:
    """Start one explicit provider: a process of its own with its own configuration."""
    async with plugin_process(*PLUGIN, cwd=folder) as (_, engine):
        assert await engine.configure(**config) == {}
        yield engine


def of(cloud: StandIn) -> dict[str, object]:
    """Return the configuration for an account."""
    return {"apiKey": Secret(cloud.api_key), "iamEndpoint": cloud.url, "registryEndpoint": cloud.url}


async def test_two_accounts_in_one_program_each_get_their_own(cloud: StandIn, tmp_path: Path) -> None:
    with StandIn() as other:
        async with instance(tmp_path, **of(cloud)) as first, instance(tmp_path, **of(other)) as second:
            for engine, account in ((first, cloud), (second, other)):
                identity = await engine.make(SERVICE_ID, {"name": "puller"})
                subject = {"iamId": identity.outputs["iamId"]}
                made = [
                    await engine.make(NAMESPACE, {"name": "my-images", "region": "jp-tok"}),
                    await engine.make(API_KEY, {**subject, "name": "key"}),
                    await engine.make(POLICY, {**subject, "roles": ["Reader"], "region": "jp-tok"}),
                ]
                crns = [str(each.outputs["crn"]) for each in (identity, *made[:2])]
                assert all(f"a/{account.account_id}" in crn for crn in crns)
                stranger = second if engine is first else first
                assert await stranger.refresh(identity) is None
                assert await stranger.refresh(made[1]) is None
                assert await stranger.refresh(made[2]) is None
        for account in (cloud, other):
            assert sum(each.method == "POST" and each.path == "/v1/apikeys" for each in account.requests) == 1


async def test_two_regions_in_one_program_each_get_their_own(tmp_path: Path) -> None:
    with StandIn(["jp-tok", "us-south"]) as cloud:
        tokyo = of(cloud) | {"region": "jp-tok", "registryEndpoint": cloud.registry_urls["jp-tok"]}
        dallas = of(cloud) | {"region": "us-south", "registryEndpoint": cloud.registry_urls["us-south"]}
        async with instance(tmp_path, **tokyo) as first, instance(tmp_path, **dallas) as second:
            one = await first.make(NAMESPACE, {"name": "my-images", "region": "jp-tok"})
            two = await second.make(NAMESPACE, {"name": "my-images", "region": "us-south"})
            assert (one.id, two.id) == ("jp-tok/my-images", "us-south/my-images")
            await first.delete(one)
            assert await first.refresh(one) is None
            assert await second.refresh(two) == two


async def test_an_instance_without_a_key_takes_none_from_its_neighbour(cloud: StandIn, tmp_path: Path) -> None:
    async with instance(tmp_path, **of(cloud)) as first, instance(tmp_path, iamEndpoint=cloud.url) as second:
        await first.make(SERVICE_ID, {"name": "puller"})
        with pytest.raises(RefusedError, match="no IBM Cloud credential"):
            await second.make(SERVICE_ID, {"name": "puller"})
