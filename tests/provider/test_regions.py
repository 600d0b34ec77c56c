"""An endpoint belongs to one region: no call about another region's registry ever reaches it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import pytest
import pytest_asyncio

from ibm_native.catalogue import functions, lives
from ibm_native.model import rules
from sandbox.cloud.testing import StandIn
from tests.provider.engine import Engine, RefusedError, Resource, Secret, urn_of

pytestmark = pytest.mark.provider

NAMESPACE = "ibm-native:registry:Namespace"
HERE, THERE = "jp-tok", "us-south"
DIGEST = "sha256:" + "a" * 64
INPUTS: Mapping[str, Mapping[str, Any]] = {
    NAMESPACE: {"name": "my-images"},
    "ibm-native:registry:RetentionPolicy": {"namespace": "my-images", "imagesPerRepo": 5},
    "ibm-native:registry:Quota": {"storageMegabytes": 100},
    "ibm-native:registry:Plan": {"plan": "Standard"},
    "ibm-native:registry:ScanGate": {"repository": "my-images/nginx", "digest": DIGEST},
}
"""Inputs of each resource of a registry, without its region."""
ARGUMENTS: Mapping[str, Mapping[str, Any]] = {
    "ibm-native:registry:getImage": {"repository": "my-images/nginx"},
    "ibm-native:registry:getNamespaces": {},
    "ibm-native:registry:getQuota": {},
}
REASON = r"names no registry of us-south; it has jp-tok at http"
MEND = "pulumi config set --path 'ibm-native:registryEndpoints.us-south' <URL>"


@pytest.fixture
def cloud() -> Iterator[StandIn]:
    with StandIn((HERE, THERE)) as stand_in:
        yield stand_in


def config(cloud: StandIn, **changes: object) -> dict[str, object]:
    given = {"apiKey": Secret(cloud.api_key), "iamEndpoint": cloud.url, "registryEndpoint": cloud.registry_urls[HERE]}
    return {name: each for name, each in {**given, **changes}.items() if each is not None}


@pytest_asyncio.fixture
async def engine(plugin: Engine, cloud: StandIn) -> AsyncIterator[Engine]:
    """Return a provider with one endpoint, whose region nothing says; it makes no call at all."""
    assert await plugin.configure(**config(cloud)) == {}
    yield plugin
    assert [each.path for each in cloud.requests] == []


def test_every_resource_and_function_of_a_registry_is_tried() -> None:
    resources = {
        each.declaration.token for each in lives() if any(x.prop.rule is rules.region for x in each.declaration.inputs)
    }
    asked = {each.token for each in functions() if any(x.prop.rule is rules.region for x in each.inputs)}
    assert resources == set(INPUTS)
    assert asked == set(ARGUMENTS)


@pytest.mark.parametrize("token", INPUTS)
async def test_a_resource_of_another_region_is_refused_before_any_call(engine: Engine, token: str) -> None:
    _, failures = await engine.check(token, {**INPUTS[token], "region": THERE})
    assert set(failures) == {"region"}
    assert MEND in failures["region"]
    _, failures = await engine.check(token, {**INPUTS[token], "region": HERE})
    assert failures == {}


@pytest.mark.parametrize("token", [each for each in INPUTS if each != "ibm-native:registry:ScanGate"])
async def test_what_is_in_another_region_by_its_id_is_neither_read_nor_changed_nor_deleted(
    engine: Engine, token: str
) -> None:
    inputs = {**INPUTS[token], "region": THERE}
    name = next((f"/{inputs[each]}" for each in ("name", "namespace") if each in inputs), "")
    resource_id = f"{THERE}{name}"
    # Something is to be set back, so that a delete has a call to make.
    before = {"previousStorageMegabytes": 1, "previousPlan": "Free", "previousImagesPerRepo": 1}
    there = Resource(token, urn_of(token, "it"), resource_id, inputs, {**inputs, **before})
    for attempt in (engine.refresh(there), engine.bring_in(token, resource_id), engine.delete(there)):
        with pytest.raises(RefusedError, match=REASON):
            await attempt


@pytest.mark.parametrize("token", ARGUMENTS)
async def test_a_function_about_another_region_is_refused_before_any_call(engine: Engine, token: str) -> None:
    _, failures = await engine.invoke(token, {**ARGUMENTS[token], "region": THERE})
    assert set(failures) == {"region"}


@pytest.mark.parametrize("way", ["with region", "by region", "by region, as a stack's config has it"])
async def test_an_endpoint_that_says_its_region_serves_it(plugin: Engine, cloud: StandIn, way: str) -> None:
    url = cloud.registry_urls[THERE]
    changes = {
        "with region": {"region": THERE, "registryEndpoint": url},
        "by region": {"registryEndpoints": {THERE: url}},
        "by region, as a stack's config has it": {"registryEndpoints": json.dumps({THERE: url})},
    }
    assert await plugin.configure(**config(cloud, **changes[way])) == {}
    made = await plugin.make(NAMESPACE, {"name": "my-images", "region": THERE})
    assert made.outputs["crn"].split(":")[5] == THERE


async def test_one_stack_has_registries_in_several_regions(plugin: Engine, cloud: StandIn) -> None:
    await plugin.configure(**config(cloud, registryEndpoint=None, registryEndpoints=cloud.registry_urls))
    for region in (HERE, THERE):
        made = await plugin.make(NAMESPACE, {"name": f"in-{region}", "region": region}, name=region)
        assert await plugin.refresh(made) == made
        found, _ = await plugin.invoke("ibm-native:registry:getNamespaces", {"region": region})
        assert found == {"names": [f"in-{region}"]}


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"region": THERE, "registryEndpoint": "https://jp.icr.io"}, "registryEndpoint"),
        ({"registryEndpoints": {THERE: "https://private.jp.icr.io"}}, "registryEndpoints.us-south"),
        ({"registryEndpoints": {"mars": "https://jp.icr.io"}}, "registryEndpoints.mars"),
        ({"registryEndpoints": {THERE: "jp.icr.io"}}, "registryEndpoints.us-south"),
        ({"region": THERE, "registryEndpoints": {THERE: "http://127.0.0.1:9"}}, "registryEndpoints.us-south"),
        ({"registryEndpoints": '{"us-south": 1}'}, "registryEndpoints"),
        ({"registryEndpoints": "http://127.0.0.1:9"}, "registryEndpoints"),
    ],
)
async def test_endpoints_that_contradict_their_region_are_refused(
    plugin: Engine, cloud: StandIn, changes: dict[str, object], place: str
) -> None:
    assert set(await plugin.configure(**config(cloud, **changes))) == {place}


async def test_ibm_s_own_hosts_say_their_region(plugin: Engine, cloud: StandIn) -> None:
    await plugin.configure(**config(cloud, registryEndpoint="https://private.us.icr.io"))
    for region, expected in ((THERE, set[str]()), (HERE, {"region"})):
        _, failures = await plugin.check(NAMESPACE, {"name": "my-images", "region": region})
        assert set(failures) == expected
