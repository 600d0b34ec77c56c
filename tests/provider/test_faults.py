"""Throttling, stale tags, tokens, missing rights, refusals: the run goes on or stops with one clear line."""

from __future__ import annotations

import asyncio

import grpc
import pytest

from sandbox.cloud.testing import StandIn
from tests.provider.conftest import FastPace
from tests.provider.engine import Engine, RefusedError, Secret
from tests.provider.samples import API_KEY, NAMESPACE, POLICY, SERVICE_ID, inputs_of, owner_of
from tests.provider.wire import Trouble, Wire

pytestmark = pytest.mark.provider


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_reads_are_repeated_while_ibm_is_in_trouble(engine: Engine, wire: Wire, status: int) -> None:
    made = await owner_of(engine)
    wire.troubles = [Trouble("GET /v1/serviceids/.+", "answer", status=status, count=3)]
    assert await engine.refresh(made) == made


async def test_a_retry_after_is_honoured_also_for_a_create(engine: Engine, wire: Wire, pace: FastPace) -> None:
    wire.troubles = [Trouble("POST /v1/serviceids/?", "answer", status=429, retry_after=17, count=2)]
    made = await engine.make(SERVICE_ID, {"name": "puller"})
    assert pace.waits.count(17.0) == 2
    assert await engine.refresh(made) == made


async def test_a_token_that_was_withdrawn_is_replaced_once(engine: Engine, wire: Wire) -> None:
    made = await owner_of(engine)
    wire.troubles = [Trouble("GET /v1/serviceids/.+", "answer", status=401)]
    assert await engine.refresh(made) == made
    assert wire.count("POST /identity/token") == 2
    wire.troubles = [Trouble("GET /v1/serviceids/.+", "answer", status=401, count=9)]
    with pytest.raises(RefusedError, match="token wasn't accepted"):
        await engine.refresh(made)


async def test_a_failed_token_request_does_not_block_the_next_one(engine: Engine, wire: Wire) -> None:
    wire.troubles = [
        Trouble("POST /identity/token", "answer", status=503),
        Trouble("POST /identity/token", "drop before"),
    ]
    async with asyncio.timeout(10):
        made = await owner_of(engine)
    assert wire.count("POST /identity/token") == 3
    assert await engine.refresh(made) == made


@pytest.mark.parametrize(
    ("token", "call"),
    [
        (SERVICE_ID, "PUT /v1/serviceids/.+"),
        (API_KEY, "PUT /v1/apikeys/.+"),
        (POLICY, "PUT /v2/policies/.+"),
    ],
)
@pytest.mark.parametrize("status", [409, 412])
async def test_a_stale_tag_is_read_again_and_tried_once_more(
    engine: Engine, wire: Wire, token: str, call: str, status: int
) -> None:
    made = await engine.make(token, inputs_of(token, await owner_of(engine)))
    wire.troubles = [Trouble(call, "answer", status=status)]
    changed = await engine.update(made, description="new words")
    assert await engine.refresh(changed) == changed
    wire.troubles = [Trouble(call, "answer", status=status, count=2)]
    with pytest.raises(RefusedError, match=f"HTTP {status}"):
        await engine.update(made, description="newer words")


async def test_a_service_id_whose_keys_still_go_is_deleted_in_the_end(engine: Engine, wire: Wire) -> None:
    made = await owner_of(engine)
    wire.troubles = [Trouble("DELETE /v1/serviceids/.+", "answer", status=409, count=2)]
    await engine.delete(made)
    assert await engine.refresh(made) is None


async def test_a_missing_right_names_the_role_and_the_transaction(engine: Engine, wire: Wire) -> None:
    body = '{"errors": [{"message_code": "BXNIM0513E", "message": "You are not authorized"}], "trace": "t-1"}'
    wire.troubles = [Trouble("POST /v1/serviceids/?", "answer", status=403, body=body)]
    with pytest.raises(RefusedError) as refused:
        await engine.make(SERVICE_ID, {"name": "puller"})
    first, second = refused.value.message.splitlines()
    assert first.startswith("create service ID 'puller': IBM Cloud answered: You are not authorized")
    assert first.endswith("(HTTP 403, BXNIM0513E, transaction t-1)")
    assert second.startswith("The provider's API key lacks a right. This call needs the role Operator or Administrator")


