"""API keys: /v1/apikeys, through IBM's SDK."""

from __future__ import annotations

import pytest
from ibm_platform_services.iam_identity_v1 import ApiKey, ApiKeyList

from sandbox.cloud.core import unverified
from sandbox.cloud.iam.accounts import create_account
from sandbox.cloud.testing import StandIn
from tests.cloud.clients import Clients, Json, Robot, allow, clients, make_robot, parse, refused

pytestmark = [pytest.mark.cloud, pytest.mark.verified]


@pytest.fixture
def robot(cloud: StandIn) -> Robot:
    return make_robot(cloud)


def make(cloud: StandIn, robot: Robot, **more: object) -> Json:
    return clients(cloud).identity.create_api_key(name="pull", iam_id=robot.iam_id, **more).get_result()


def test_a_created_key_has_ibms_shape_and_its_value(cloud: StandIn, owner: Clients, robot: Robot) -> None:
    answer = owner.identity.create_api_key(
        name="pull",
        iam_id=robot.iam_id,
        description="pulls",
        action_when_leaked="disable",
        expires_at="2999-12-31T23:59+0000",
    )
    made = answer.get_result()
    assert answer.get_status_code() == 201
    parse(ApiKey, made)
    assert made["id"].startswith("ApiKey-")
    assert made["crn"] == f"crn:v1:bluemix:public:iam-identity::a/{cloud.account_id}::apikey:{made['id']}"
    assert len(made["apikey"]) == 44
    shown = {name: made[name] for name in ("name", "description", "action_when_leaked", "expires_at", "created_by")}
    assert shown == {
        "name": "pull",
        "description": "pulls",
        "action_when_leaked": "disable",
        "expires_at": "2999-12-31T23:59+0000",
        "created_by": cloud.owner_iam_id,
    }
    assert (made["locked"], made["disabled"], made["support_sessions"]) == (False, False, False)


def test_a_value_is_shown_once(cloud: StandIn, owner: Clients, robot: Robot) -> None:
    made = make(cloud, robot)
    found = owner.identity.get_api_key(made["id"]).get_result()
    parse(ApiKey, found)
    assert found["apikey"] == ""
    changed = owner.identity.update_api_key(made["id"], if_match="*", name="new").get_result()
    assert changed["apikey"] == ""


def test_a_stored_value_is_shown_on_get_and_update_but_not_in_lists(
    cloud: StandIn, owner: Clients, robot: Robot
) -> None:
    made = make(cloud, robot, store_value=True)
    assert owner.identity.get_api_key(made["id"]).get_result()["apikey"] == made["apikey"]
    changed = owner.identity.update_api_key(made["id"], if_match=made["entity_tag"], name="new").get_result()
    assert changed["apikey"] == made["apikey"]
    listed = owner.identity.list_api_keys(account_id=cloud.account_id, iam_id=robot.iam_id).get_result()
    assert {item["apikey"] for item in listed["apikeys"]} == {""}


@pytest.mark.unknown
def test_an_own_value_works_once(cloud: StandIn, owner: Clients, robot: Robot) -> None:
    value = "an own value of more than thirty-two characters"
    assert make(cloud, robot, apikey=value)["apikey"] == value
    assert clients(cloud, value).identity.get_service_id(robot.id).get_status_code() == 200
    with refused(unverified.DUPLICATE_KEY_STATUS, "conflict", "in use"):
        owner.identity.create_api_key(name="again", iam_id=robot.iam_id, apikey=value)


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ({"name": ""}, "BXNIM0109E", "'name'"),
        ({"iam_id": ""}, "BXNIM0109E", "'iam_id'"),
        ({"apikey": "x" * 31}, "BXNIM0106E", "at least 32 characters"),
        ({"action_when_leaked": "explode"}, "BXNIM0106E", "action_when_leaked"),
        ({"expires_at": "tomorrow"}, "BXNIM0106E", "yyyy-MM-ddTHH:mm+0000"),
        ({"expires_at": "2001-01-01T00:00+0000"}, "BXNIM0106E", "past"),
        ({"support_sessions": True}, "BXNIM0106E", "user API keys"),
        ({"store_value": "yes"}, "BXNIM0106E", "store_value"),
    ],
)
def test_a_bad_body_is_400(owner: Clients, robot: Robot, body: Json, code: str, message: str) -> None:
    with refused(400, code, message):
        owner.identity.create_api_key(**({"name": "pull", "iam_id": robot.iam_id} | body))


