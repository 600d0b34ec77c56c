"""Creates whose answer is lost, delayed or cut off: in the end there is exactly one, and no orphan."""

from __future__ import annotations

from pathlib import Path

import pytest
from ibm_cloud_sdk_core.authenticators import IAMAuthenticator

from ibm_native.model.journal import Journal
from sandbox.cloud.testing import StandIn
from tests.provider.conftest import FastPace
from tests.provider.engine import Engine, RefusedError, Resource, Secret
from tests.provider.samples import API_KEY, NAMESPACE, POLICY, SERVICE_ID, inputs_of, owner_of
from tests.provider.wire import Trouble, Wire

pytestmark = pytest.mark.provider

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


@pytest.mark.parametrize("token", [SERVICE_ID, API_KEY])
async def test_what_the_state_has_is_never_removed_by_a_create(
    engine: Engine, journal: Journal, wire: Wire, capsys: pytest.CaptureFixture[str], token: str
) -> None:
    owner = await owner_of(engine)
    first = await engine.make(token, inputs_of(token, owner))
    journal.close()
    # `pulumi up --replace` asks for a create just like a first one: without old inputs, id or diff.
    second = await engine.make(token, inputs_of(token, owner))
    assert wire.count("DELETE .+") == 0
    assert await engine.refresh(first) == first
    assert await engine.refresh(second) == second
    assert f"{first.id} was made for the same resource, and stays" in capsys.readouterr().err
    await engine.delete(first)
    assert await engine.refresh(second) == second


async def test_a_policy_that_the_state_has_isn_t_removed_to_make_its_equal(
    engine: Engine, journal: Journal, wire: Wire
) -> None:
    owner = await owner_of(engine)
    first = await engine.make(POLICY, inputs_of(POLICY, owner))
    journal.close()
    with pytest.raises(RefusedError, match=f"given already by policy {first.id}"):
        await engine.make(POLICY, inputs_of(POLICY, owner))
    assert wire.count("DELETE .+") == 0
    assert await engine.refresh(first) == first


@pytest.mark.parametrize("token", [SERVICE_ID, API_KEY, POLICY])
@pytest.mark.parametrize("seen", ["diff", "refresh", "delete"])
async def test_what_the_engine_shows_to_be_in_the_state_is_no_orphan(
    engine: Engine, tmp_path: Path, token: str, seen: str
) -> None:
    owner = await owner_of(engine)
    made = await engine.make(token, inputs_of(token, owner))
    notes = set((tmp_path / "journal").iterdir())
    assert len(notes) == 2
    await getattr(engine, seen)(made)
    assert len(notes & set((tmp_path / "journal").iterdir())) == 1


@pytest.mark.parametrize("token", [SERVICE_ID, API_KEY, POLICY])
async def test_a_create_that_iam_refuses_leaves_no_note(engine: Engine, wire: Wire, tmp_path: Path, token: str) -> None:
    owner = await owner_of(engine)
    wire.troubles = [Trouble(CREATES[token], "answer", status=403)]
    with pytest.raises(RefusedError):
        await engine.make(token, inputs_of(token, owner))
    assert len(list((tmp_path / "journal").iterdir())) == 1, "the owner's"


async def full_of_keys(engine: Engine, owner: Resource) -> list[Resource]:
    """Make as many keys of one identity as IBM allows, each another resource's."""
    wanted = inputs_of(API_KEY, owner)
    return [await engine.make(API_KEY, wanted, name=f"key-{number}") for number in range(20)]


async def test_an_orphan_makes_room_where_an_identity_may_hold_no_more_keys(engine: Engine, wire: Wire) -> None:
    owner = await owner_of(engine)
    orphan, *others = await full_of_keys(engine, owner)
    asked = wire.count("POST /v1/apikeys")
    made = await engine.make(API_KEY, inputs_of(API_KEY, owner), name="key-0")
    assert wire.count("POST /v1/apikeys") == asked + 2
    assert wire.count("DELETE /v1/apikeys/.+") == 1
    assert await engine.refresh(orphan) is None
    for each in (made, *others):
        assert await engine.refresh(each) == each


async def test_no_key_that_somebody_may_use_makes_room(engine: Engine, cloud: StandIn, wire: Wire) -> None:
    owner = await owner_of(engine)
    wanted = inputs_of(API_KEY, owner)
    used, standing, *_ = await full_of_keys(engine, owner)
    IAMAuthenticator(used.outputs["apiKey"].value, url=cloud.url).token_manager.get_token()
    await engine.diff(standing)
    for name in ("key-0", "key-1", "stranger"):
        with pytest.raises(RefusedError, match=r"holds 20 API keys; IBM's limit is 20\. Remove one"):
            await engine.make(API_KEY, wanted, name=name)
    assert wire.count("DELETE /v1/apikeys/.+") == 0


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
    began = pace.now()
    made = await engine.make(token, inputs_of(token, owner))
    assert pace.now() - began >= (30 if token != NAMESPACE else 0), "the registry shows a namespace at once"
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
    began = pace.now()
    await plugin.make(SERVICE_ID, {"name": "puller"})
    assert pace.now() - began >= 90
    assert sum(pace.waits) <= 100
    await plugin.configure(apiKey=Secret(cloud.api_key), iamEndpoint=cloud.url, waitSeconds=5)
    with pytest.raises(RefusedError, match="after 5 s\nIt was removed again"):
        await plugin.make(SERVICE_ID, {"name": "puller-2"})


async def test_a_key_without_a_value_is_removed_again_with_its_note(engine: Engine, wire: Wire, tmp_path: Path) -> None:
    owner = await owner_of(engine)
    answer = '{"id": "ApiKey-1", "name": "key", "apikey": ""}'
    wire.troubles = [Trouble("POST /v1/apikeys", "answer", status=201, body=answer)]
    with pytest.raises(RefusedError, match="didn't show its value"):
        await engine.make(API_KEY, inputs_of(API_KEY, owner))
    assert "DELETE /v1/apikeys/ApiKey-1" in wire.calls
    assert len(list((tmp_path / "journal").iterdir())) == 1, "the owner's"


async def test_an_identity_that_iam_doesn_t_know_yet_is_waited_for(engine: Engine, wire: Wire) -> None:
    owner = await owner_of(engine)
    wire.troubles = [Trouble("POST /v1/apikeys", "answer", status=404, count=3)]
    made = await engine.make(API_KEY, inputs_of(API_KEY, owner))
    assert await engine.refresh(made) == made


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
