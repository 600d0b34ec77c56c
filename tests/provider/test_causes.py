"""Why a change is refused: a lock, an equal policy, a stale tag and another conflict are told apart."""

from __future__ import annotations

import pytest
from pulumi.runtime.proto import provider_pb2

from ibm_native.cloud.refusals import Job, Refusal, api_error
from sandbox.cloud.testing import StandIn
from tests.cloud.clients import Clients, allow, clients, make_robot
from tests.provider.engine import Engine, RefusedError, Resource, Secret, struct, urn_of
from tests.provider.samples import API_KEY, POLICY, SERVICE_ID, inputs_of, owner_of
from tests.provider.wire import Trouble, Wire

pytestmark = pytest.mark.provider

each_type = pytest.mark.parametrize("token", [SERVICE_ID, API_KEY, POLICY])


@pytest.fixture
def hand(cloud: StandIn) -> Clients:
    """Return what somebody changes things by hand with."""
    return clients(cloud)


async def locked(engine: Engine, hand: Clients, token: str) -> tuple[Resource, str]:
    """Return a resource that is locked, and the id of the service ID that it belongs to."""
    owner = await owner_of(engine)
    made = owner if token == SERVICE_ID else await engine.make(token, inputs_of(token, owner))
    if token == API_KEY:
        hand.identity.lock_api_key(id=made.id)
    else:
        hand.identity.lock_service_id(id=owner.id)
    return made, owner.id


@each_type
async def test_a_lock_is_told_with_the_command_that_unlocks(
    engine: Engine, hand: Clients, wire: Wire, token: str
) -> None:
    made, owner = await locked(engine, hand, token)
    unlock = f"service-api-key-unlock {made.id} {owner}" if token == API_KEY else f"service-id-unlock {owner}"
    with pytest.raises(RefusedError, match=f"locked.*\nUnlock it: `ibmcloud iam {unlock}`") as refused:
        await engine.update(made, description="new words")
    assert "Somebody else" not in refused.value.message
    wire.calls.clear()
    with pytest.raises(RefusedError, match=f"Unlock it: `ibmcloud iam {unlock}`"):
        await engine.delete(made)
    assert wire.count("DELETE .+") == 1, "waiting opens no lock"


async def test_nothing_is_made_for_a_locked_service_id_and_the_message_says_why(engine: Engine, hand: Clients) -> None:
    owner, _ = await locked(engine, hand, SERVICE_ID)
    with pytest.raises(RefusedError, match=f"Unlock it: `ibmcloud iam service-id-unlock {owner.id}`"):
        await engine.make(POLICY, inputs_of(POLICY, owner))


async def test_a_key_that_keeps_its_service_id_from_going_is_named(engine: Engine, hand: Clients) -> None:
    owner = await owner_of(engine)
    key = await engine.make(API_KEY, inputs_of(API_KEY, owner))
    hand.identity.lock_api_key(id=key.id)
    with pytest.raises(RefusedError, match=f"API key {key.id} could not be deleted"):
        await engine.delete(owner)


async def test_a_policy_that_an_update_would_repeat_is_named_with_the_way_out(engine: Engine) -> None:
    owner = await owner_of(engine)
    first = await engine.make(POLICY, inputs_of(POLICY, owner), name="first")
    second = await engine.make(POLICY, {**inputs_of(POLICY, owner), "roles": ["Writer"]}, name="second")
    with pytest.raises(RefusedError, match=f"given already by policy {first.id}") as refused:
        await engine.update(second, roles=["Reader"])
    assert "Somebody else" not in refused.value.message
    assert f"pulumi import {POLICY} second {first.id} --generate-code=false" in refused.value.message


@each_type
async def test_a_refusal_that_no_other_tag_explains_is_told_in_ibm_s_words_alone(
    engine: Engine, wire: Wire, token: str
) -> None:
    made = await engine.make(token, inputs_of(token, await owner_of(engine)))
    body = '{"errors": [{"code": "in_the_way", "message": "Something else is in the way."}]}'
    wire.troubles = [Trouble("PUT .+", "answer", status=409, body=body, count=9)]
    with pytest.raises(RefusedError, match=r"Something else is in the way\. \(HTTP 409, in_the_way\)$"):
        await engine.update(made, description="new words")
    assert wire.count("PUT .+") == 2


