"""How many calls an operation makes, counted by the cloud itself."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from ibm_native.model.journal import Journal
from sandbox.cloud.testing import StandIn
from tests.provider.cases import NAMESPACE
from tests.provider.conftest import FastPace
from tests.provider.engine import Engine, Secret
from tests.provider.stack import Declared, Stack

pytestmark = pytest.mark.provider

TOKEN = "POST /identity/token"
PROGRAM = [
    Declared("space", "ibm-native:registry:Namespace", lambda _: {"name": "my-images", "region": "jp-tok"}),
    Declared(
        "keep",
        "ibm-native:registry:RetentionPolicy",
        lambda _: {"namespace": "my-images", "region": "jp-tok", "imagesPerRepo": 5},
    ),
    Declared("quota", "ibm-native:registry:Quota", lambda _: {"region": "jp-tok", "storageMegabytes": 100}),
    Declared("plan", "ibm-native:registry:Plan", lambda _: {"region": "jp-tok", "plan": "Free"}),
    Declared("identity", "ibm-native:iam:ServiceId", lambda _: {"name": "puller"}),
    *(
        Declared(
            f"policy {role}",
            "ibm-native:iam:AccessPolicy",
            lambda state, role=role: {
                "iamId": state["identity"].outputs["iamId"],
                "roles": [role],
                "region": "jp-tok",
            },
        )
        for role in ("Reader", "Writer")
    ),
    *(
        Declared(
            f"key {number}",
            "ibm-native:iam:ApiKey",
            lambda state, number=number: {"iamId": state["identity"].outputs["iamId"], "name": f"key-{number}"},
        )
        for number in (1, 2)
    ),
]


@pytest.fixture
def stack(cloud: StandIn, tmp_path: Path) -> Stack:
    config = {"apiKey": Secret(cloud.api_key), "iamEndpoint": cloud.url, "registryEndpoint": cloud.url}
    return Stack(config, Journal(tmp_path), lambda: FastPace(cloud))


def calls(cloud: StandIn) -> Counter[str]:
    """Return the calls since the last look, by method; a token is neither a read nor a write."""
    found = Counter("token" if f"{each.method} {each.path}" == TOKEN else each.method for each in cloud.requests)
    cloud.clear_requests()
    return found


async def test_creates_are_one_write_and_one_read_each_and_a_run_takes_one_token(cloud: StandIn, stack: Stack) -> None:
    await stack.up(PROGRAM)
    found = calls(cloud)
    writes = found["POST"] + found["PUT"] + found["PATCH"]
    assert found["token"] == 1
    assert writes == len(PROGRAM)
    # Beyond one each: a namespace is looked for before and after, and the roles are looked up once for all policies.
    assert found["GET"] == len(PROGRAM) + 2


async def test_an_unchanged_program_makes_no_call(cloud: StandIn, stack: Stack) -> None:
    await stack.up(PROGRAM)
    calls(cloud)
    await stack.up(PROGRAM)
    assert calls(cloud) == {}


async def test_a_refresh_is_one_read_each_and_one_token(cloud: StandIn, stack: Stack) -> None:
    await stack.up(PROGRAM)
    calls(cloud)
    await stack.refresh()
    assert calls(cloud) == {"token": 1, "GET": len(PROGRAM)}


async def test_a_destroy_is_one_write_each(cloud: StandIn, stack: Stack) -> None:
    await stack.up(PROGRAM)
    calls(cloud)
    await stack.destroy()
    # The plan is what it was before: there is nothing to set back.
    assert calls(cloud) == {"token": 1, "DELETE": len(PROGRAM) - 3, "PATCH": 1, "POST": 1}


async def test_namespaces_that_are_refreshed_together_share_a_list(engine: Engine, cloud: StandIn) -> None:
    names = [f"my-images-{number}" for number in range(5)]
    made = [await engine.make(NAMESPACE, {"name": name, "region": "jp-tok"}, name=name) for name in names]
    cloud.fault("GET", "/api/v1/namespaces/details", delay=0.2)
    calls(cloud)
    assert await asyncio.gather(*(engine.refresh(each) for each in made)) == made
    assert calls(cloud) == {"GET": 1}
