"""Every method of every resource, over gRPC on one side and HTTP against the stand-in on the other."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ibm_native.catalogue import lives
from ibm_native.cloud.errors import scrub
from sandbox.cloud.testing import StandIn
from tests.provider.cases import (
    API_KEY,
    CASES,
    NAMESPACE,
    PLAN,
    POLICY,
    QUOTA,
    RETENTION,
    SERVICE_ID,
    SPACE,
    Case,
    declared,
)
from tests.provider.conftest import FastPace
from tests.provider.engine import UNKNOWN, Engine, Properties, RefusedError, Resource, Secret
from tests.provider.samples import inputs_of, owner_of
from tests.provider.wire import Wire

pytestmark = pytest.mark.provider

each_case = pytest.mark.parametrize("case", CASES, ids=lambda each: each.token.rpartition(":")[2])
ALWAYS_THERE = {QUOTA, PLAN}
"""What a delete sets back rather than removes."""


async def make(engine: Engine, case: Case) -> Resource:
    owner = await engine.make(SERVICE_ID, {"name": "owner"}, name="owner")
    if case.needs_space:
        await engine.make(NAMESPACE, SPACE, name="space")
    return await engine.make(case.token, case.inputs(owner))


def test_every_resource_that_lies_in_the_cloud_has_a_case() -> None:
    proofs = {"ibm-native:registry:Access", "ibm-native:registry:ScanGate"}
    assert {each.token for each in CASES} == {life.declaration.token for life in lives()} - proofs
    for case in CASES:
        life = next(each for each in lives() if each.declaration.token == case.token)
        assert set(case.change) == {each.wire for each in life.declaration.inputs}


@each_case
async def test_each_input_changed_alone_is_the_declared_change(engine: Engine, case: Case) -> None:
    made = await make(engine, case)
    for name, value in case.change.items():
        if declared(case.token, name).prop.quiet:
            continue
        (kind,) = (await engine.diff(made, **{name: value})).kinds.items()
        assert kind[0] == name
        assert kind[1].endswith("_REPLACE") == declared(case.token, name).prop.replaces


@each_case
async def test_each_outside_change_shows_as_exactly_that_change(engine: Engine, case: Case) -> None:
    made = await make(engine, case)
    for name in sorted(case.outside):
        await engine.update(made, **{name: case.change[name]})
        drifted = await engine.refresh(made)
        assert drifted is not None
        back: dict[str, Any] = {**dict.fromkeys(drifted.inputs), **made.inputs}
        assert set((await engine.diff(drifted, **back)).kinds) == {name}
        if case.token == PLAN:
            continue  # IBM has no way back from Standard
        mended = await engine.update(drifted, **back)
        assert in_order({**mended.outputs, **times(made)}) == in_order(made.outputs)


@each_case
async def test_what_is_created_reads_back_the_same(engine: Engine, case: Case) -> None:
    made = await make(engine, case)
    assert set(made.outputs) == case.outputs
    assert {name for name, each in made.outputs.items() if isinstance(each, Secret)} == case.secrets
    assert await engine.refresh(made) == made
    assert not (await engine.diff(made)).changes


@each_case
async def test_what_is_updated_reads_back_the_same(engine: Engine, case: Case) -> None:
    made = await make(engine, case)
    for name, value in case.in_place.items():
        changed = await engine.update(made, **{name: value})
        assert await engine.refresh(changed) == changed
        for secret in case.secrets:
            assert changed.outputs[secret] == made.outputs[secret]


@each_case
async def test_deleting_twice_succeeds_and_then_nothing_is_there(engine: Engine, case: Case) -> None:
    made = await make(engine, case)
    await engine.delete(made)
    assert (await engine.refresh(made) is None) == (case.token not in ALWAYS_THERE)
    await engine.delete(made)


@each_case
async def test_an_import_equals_what_was_created(engine: Engine, case: Case) -> None:
    made = await make(engine, case)
    found = await engine.bring_in(case.token, made.id)
    assert found is not None
    hidden = {name: Secret("") for name in case.secrets}
    shown = {name: each for name, each in made.outputs.items() if name not in case.hidden}
    adopted = {"adopted": True} if "adopted" in shown else {}
    assert in_order(found.outputs) == in_order({**shown, **hidden, **adopted})
    assert not (await engine.diff(found, **made.inputs)).changes


def times(resource: Resource) -> Properties:
    """Return the outputs that tell when something was done: doing it again is another time."""
    return {name: each for name, each in resource.outputs.items() if name == "lastModifiedAt"}


def in_order(properties: Properties) -> Properties:
    return {**properties, "roles": sorted(properties.get("roles", []))}


@pytest.mark.parametrize("case", [each for each in CASES if each.token not in ALWAYS_THERE])
async def test_importing_what_is_not_there_finds_nothing(engine: Engine, case: Case) -> None:
    here = {SERVICE_ID: "ServiceId-", API_KEY: "ApiKey-", NAMESPACE: "jp-tok/", RETENTION: "jp-tok/"}
    absent = here.get(case.token, "")
    assert await engine.bring_in(case.token, f"{absent}0f0e0d0c-0b0a-4908") is None


@each_case
async def test_a_preview_makes_no_call_and_keeps_what_is_known(engine: Engine, case: Case, wire: Wire) -> None:
    owner = Resource(SERVICE_ID, "", "", {}, {"iamId": UNKNOWN})
    outputs = await engine.preview(case.token, case.inputs(owner))
    assert set(outputs) == case.outputs
    defaults = {"service", "actionWhenLeaked", "adopt", "deleteAdopted", "retainUntagged"}
    computed = case.outputs - set(case.inputs(owner)) - defaults
    assert all(outputs[name] in (UNKNOWN, Secret(UNKNOWN)) for name in computed)
    assert {name for name, each in outputs.items() if isinstance(each, Secret)} == case.secrets
    assert wire.calls == []


@each_case
async def test_a_preview_of_an_update_keeps_the_other_outputs(engine: Engine, case: Case, wire: Wire) -> None:
    made = await make(engine, case)
    before = list(wire.calls)
    planned = await engine.update(made, preview=True, **case.in_place)
    assert wire.calls == before
    for name in {"crn", "apiKey", "iamId"} & case.outputs:
        assert planned.outputs[name] == made.outputs[name]


@each_case
async def test_no_description_shows_the_provider_s_mark(engine: Engine, case: Case) -> None:
    made = await make(engine, case)
    read = await engine.refresh(made)
    assert read is not None
    assert "[ibm-native:" not in str(read)


async def test_an_unset_optional_input_is_not_invented(engine: Engine) -> None:
    made = await engine.make(SERVICE_ID, {"name": "puller"})
    assert made.outputs.keys() == {"name", "iamId", "crn"}


async def test_a_run_asks_for_one_token(engine: Engine, wire: Wire) -> None:
    owner = await engine.make(SERVICE_ID, {"name": "owner"}, name="owner")
    await engine.make(NAMESPACE, SPACE)
    for case in CASES:
        if case.token != NAMESPACE:
            await engine.make(case.token, case.inputs(owner))
    assert wire.count("POST /identity/token") == 1


async def test_a_create_is_one_write_and_one_read(engine: Engine, wire: Wire) -> None:
    await engine.make(SERVICE_ID, {"name": "puller"})
    assert wire.count("POST /v1/serviceids/?") == 1
    assert wire.count("GET /v1/serviceids/?.*") == 1, "one list shows that it is visible and what was left before"


async def test_a_refresh_is_one_read(engine: Engine, wire: Wire) -> None:
    made = await engine.make(SERVICE_ID, {"name": "puller"})
    wire.calls.clear()
    await engine.refresh(made)
    assert len(wire.calls) == 1


async def test_a_key_is_never_stored_at_ibm(engine: Engine, cloud: StandIn) -> None:
    made = await make(engine, CASES[1])
    imported = await engine.bring_in(API_KEY, made.id)
    assert imported is not None
    assert imported.outputs["apiKey"] == Secret("")
    assert made.outputs["apiKey"].value not in (cloud.api_key, "")


async def test_another_identity_replaces_key_and_policy(engine: Engine) -> None:
    for case in (CASES[1], CASES[2]):
        made = await make(engine, case)
        found = await engine.diff(made, iamId="iam-ServiceId-other")
        assert found.kinds == {"iamId": "UPDATE_REPLACE"}


async def test_a_namespace_is_replaced_by_another_name_and_first_deleted_for_another_group(engine: Engine) -> None:
    made = await engine.make(NAMESPACE, {"name": "my-images", "region": "jp-tok"})
    renamed = await engine.diff(made, name="your-images")
    assert renamed.kinds == {"name": "UPDATE_REPLACE"}
    assert not renamed.delete_first
    regrouped = await engine.diff(made, resourceGroup="a" * 32)
    assert regrouped.kinds == {"resourceGroup": "ADD_REPLACE"}
    assert regrouped.delete_first


async def test_a_namespace_that_exists_is_refused_then_adopted_then_left_alone(engine: Engine) -> None:
    first = await engine.make(NAMESPACE, {"name": "my-images", "region": "jp-tok"}, name="first")
    with pytest.raises(RefusedError, match="the account has a namespace of this name there already") as refused:
        await engine.make(NAMESPACE, {"name": "my-images", "region": "jp-tok"})
    command = f"pulumi import {NAMESPACE} it jp-tok/my-images --generate-code=false`"
    assert command in refused.value.message
    adopted = await engine.make(NAMESPACE, {"name": "my-images", "region": "jp-tok", "adopt": True})
    assert adopted.outputs["adopted"] is True
    await engine.delete(adopted)
    assert await engine.refresh(first) == first
    marked = await engine.update(adopted, deleteAdopted=True)
    await engine.delete(marked)
    assert await engine.refresh(first) is None


async def test_a_namespace_that_was_imported_is_left_alone(engine: Engine) -> None:
    first = await engine.make(NAMESPACE, {"name": "my-images", "region": "jp-tok"}, name="first")
    imported = await engine.bring_in(NAMESPACE, first.id)
    assert imported is not None
    await engine.delete(imported)
    assert await engine.refresh(first) == first


async def test_a_soft_deleted_policy_counts_as_gone(engine: Engine) -> None:
    owner = await engine.make(SERVICE_ID, {"name": "owner"}, name="owner")
    made = await engine.make(POLICY, CASES[2].inputs(owner))
    await engine.delete(owner)
    assert await engine.refresh(made) is None
    await engine.delete(made)


async def test_a_policy_in_the_way_is_named_with_the_way_out(engine: Engine) -> None:
    owner = await engine.make(SERVICE_ID, {"name": "owner"}, name="owner")
    first = await engine.make(POLICY, CASES[2].inputs(owner), name="first")
    with pytest.raises(RefusedError, match=f"given already by policy {first.id}") as refused:
        await engine.make(POLICY, CASES[2].inputs(owner), name="second")
    assert f"pulumi import {POLICY} second {first.id} --generate-code=false" in refused.value.message


async def test_roles_may_be_crns_and_their_order_means_nothing(engine: Engine) -> None:
    owner = await engine.make(SERVICE_ID, {"name": "owner"}, name="owner")
    crn = "crn:v1:bluemix:public:iam::::serviceRole:Writer"
    made = await engine.make(POLICY, {**CASES[2].inputs(owner), "roles": [crn, "Reader"]})
    assert made == await engine.refresh(made)
    assert not (await engine.diff(made, roles=["Reader", crn])).changes


async def test_an_outside_change_shows_as_exactly_that_change(engine: Engine) -> None:
    made = await engine.make(SERVICE_ID, {"name": "puller", "description": "as it was"})
    await engine.update(made, description="somebody else's words")
    drifted = await engine.refresh(made)
    assert drifted is not None
    assert (await engine.diff(drifted, **made.inputs)).kinds == {"description": "UPDATE"}
    assert drifted.inputs["description"] == "somebody else's words"
    mended = await engine.update(drifted, **made.inputs)
    assert mended == await engine.refresh(mended)


async def test_an_expiry_that_is_past_is_told_with_its_mend_and_makes_no_key(engine: Engine, wire: Wire) -> None:
    owner = await engine.make(SERVICE_ID, {"name": "owner"}, name="owner")
    wanted = {"name": "late", "iamId": owner.outputs["iamId"], "expiresAt": "2001-01-31T00:00+0000"}
    with pytest.raises(RefusedError) as refused:
        await engine.make(API_KEY, wanted)
    assert re.match(
        r"create API key 'late': a key with its expiresAt expired at 2001-01-31T00:00\+0000; one made now, at 20\d\d-"
        r"\d\d-\d\dT\d\d:\d\d\+0000 by this machine's clock, would be expired from the start\n"
        r"Set a later expiresAt, .* or none, .*\. Where keys go by epoch, raise keyEpoch too\.$",
        refused.value.message,
    )
    assert wire.count("POST /v1/apikeys") == 0
    later = await engine.make(API_KEY, {**wanted, "expiresAt": "2999-01-31T00:00+0000"})
    assert later.outputs["expiresAt"] == "2999-01-31T00:00+0000"


async def test_a_key_for_an_identity_that_never_appears_fails_after_a_while(engine: Engine, pace: FastPace) -> None:
    with pytest.raises(RefusedError, match="create API key 'key'"):
        await engine.make(API_KEY, {"name": "key", "iamId": "iam-ServiceId-0f0e0d0c-0b0a-4908-8706-050403020100"})
    assert sum(pace.waits) <= 30


async def test_a_key_that_was_made_is_in_no_message_from_then_on(engine: Engine) -> None:
    made = await engine.make(API_KEY, inputs_of(API_KEY, await owner_of(engine)))
    assert made.outputs["apiKey"].value not in scrub(f"the service said: {made.outputs['apiKey'].value}")