async def test_a_bad_api_key_gives_one_clear_message_without_the_key(plugin: Engine, wire: Wire) -> None:
    await plugin.configure(apiKey=Secret("a-bad-key-of-some-length"), iamEndpoint=wire.url, registryEndpoint=wire.url)
    with pytest.raises(RefusedError, match="doesn't take the provider's API key") as refused:
        await plugin.make(SERVICE_ID, {"name": "puller"})
    assert refused.value.code is grpc.StatusCode.FAILED_PRECONDITION
    assert "BXNIM0415E" in refused.value.message
    assert "a-bad-key" not in refused.value.message
    assert "Traceback" not in refused.value.message
    assert wire.calls == ["POST /identity/token"], "a refused key is not tried again"


async def test_no_credential_is_asked_for_until_a_resource_needs_one(
    plugin: Engine, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("IBMCLOUD_API_KEY", raising=False)
    await plugin.configure(iamEndpoint=wire.url)
    await plugin.preview(SERVICE_ID, {"name": "puller"})
    _, failures = await plugin.check(NAMESPACE, {"name": "X", "region": "jp-tok"})
    assert set(failures) == {"name"}
    with pytest.raises(RefusedError, match="no IBM Cloud credential"):
        await plugin.make(SERVICE_ID, {"name": "puller"})
    assert wire.calls == []


async def test_the_api_key_may_come_from_the_environment(
    plugin: Engine, cloud: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IBMCLOUD_API_KEY", cloud.api_key)
    await plugin.configure(iamEndpoint=cloud.url)
    assert (await plugin.make(SERVICE_ID, {"name": "puller"})).id.startswith("ServiceId-")


async def test_an_unreachable_endpoint_gives_one_clear_message(plugin: Engine) -> None:
    await plugin.configure(apiKey=Secret("some-key-of-some-length"), iamEndpoint="http://127.0.0.1:9")
    with pytest.raises(RefusedError, match=r"no connection to http://127\.0\.0\.1:9\nIs http"):
        await plugin.make(SERVICE_ID, {"name": "puller"})


async def test_a_registry_of_another_region_is_noticed_and_left_as_it_was(
    plugin: Engine, cloud: StandIn, wire: Wire
) -> None:
    wrong = {"region": "us-south", "registryEndpoint": wire.url}
    await plugin.configure(apiKey=Secret(cloud.api_key), iamEndpoint=wire.url, **wrong)
    with pytest.raises(RefusedError, match="the registry endpoint serves jp-tok, not us-south"):
        await plugin.make(NAMESPACE, {"name": "my-images", "region": "us-south"})
    assert wire.count("DELETE /api/v1/namespaces/my-images") == 1


async def test_a_namespace_of_another_account_is_explained(engine: Engine, wire: Wire) -> None:
    body = '{"code": "CRG0010E", "message": "The namespace is owned by another account.", "request-id": "r-1"}'
    wire.troubles = [Trouble("PUT /api/v1/namespaces/.+", "answer", status=409, body=body)]
    with pytest.raises(RefusedError, match="Names are unique in a region across all accounts") as refused:
        await engine.make(NAMESPACE, {"name": "my-images", "region": "jp-tok"})
    assert "(HTTP 409, CRG0010E, transaction r-1)" in refused.value.message


async def test_a_role_that_the_service_lacks_is_answered_with_those_it_has(engine: Engine, wire: Wire) -> None:
    owner = await owner_of(engine)
    wire.troubles = [
        Trouble("GET /v2/roles", "answer", status=200, body='{"service_roles": [{"crn": "crn:of:a:role"}]}')
    ]
    with pytest.raises(RefusedError, match="container-registry has no role Reader\nIt has crn:of:a:role"):
        await engine.make(POLICY, inputs_of(POLICY, owner))


async def test_an_unknown_resource_type_is_refused_by_name(engine: Engine) -> None:
    with pytest.raises(RefusedError, match="has no such resource"):
        await engine.check("ibm-native:iam:Nothing", {})
