"""A key that can't be used any longer is drift, even where every field of it is as it was."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from sandbox.cloud.testing import StandIn
from tests.cloud.clients import clients
from tests.provider.conftest import FastPace
from tests.provider.engine import UNKNOWN, Engine, Properties, RefusedError, Resource
from tests.provider.registry import Registry
from tests.provider.samples import API_KEY, NAMESPACE, POLICY, inputs_of, owner_of

pytestmark = pytest.mark.provider

ACCESS = "ibm-native:registry:Access"
DIGEST = "sha256:" + "a" * 64


@pytest.fixture
def registry(cloud: StandIn) -> Iterator[Registry]:
    with Registry(cloud.url) as found:
        found.images.add(f"my-images/nginx@{DIGEST}")
        yield found


async def refreshed(engine: Engine, resource: Resource) -> Resource:
    found = await engine.refresh(resource)
    assert found is not None
    return found


async def proof(engine: Engine, registry: Registry) -> tuple[Resource, Resource, Resource]:
    """Return a policy, a key and the proof that it pulls."""
    await engine.make(NAMESPACE, {"name": "my-images", "region": "jp-tok"})
    owner = await owner_of(engine)
    policy = await engine.make(POLICY, inputs_of(POLICY, owner))
    key = await engine.make(API_KEY, inputs_of(API_KEY, owner))
    inputs: Properties = {
        "registryHost": registry.host,
        "repository": "my-images/nginx",
        "digest": DIGEST,
        "apiKey": key.outputs["apiKey"],
        "policyId": policy.id,
        "policyModifiedAt": policy.outputs["lastModifiedAt"],
    }
    return policy, key, await engine.make(ACCESS, inputs)


async def test_a_disabled_key_names_itself_and_is_made_anew(engine: Engine, cloud: StandIn) -> None:
    owner = await owner_of(engine)
    key = await engine.make(API_KEY, inputs_of(API_KEY, owner))
    clients(cloud).identity.disable_api_key(id=key.id)
    found = await refreshed(engine, key)
    assert found.outputs["unusable"] == "disabled"
    assert (await engine.diff(found)).kinds == {"unusable": "DELETE_REPLACE"}
    again = await engine.make(API_KEY, inputs_of(API_KEY, owner))
    assert "unusable" not in again.outputs
    assert await engine.refresh(key) == found, "the old one goes last"
    await engine.delete(found)
    assert await engine.refresh(again) == again


async def test_a_key_that_works_again_is_no_drift(engine: Engine, cloud: StandIn) -> None:
    key = await engine.make(API_KEY, inputs_of(API_KEY, await owner_of(engine)))
    clients(cloud).identity.disable_api_key(id=key.id)
    disabled = await refreshed(engine, key)
    clients(cloud).identity.enable_api_key(id=key.id)
    assert await engine.refresh(disabled) == key
    assert not (await engine.diff(key)).changes


@pytest.mark.parametrize("expires", [True, False])
async def test_an_expired_key_is_drift_from_its_time_on(engine: Engine, pace: FastPace, *, expires: bool) -> None:
    tomorrow = f"{pace.today() + timedelta(days=1):%Y-%m-%dT%H:%M+0000}"
    wanted = {**inputs_of(API_KEY, await owner_of(engine)), **({"expiresAt": tomorrow} if expires else {})}
    key = await engine.make(API_KEY, wanted)
    assert await engine.refresh(key) == key
    await pace.sleep(2 * 86400, "two days go by")
    found = await refreshed(engine, key)
    assert (await engine.diff(found)).kinds == ({"unusable": "DELETE_REPLACE"} if expires else {})
    assert found.outputs.get("unusable") == ("expired" if expires else None)
    if expires:
        with pytest.raises(RefusedError, match=re.escape(f"a key with its expiresAt expired at {tomorrow}")):
            await engine.make(API_KEY, wanted)
        moved = {**wanted, "expiresAt": f"{pace.today() + timedelta(days=1):%Y-%m-%dT%H:%M+0000}"}
        assert (await engine.diff(found, **moved)).kinds == {"unusable": "DELETE_REPLACE", "expiresAt": "UPDATE"}
        await engine.make(API_KEY, moved)


async def test_an_end_that_was_counted_stays_and_is_no_drift(engine: Engine, pace: FastPace) -> None:
    wanted = {**inputs_of(API_KEY, await owner_of(engine)), "expiresAfterDays": 30}
    wanted.pop("expiresAt", None)
    key = await engine.make(API_KEY, wanted)
    ends_at = f"{pace.today() + timedelta(days=30):%Y-%m-%dT%H:%M+0000}"
    assert key.outputs["endsAt"] == ends_at
    assert "expiresAt" not in key.outputs
    await pace.sleep(86400, "a day goes by")
    assert await engine.refresh(key) == key
    for days in (30, 60, None):
        assert not (await engine.diff(key, expiresAfterDays=days)).changes, "a key that is there keeps its end"
    renamed = await engine.update(key, name="another")
    assert renamed.outputs["endsAt"] == ends_at


async def test_an_end_that_somebody_else_set_is_drift_and_the_counted_one_is_set_again(engine: Engine) -> None:
    wanted = {**inputs_of(API_KEY, await owner_of(engine)), "expiresAfterDays": 30}
    wanted.pop("expiresAt", None)
    key = await engine.make(API_KEY, wanted)
    outside = {name: each for name, each in wanted.items() if name != "expiresAfterDays"}
    await engine.update(replace(key, inputs=outside), expiresAt="2039-01-31T00:00+0000")
    drifted = await refreshed(engine, key)
    assert (await engine.diff(drifted, expiresAt=None)).kinds == {"expiresAt": "DELETE"}
    mended = await engine.update(drifted, expiresAt=None)
    assert await engine.refresh(mended) == mended
    assert mended.outputs["endsAt"] == key.outputs["endsAt"]


async def test_a_key_has_one_end(engine: Engine) -> None:
    _, failures = await engine.check(
        API_KEY, {"name": "k", "iamId": "iam-ServiceId-1", "expiresAt": "2038-01-31T00:00+0000", "expiresAfterDays": 1}
    )
    assert set(failures) == {"expiresAfterDays"}


async def test_no_preview_promises_drift(engine: Engine, registry: Registry) -> None:
    _, key, access = await proof(engine, registry)
    for resource, change in ((key, {"description": "new"}), (access, {"policyId": "another"})):
        made = await engine.preview(resource.token, resource.inputs)
        updated = await engine.update(resource, preview=True, **change)
        assert not {"unusable", "unproved"} & {*made, *updated.outputs}


async def test_a_refresh_uses_the_key_once_and_tells_that_it_still_pulls(engine: Engine, registry: Registry) -> None:
    _, _, access = await proof(engine, registry)
    registry.reads.clear()
    assert await engine.refresh(access) == access
    assert len(registry.reads) == 1


@pytest.mark.parametrize("trouble", ["key disabled", "key deleted", "policy deleted"])
async def test_a_key_that_pulls_no_longer_is_drift_that_says_why(
    engine: Engine, cloud: StandIn, registry: Registry, pace: FastPace, trouble: str
) -> None:
    policy, key, access = await proof(engine, registry)
    actions: dict[str, Any] = {
        "key disabled": lambda: clients(cloud).identity.disable_api_key(id=key.id),
        "key deleted": lambda: clients(cloud).identity.delete_api_key(id=key.id),
        "policy deleted": lambda: clients(cloud).policies.delete_v2_policy(policy.id),
    }
    actions[trouble]()
    pace.waits.clear()
    found = await refreshed(engine, access)
    assert pace.waits == [], "once"
    said = "may not pull" if trouble == "policy deleted" else "doesn't know the API key"
    assert said in found.outputs["unproved"]
    assert (await engine.diff(found)).kinds == {"unproved": "DELETE"}
    assert key.outputs["apiKey"].value not in str(found.outputs["unproved"])
    if trouble == "key disabled":
        clients(cloud).identity.enable_api_key(id=key.id)
        assert await engine.update(found, apiKey=found.inputs["apiKey"]) == access


@pytest.mark.parametrize("trouble", ["down", "image gone"])
async def test_a_registry_that_tells_nothing_about_the_key_is_no_drift(
    engine: Engine, registry: Registry, capsys: pytest.CaptureFixture[str], trouble: str
) -> None:
    _, _, access = await proof(engine, registry)
    registry.down = trouble == "down"
    registry.images.clear()
    assert await engine.refresh(access) == access
    assert "nothing tells" in capsys.readouterr().err


async def test_a_policy_that_changes_in_place_asks_for_a_new_proof(engine: Engine, registry: Registry) -> None:
    policy, _, access = await proof(engine, registry)
    planned = await engine.update(policy, preview=True, roles=["Writer"])
    assert planned.outputs["lastModifiedAt"] == UNKNOWN
    assert (await engine.diff(access, policyModifiedAt=UNKNOWN)).kinds == {"policyModifiedAt": "UPDATE"}
    changed = await engine.update(policy, roles=["Writer", "Reader"])
    found = await engine.diff(access, policyModifiedAt=changed.outputs["lastModifiedAt"])
    assert found.kinds == {"policyModifiedAt": "UPDATE"}


async def test_a_state_without_the_policys_time_previews_unchanged(engine: Engine, registry: Registry) -> None:
    _, _, access = await proof(engine, registry)
    before = await engine.update(access, policyModifiedAt=None)
    assert not (await engine.diff(before, policyModifiedAt=UNKNOWN)).changes
    assert (await engine.diff(before, policyModifiedAt="2026-01-01T00:00Z")).kinds == {"policyModifiedAt": "ADD"}