@each_type
async def test_somebody_who_writes_in_between_each_time_is_told_as_such(
    engine: Engine, hand: Clients, wire: Wire, token: str
) -> None:
    owner = await owner_of(engine)
    made = owner if token == SERVICE_ID else await engine.make(token, inputs_of(token, owner))

    def meddle() -> None:
        if token == SERVICE_ID:
            hand.identity.update_service_id(made.id, "*", description="theirs")
        elif token == API_KEY:
            hand.identity.update_api_key(made.id, "*", description="theirs")
        else:
            found = hand.policies.get_v2_policy(made.id)
            body = found.get_result()
            hand.policies.replace_v2_policy(
                made.id,
                found.get_headers()["ETag"],
                body["control"],
                "access",
                description="theirs",
                subject=body["subject"],
                resource=body["resource"],
            )

    wire.troubles = [Trouble(f"GET .+/{made.id}", "pass", count=9, then=meddle)]
    with pytest.raises(RefusedError, match="Somebody else changes it at this time"):
        await engine.update(made, description="ours")
    wire.troubles = [Trouble(f"GET .+/{made.id}", "pass", then=meddle)]
    changed = await engine.update(made, description="ours")
    assert changed.outputs["description"] == "ours"


def test_a_lock_is_known_by_its_words_whatever_the_status() -> None:
    job = Job("update it", "a right", conditional=True, unlock="`unlock`")
    for status in (409, 412):
        refusal = Refusal(status, "BXNIM0107E", "The entity is locked.", "", "", None, None)
        assert str(api_error(job, refusal)).endswith("Unlock it: `unlock`")
    blocked = Refusal(412, "x", "The blockade changed.", "", "", None, None)
    assert "Somebody else" in str(api_error(job, blocked))


async def test_a_bad_item_is_named_by_its_place_and_the_engine_gets_what_it_can_print(engine: Engine) -> None:
    async def failures(token: str, **inputs: object) -> dict[str, str]:
        request = provider_pb2.CheckRequest(urn=urn_of(token, "it"), news=struct(inputs))
        return {each.reason: each.property for each in (await engine.stub.Check(request)).failures}

    found = await failures(POLICY, iamId="iam-ServiceId-1", roles=["Reader", "a reader"])
    assert [(reason[:8], name) for reason, name in found.items()] == [("roles[1]", "roles")]
    assert "roles[1]: got 'a reader'" in next(iter(found))
    missing = await failures("ibm-native:registry:Namespace", name="my-images")
    assert list(missing.values()) == [""], "there is no value to print"
    secret = await failures(API_KEY, name=Secret(" "), iamId="iam-ServiceId-1")
    assert list(secret.values()) == [""], "nobody may see it"
    assert list((await failures(API_KEY, name="key", iamId="x:y")).values()) == ["iamId"]


async def test_a_role_by_name_and_as_crn_are_the_same(engine: Engine) -> None:
    reader, writer = (f"crn:v1:bluemix:public:iam::::serviceRole:{name}" for name in ("Reader", "Writer"))
    made = await engine.make(POLICY, {**inputs_of(POLICY, await owner_of(engine)), "roles": ["Reader", "Viewer"]})
    for same in ([reader, "Viewer"], ["Viewer", reader], ["Reader", reader, "Viewer"]):
        assert not (await engine.diff(made, roles=same)).changes
    for other in ([writer, "Viewer"], ["Viewer"], ["Reader", "Viewer", "Writer"]):
        assert (await engine.diff(made, roles=other)).kinds == {"roles": "UPDATE"}
    twice = await engine.update(made, roles=["Reader", reader, "Viewer"])
    assert await engine.refresh(twice) == twice


async def test_who_may_see_service_ids_and_no_keys_is_told_what_a_refresh_of_keys_takes(
    engine: Engine, cloud: StandIn, wire: Wire
) -> None:
    owner = await owner_of(engine)
    key = await engine.make(API_KEY, inputs_of(API_KEY, owner))
    viewer = make_robot(cloud, "viewer")
    allow(cloud, viewer, "Viewer", "role", serviceName="iam-identity")
    await engine.configure(apiKey=Secret(viewer.key), iamEndpoint=wire.url, registryEndpoint=wire.url)
    await engine.refresh(owner)
    with pytest.raises(RefusedError, match=r"Editor or Operator .* custom role with iam-identity\.apikey\.get"):
        await engine.refresh(key)
