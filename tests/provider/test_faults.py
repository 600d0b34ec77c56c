"""Lost answers, IAM's delays, throttling, stale tags, cancels: the run converges or stops with one clear line."""

from __future__ import annotations

import asyncio
from pathlib import Path

import grpc
import pytest
from ibm_cloud_sdk_core.authenticators import IAMAuthenticator

from ibm_native.journal import Journal
from sandbox.cloud.testing import StandIn
from tests.provider.conftest import FastPace
from tests.provider.engine import Engine, Properties, RefusedError, Resource, Secret
from tests.provider.wire import Trouble, Wire

pytestmark = pytest.mark.provider

SERVICE_ID = "ibm-native:iam:ServiceId"
POLICY = "ibm-native:iam:AccessPolicy"
API_KEY = "ibm-native:iam:ApiKey"
NAMESPACE = "ibm-native:registry:Namespace"

CREATES = {
    SERVICE_ID: "POST /v1/serviceids/?",
    API_KEY: "POST /v1/apikeys",
    POLICY: "POST /v2/policies",
    NAMESPACE: "PUT /api/v1/namespaces/my-images",
}
DELETES = {
    SERVICE_ID: "DELETE /v1/serviceids/.*",
    API_KEY: "DELETE /v1/apikeys/.*",
    POLICY: "DELETE /v2/policies/.*",
    NAMESPACE: "DELETE /api/v1/namespaces/.*",
}
each_type = pytest.mark.parametrize("token", CREATES, ids=lambda each: each.rpartition(":")[2])
LOST = [Trouble("", "drop after"), Trouble("", "garble")]
each_loss = pytest.mark.parametrize("loss", LOST, ids=lambda each: each.kind)


def inputs_of(token: str, owner: Resource) -> Properties:
    policy = {"iamId": owner.outputs["iamId"], "roles": ["Reader"], "region": "jp-tok", "namespace": "my-images"}
    inputs: dict[str, Properties] = {
        SERVICE_ID: {"name": "puller"},
        API_KEY: {"name": "key", "iamId": owner.outputs["iamId"]},
        POLICY: policy,
        NAMESPACE: {"name": "my-images", "region": "jp-tok"},
    }
    return inputs[token]


async def owner_of(engine: Engine) -> Resource:
    return await engine.make(SERVICE_ID, {"name": "owner"}, name="owner")


@each_type
@each_loss
async def test_a_lost_answer_to_a_create_leaves_exactly_one(
    engine: Engine, wire: Wire, token: str, loss: Trouble
) -> None:
    owner = await owner_of(engine)
    wire.troubles = [Trouble(CREATES[token], loss.kind)]
    made = await engine.make(token, inputs_of(token, owner))
    assert await engine.refresh(made) == made
    removed = wire.count(DELETES[token])
    assert wire.count(CREATES[token]) - removed == 1 + (token == SERVICE_ID)


@each_type
async def test_a_create_that_was_never_seen_stops_with_one_clear_line(engine: Engine, wire: Wire, token: str) -> None:
    owner = await owner_of(engine)
    wire.troubles = [Trouble(CREATES[token], "drop before", count=9)]
    with pytest.raises(RefusedError, match="broke off the connection before it answered") as refused:
        await engine.make(token, inputs_of(token, owner))
    assert "Traceback" not in refused.value.message
    assert wire.count(CREATES[token]) == 1 + (token == SERVICE_ID), "a POST is not repeated blindly"


@pytest.mark.parametrize("token", [SERVICE_ID, API_KEY, POLICY])
async def test_the_next_run_removes_what_a_broken_off_create_left(engine: Engine, token: str) -> None:
    owner = await owner_of(engine)
    # The plugin is killed after IBM's answer and before the engine's: the state knows nothing of the first.
    first = await engine.make(token, inputs_of(token, owner))
    second = await engine.make(token, inputs_of(token, owner))
    assert first.id != second.id
    assert await engine.refresh(first) is None
    assert await engine.refresh(second) == second


@pytest.mark.parametrize("token", [SERVICE_ID, API_KEY])
async def test_a_failed_create_leaves_what_the_state_may_hold(engine: Engine, wire: Wire, token: str) -> None:
    owner = await owner_of(engine)
    first = await engine.make(token, inputs_of(token, owner))
    wire.troubles = [Trouble(CREATES[token], "answer", status=403)]
    with pytest.raises(RefusedError):
        await engine.make(token, inputs_of(token, owner))
    assert await engine.refresh(first) == first


async def test_a_key_that_somebody_logged_in_with_is_no_orphan(engine: Engine, cloud: StandIn) -> None:
    owner = await owner_of(engine)
    first = await engine.make(API_KEY, inputs_of(API_KEY, owner))
    IAMAuthenticator(first.outputs["apiKey"].value, url=cloud.url).token_manager.get_token()
    second = await engine.make(API_KEY, inputs_of(API_KEY, owner))
    assert await engine.refresh(first) == first
    assert await engine.refresh(second) == second


async def test_a_namespace_that_a_broken_off_create_made_is_known_again(engine: Engine, wire: Wire) -> None:
    space = {"name": "my-images", "region": "jp-tok"}
    first = await engine.make(NAMESPACE, space)
    second = await engine.make(NAMESPACE, space)
    assert second == first
    assert wire.count(CREATES[NAMESPACE]) == 1
    await engine.check(NAMESPACE, space, olds=space)
    with pytest.raises(RefusedError, match="has a namespace of this name there already"):
        await engine.make(NAMESPACE, space)


