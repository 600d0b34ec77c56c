"""Promises about what is sent and kept, each of which a slip of the pen would break unseen."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from ibm_native.model.marker import Mark
from sandbox.cloud.testing import StandIn
from tests.cloud.clients import clients
from tests.provider.engine import Engine, RefusedError, Secret
from tests.provider.samples import API_KEY, NAMESPACE, POLICY, SERVICE_ID, inputs_of, owner_of
from tests.provider.test_process import PLUGIN, plugin_process
from tests.provider.wire import Trouble, Wire

pytestmark = pytest.mark.provider


def sent(wire: Wire, member: str) -> dict[str, Any]:
    """Return the last body with this member."""
    bodies = [json.loads(each) for each in wire.bodies if each.startswith(b"{")]
    return next(each for each in reversed(bodies) if member in each)


async def test_ibm_is_asked_to_store_no_key(engine: Engine, wire: Wire) -> None:
    await engine.make(API_KEY, inputs_of(API_KEY, await owner_of(engine)))
    assert sent(wire, "action_when_leaked")["store_value"] is False


async def test_a_policy_on_a_namespace_says_that_it_is_one(engine: Engine, cloud: StandIn, wire: Wire) -> None:
    expected = {
        "accountId": cloud.account_id,
        "serviceName": "container-registry",
        "region": "jp-tok",
        "resourceType": "namespace",
        "resource": "my-images",
    }
    made = await engine.make(POLICY, inputs_of(POLICY, await owner_of(engine)))
    for roles in (None, ["Writer"]):
        if roles:
            await engine.update(made, roles=roles)
        attributes = sent(wire, "control")["resource"]["attributes"]
        assert {each["key"]: each["value"] for each in attributes} == expected
        assert {each["operator"] for each in attributes} == {"stringEquals"}


@pytest.mark.parametrize("token", [SERVICE_ID, API_KEY, POLICY, NAMESPACE])
async def test_what_the_user_marked_secret_stays_so_after_a_refresh(engine: Engine, token: str) -> None:
    owner = await owner_of(engine)
    plain = inputs_of(token, owner)
    marked = {name: Secret(value) if isinstance(value, str) else value for name, value in plain.items()}
    made = await engine.make(token, marked)
    read = await engine.refresh(made)
    assert read is not None
    assert read == made
    secret = {name for name, value in marked.items() if isinstance(value, Secret)}
    for found in (made.outputs, read.inputs, read.outputs):
        assert {name for name, value in found.items() if isinstance(value, Secret)} >= secret


@pytest.mark.parametrize("token", [SERVICE_ID, API_KEY, POLICY])
async def test_an_update_keeps_the_mark_by_which_a_create_knows_its_own(
    engine: Engine, cloud: StandIn, token: str
) -> None:
    owner = await owner_of(engine)
    made = await engine.make(token, inputs_of(token, owner))
    by_hand = clients(cloud)
    read = {
        SERVICE_ID: by_hand.identity.get_service_id,
        API_KEY: by_hand.identity.get_api_key,
        POLICY: by_hand.policies.get_v2_policy,
    }[token]

    def mark() -> Mark | None:
        return Mark.found_in(read(made.id).get_result()["description"])

    before = mark()
    assert before is not None
    for description in ("new words", None):
        made = await engine.update(made, description=description)
        assert mark() == before


async def test_a_plugin_that_is_asked_to_end_removes_what_it_has_half_made_first(
    cloud: StandIn, wire: Wire, tmp_path: Path
) -> None:
    async with plugin_process(*PLUGIN, cwd=tmp_path) as (process, engine):
        await engine.configure(apiKey=Secret(cloud.api_key), iamEndpoint=wire.url)
        owner = await owner_of(engine)
        wire.troubles = [
            Trouble("GET /v1/apikeys", "answer", status=200, body='{"apikeys": []}', count=999),
            Trouble("GET /v1/apikeys/.+", "answer", status=404, count=999),
            # IAM takes a while for the removal: the process must not be gone by then.
            Trouble("DELETE /v1/apikeys/.+", "pass", then=lambda: time.sleep(0.5)),
        ]
        making = asyncio.create_task(engine.make(API_KEY, inputs_of(API_KEY, owner)))
        while "GET /v1/apikeys" not in wire.calls:  # noqa: ASYNC110  # the wire's thread has no event of this loop
            await asyncio.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        with pytest.raises(RefusedError, match="create API key 'key'"):
            await making
        await process.communicate()
        assert process.returncode == 0
    found = clients(cloud).identity.list_api_keys(account_id=cloud.account_id, iam_id=owner.outputs["iamId"])
    assert found.get_result()["apikeys"] == []