@pytest.mark.unknown
def test_an_identity_that_is_not_there_gets_no_key(owner: Clients) -> None:
    with refused(404, "not_found", "iam-ServiceId-nobody"):
        owner.identity.create_api_key(name="pull", iam_id="iam-ServiceId-nobody")


def test_a_users_key_is_never_stored_and_is_disabled_when_it_leaks(cloud: StandIn, owner: Clients) -> None:
    with refused(400, "BXNIM0106E", "store_value"):
        owner.identity.create_api_key(name="mine", iam_id=cloud.owner_iam_id, store_value=True)
    made = owner.identity.create_api_key(name="mine", iam_id=cloud.owner_iam_id).get_result()
    assert made["action_when_leaked"] == "disable"
    with refused(403, "forbidden", "not authorized"):
        owner.identity.create_api_key(name="theirs", iam_id="IBMid-SOMEONE")


@pytest.mark.unknown
def test_an_identity_holds_twenty_keys(cloud: StandIn, owner: Clients, robot: Robot) -> None:
    for _ in range(19):
        make(cloud, robot)
    with refused(unverified.LIMIT_STATUS, "limit_exceeded", "20 API keys"):
        owner.identity.create_api_key(name="one more", iam_id=robot.iam_id)


def test_pages_of_keys_are_linked(cloud: StandIn, owner: Clients, robot: Robot) -> None:
    for _ in range(2):
        make(cloud, robot)
    first = owner.identity.list_api_keys(account_id=cloud.account_id, iam_id=robot.iam_id, pagesize=2).get_result()
    rest = owner.identity.list_api_keys(pagetoken=first["next"].partition("pagetoken=")[2]).get_result()
    for page in (first, rest):
        parse(ApiKeyList, page)
    assert (len(first["apikeys"]), len(rest["apikeys"]), "next" in rest) == (2, 1, False)


@pytest.mark.unknown
def test_a_page_token_of_another_list_is_refused(cloud: StandIn, owner: Clients, robot: Robot) -> None:
    make(cloud, robot)
    keys = owner.identity.list_api_keys(account_id=cloud.account_id, iam_id=robot.iam_id, pagesize=1).get_result()
    ids = owner.identity.list_service_ids(account_id=cloud.account_id, name="robot", pagesize=1).get_result()
    tokens = [each["first"].partition("pagetoken=")[2] for each in (keys, ids)]
    with refused(400, "BXNIM0106E", "another list"):
        owner.identity.list_service_ids(pagetoken=tokens[0])
    with refused(400, "BXNIM0106E", "another list"):
        owner.identity.list_api_keys(pagetoken=tokens[1])


def test_a_key_of_another_account_is_not_there_by_its_id(cloud: StandIn, robot: Robot) -> None:
    with cloud.store.transaction() as session:
        stranger, key = create_account(session, cloud.clock)
    theirs = clients(cloud, key, account_id=stranger.id).identity
    for attempt in (
        lambda: theirs.get_api_key(id=robot.key_id),
        lambda: theirs.update_api_key(robot.key_id, "*", name="mine"),
        lambda: theirs.disable_api_key(id=robot.key_id),
        lambda: theirs.lock_api_key(id=robot.key_id),
        lambda: theirs.delete_api_key(id=robot.key_id),
    ):
        with refused(404, unverified.NOT_FOUND_CODE[0], "not found"):
            attempt()
    assert clients(cloud).identity.get_api_key(id=robot.key_id).get_result()["disabled"] is False