async def test_a_namespace_that_ibm_refused_to_make_is_a_stranger_later(engine: Engine, wire: Wire) -> None:
    space = {"name": "my-images", "region": "jp-tok"}
    wire.troubles = [Trouble(CREATES[NAMESPACE], "answer", status=403)]
    with pytest.raises(RefusedError):
        await engine.make(NAMESPACE, space)
    await engine.make(NAMESPACE, space, name="somebody else's")
    with pytest.raises(RefusedError, match="has a namespace of this name there already"):
        await engine.make(NAMESPACE, space)


async def test_an_orderly_end_leaves_nothing_in_the_journal(engine: Engine, journal: Journal, tmp_path: Path) -> None:
    await engine.make(NAMESPACE, {"name": "my-images", "region": "jp-tok"})
    assert len(list((tmp_path / "journal").iterdir())) == 1
    journal.close()
    assert list((tmp_path / "journal").iterdir()) == []


@pytest.mark.parametrize("token", [API_KEY, POLICY])
async def test_a_service_id_that_is_in_use_is_no_orphan(engine: Engine, token: str) -> None:
    first = await engine.make(SERVICE_ID, {"name": "puller"})
    await engine.make(token, inputs_of(token, first))
    await engine.make(SERVICE_ID, {"name": "puller"})
    assert await engine.refresh(first) == first


@each_type
async def test_what_iam_hides_after_its_201_is_waited_for(
    engine: Engine, cloud: StandIn, pace: FastPace, token: str
) -> None:
    owner = await owner_of(engine)
    cloud.visibility_delay = 30
    made = await engine.make(token, inputs_of(token, owner))
    assert sum(pace.waits) >= (30 if token != NAMESPACE else 0), "the registry shows a namespace at once"
    assert await engine.refresh(made) == made


async def test_a_key_that_a_list_lacks_but_its_id_finds_is_there(engine: Engine, wire: Wire) -> None:
    owner = await owner_of(engine)
    wire.troubles = [Trouble("GET /v1/apikeys", "answer", status=200, body='{"apikeys": []}', count=99)]
    made = await engine.make(API_KEY, inputs_of(API_KEY, owner))
    assert await engine.refresh(made) == made


async def test_a_key_that_never_becomes_visible_is_removed_again(engine: Engine, cloud: StandIn, wire: Wire) -> None:
    owner = await owner_of(engine)
    cloud.visibility_delay = 600
    wire.troubles = [Trouble("DELETE /v1/apikeys/.+", "answer", status=204)]
    with pytest.raises(RefusedError, match="still doesn't show it after 60 s"):
        await engine.make(API_KEY, inputs_of(API_KEY, owner))
    assert wire.count("DELETE /v1/apikeys/.+") == 1


async def test_how_long_a_create_waits_is_set_in_the_config(plugin: Engine, cloud: StandIn, pace: FastPace) -> None:
    assert set(await plugin.configure(waitSeconds="soon")) == {"waitSeconds"}
    await plugin.configure(apiKey=Secret(cloud.api_key), iamEndpoint=cloud.url, waitSeconds="100")
    cloud.visibility_delay = 90
    await plugin.make(SERVICE_ID, {"name": "puller"})
    assert 90 <= sum(pace.waits) <= 100
    await plugin.configure(apiKey=Secret(cloud.api_key), iamEndpoint=cloud.url, waitSeconds=5)
    with pytest.raises(RefusedError, match="after 5 s\nIt was removed again"):
        await plugin.make(SERVICE_ID, {"name": "puller-2"})


async def test_a_key_without_a_value_is_removed_again(engine: Engine, wire: Wire) -> None:
    owner = await owner_of(engine)
    answer = '{"id": "ApiKey-1", "name": "key", "apikey": ""}'
    wire.troubles = [Trouble("POST /v1/apikeys", "answer", status=201, body=answer)]
    with pytest.raises(RefusedError, match="didn't show its value"):
        await engine.make(API_KEY, inputs_of(API_KEY, owner))
    assert "DELETE /v1/apikeys/ApiKey-1" in wire.calls


async def test_an_identity_that_iam_doesn_t_know_yet_is_waited_for(engine: Engine, wire: Wire) -> None:
    owner = await owner_of(engine)
    wire.troubles = [Trouble("POST /v1/apikeys", "answer", status=404, count=3)]
    made = await engine.make(API_KEY, inputs_of(API_KEY, owner))
    assert await engine.refresh(made) == made


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
    with pytest.raises(RefusedError, match="Somebody else changes it at this time"):
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


async def test_a_registry_of_another_region_is_noticed_and_left_as_it_was(engine: Engine, wire: Wire) -> None:
    with pytest.raises(RefusedError, match="the registry endpoint serves jp-tok, not us-south"):
        await engine.make(NAMESPACE, {"name": "my-images", "region": "us-south"})
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


async def test_a_cancel_ends_a_wait_at_once_and_removes_what_was_half_made(
    engine: Engine, wire: Wire, pace: FastPace
) -> None:
    owner = await owner_of(engine)
    # Hidden from the wait, but not from the clean-up.
    hidden = Trouble("GET /v1/apikeys", "answer", status=200, body='{"apikeys": []}', count=999)
    wire.troubles = [hidden, Trouble("GET /v1/apikeys/.+", "answer", status=404, count=999, then=pace.cancel)]
    with pytest.raises(RefusedError, match="cancelled while waiting"):
        await engine.make(API_KEY, inputs_of(API_KEY, owner))
    assert wire.count("DELETE /v1/apikeys/.+") == 1


async def test_an_unknown_resource_type_is_refused_by_name(engine: Engine) -> None:
    with pytest.raises(RefusedError, match="has no such resource"):
        await engine.check("ibm-native:iam:Nothing", {})