def test_lists_are_by_identity_or_by_account(cloud: StandIn, owner: Clients, robot: Robot) -> None:
    def ids(**query: str) -> set[str]:
        listed = owner.identity.list_api_keys(account_id=cloud.account_id, **query).get_result()
        return {item["iam_id"] for item in listed["apikeys"]}

    assert ids() == {cloud.owner_iam_id}
    assert ids(iam_id=robot.iam_id) == {robot.iam_id}
    assert ids(scope="account") == {cloud.owner_iam_id, robot.iam_id}
    assert ids(scope="account", type="serviceid") == {robot.iam_id}


@pytest.mark.unknown
def test_a_stale_tag_is_refused(cloud: StandIn, owner: Clients, robot: Robot) -> None:
    made = make(cloud, robot)
    owner.identity.update_api_key(made["id"], if_match=made["entity_tag"], description="second")
    with refused(unverified.STALE_IDENTITY_STATUS, "conflict", "If-Match"):
        owner.identity.update_api_key(made["id"], if_match=made["entity_tag"], description="third")


@pytest.mark.unknown
def test_disabled_and_locked_are_seen_and_undone(cloud: StandIn, owner: Clients, robot: Robot) -> None:
    made = make(cloud, robot)
    for method in ("lock_api_key", "disable_api_key"):
        assert getattr(owner.identity, method)(made["id"]).get_status_code() == 204
    found = owner.identity.get_api_key(made["id"]).get_result()
    assert (found["locked"], found["disabled"]) == (True, True)
    with refused(unverified.LOCKED_STATUS, "locked", "locked"):
        owner.identity.delete_api_key(made["id"])
    with refused(unverified.LOCKED_STATUS, "locked", "locked"):
        owner.identity.update_api_key(made["id"], if_match="*", name="x")
    for method in ("unlock_api_key", "enable_api_key"):
        assert getattr(owner.identity, method)(made["id"]).get_status_code() == 204
    assert clients(cloud, made["apikey"]).identity.get_service_id(robot.id).get_status_code() == 200
    assert owner.identity.delete_api_key(made["id"]).get_status_code() == 204
    with refused(404, "not_found", made["id"]):
        owner.identity.get_api_key(made["id"])


def test_a_key_can_be_made_locked_and_disabled(owner: Clients, robot: Robot) -> None:
    made = owner.identity.create_api_key(name="k", iam_id=robot.iam_id, entity_lock="true", entity_disable="true")
    assert (made.get_result()["locked"], made.get_result()["disabled"]) == (True, True)


@pytest.mark.unknown
def test_details_are_found_by_value(cloud: StandIn, owner: Clients, robot: Robot) -> None:
    found = owner.identity.get_api_keys_details(iam_api_key=robot.key).get_result()
    assert (found["id"], found["apikey"]) == (robot.key_id, "")
    itself = clients(cloud, robot.key).identity.get_api_keys_details(iam_api_key=robot.key).get_result()
    assert itself["id"] == robot.key_id
    with refused(400, "BXNIM0109E", "Property missing or empty"):
        owner.identity.get_api_keys_details()
    with refused(404, "not_found", "API key"):
        owner.identity.get_api_keys_details(iam_api_key="x" * 44)


def test_platform_roles_carry_their_actions_on_keys(cloud: StandIn, robot: Robot) -> None:
    other = make_robot(cloud, "other")
    identity = clients(cloud, robot.key).identity
    with refused(403, "forbidden", "not authorized"):
        identity.get_api_key(other.key_id)
    allow(cloud, robot, "Editor", "role", serviceName="iam-identity")
    assert identity.get_api_key(other.key_id).get_status_code() == 200
    with refused(403, "forbidden", "not authorized"):
        identity.delete_api_key(other.key_id)
    allow(cloud, robot, "Operator", "role", serviceName="iam-identity")
    assert identity.delete_api_key(other.key_id).get_status_code() == 204
