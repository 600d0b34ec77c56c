"""Service IDs: /v1/serviceids, through IBM's SDK."""

from __future__ import annotations

import re

import pytest
from ibm_platform_services.iam_identity_v1 import ServiceId, ServiceIdList

from sandbox.cloud.core import limits, unverified
from sandbox.cloud.testing import StandIn
from tests.cloud.clients import Clients, Json, allow, clients, make_robot, parse, refused

pytestmark = [pytest.mark.cloud, pytest.mark.verified]


def make(cloud: StandIn, name: str = "puller", **more: object) -> Json:
    return clients(cloud).identity.create_service_id(account_id=cloud.account_id, name=name, **more).get_result()


def test_a_created_service_id_has_ibms_shape(cloud: StandIn) -> None:
    answer = clients(cloud).identity.create_service_id(
        account_id=cloud.account_id, name="puller", description="pulls", unique_instance_crns=["crn:v1:x"]
    )
    made = answer.get_result()
    assert answer.get_status_code() == 201
    parse(ServiceId, made)
    assert re.fullmatch(r"ServiceId-[0-9a-f-]{36}", made["id"])
    assert made["iam_id"] == f"iam-{made['id']}"
    assert made["crn"] == f"crn:v1:bluemix:public:iam-identity::a/{cloud.account_id}::serviceid:{made['id']}"
    assert re.fullmatch(r"\d+-[0-9a-f]{32}", made["entity_tag"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d\+0000", made["created_at"])
    assert (made["name"], made["description"], made["locked"]) == ("puller", "pulls", False)
    assert made["unique_instance_crns"] == ["crn:v1:x"]
    assert "group_id" not in made


def test_two_service_ids_may_share_a_name(cloud: StandIn) -> None:
    assert make(cloud)["id"] != make(cloud)["id"]
    found = clients(cloud).identity.list_service_ids(account_id=cloud.account_id, name="puller").get_result()
    assert [item["name"] for item in found["serviceids"]] == ["puller", "puller"]


def test_a_service_id_can_be_made_with_its_key(cloud: StandIn) -> None:
    made = make(cloud, apikey={"name": "first", "store_value": False})
    assert made["apikey"]["iam_id"] == made["iam_id"]
    assert len(made["apikey"]["apikey"]) >= 32
    again = clients(cloud).identity.get_service_id(made["id"]).get_result()
    assert "apikey" not in again


def test_what_was_created_is_read_again_with_its_tag(cloud: StandIn) -> None:
    made = make(cloud)
    answer = clients(cloud).identity.get_service_id(made["id"])
    found = answer.get_result()
    assert answer.get_headers()["ETag"] == found["entity_tag"] == made["entity_tag"]
    assert {key: value for key, value in found.items() if key != "context"} == {
        key: value for key, value in made.items() if key != "context"
    }


@pytest.mark.unknown
def test_an_unknown_id_is_404(owner: Clients) -> None:
    with refused(404, "not_found", "ServiceId-nobody"):
        owner.identity.get_service_id("ServiceId-nobody")


@pytest.mark.parametrize("missing", ["name", "account_id"])
def test_an_empty_property_is_400(cloud: StandIn, owner: Clients, missing: str) -> None:
    body = {"account_id": cloud.account_id, "name": "x", missing: ""}
    with refused(400, "BXNIM0109E", missing):
        owner.identity.create_service_id(**body)


def test_another_account_is_refused(owner: Clients) -> None:
    with refused(403, "forbidden", "not authorized"):
        owner.identity.create_service_id(account_id="0" * 32, name="x")
    with refused(403, "forbidden", "not authorized"):
        owner.identity.list_service_ids(account_id="0" * 32)


def test_an_update_changes_what_it_names_and_nothing_else(cloud: StandIn, owner: Clients) -> None:
    made = make(cloud, description="old")
    found = owner.identity.update_service_id(made["id"], if_match=made["entity_tag"], name="new").get_result()
    assert (found["name"], found["description"]) == ("new", "old")
    assert found["entity_tag"] != made["entity_tag"]
    cleared = owner.identity.update_service_id(made["id"], if_match="*", description="").get_result()
    assert "description" not in cleared


@pytest.mark.unknown
def test_a_stale_tag_is_refused_and_changes_nothing(cloud: StandIn, owner: Clients) -> None:
    made = make(cloud)
    owner.identity.update_service_id(made["id"], if_match=made["entity_tag"], name="second")
    with refused(unverified.STALE_IDENTITY_STATUS, "conflict", "If-Match"):
        owner.identity.update_service_id(made["id"], if_match=made["entity_tag"], name="third")
    assert owner.identity.get_service_id(made["id"]).get_result()["name"] == "second"


def test_a_name_can_not_become_empty(cloud: StandIn, owner: Clients) -> None:
    made = make(cloud)
    with refused(400, "BXNIM0109E", "name"):
        owner.identity.update_service_id(made["id"], if_match="*", name="")


@pytest.mark.unknown
def test_deleting_takes_the_keys_and_soft_deletes_the_policies(cloud: StandIn, owner: Clients) -> None:
    robot = make_robot(cloud)
    policy = allow(cloud, robot, "Reader")
    assert owner.identity.delete_service_id(robot.id).get_status_code() == 204
    with refused(404, "not_found", robot.id):
        owner.identity.get_service_id(robot.id)
    with refused(404, "not_found", robot.key_id):
        owner.identity.get_api_key(robot.key_id)
    assert owner.policies.get_v2_policy(policy["id"]).get_result()["state"] == "deleted"
    with refused(404, "not_found", robot.id):
        owner.identity.delete_service_id(robot.id)


def test_a_key_that_cannot_go_keeps_its_service_id(cloud: StandIn, owner: Clients) -> None:
    robot = make_robot(cloud)
    owner.identity.lock_api_key(robot.key_id)
    with refused(409, "delete_not_possible", "could not be deleted"):
        owner.identity.delete_service_id(robot.id)
    assert owner.identity.get_service_id(robot.id).get_status_code() == 200


@pytest.mark.unknown
def test_a_locked_service_id_does_not_change(cloud: StandIn, owner: Clients) -> None:
    robot = make_robot(cloud)
    policy = allow(cloud, robot, "Reader")
    assert owner.identity.lock_service_id(robot.id).get_status_code() == 204
    for attempt in (
        lambda: owner.identity.update_service_id(robot.id, if_match="*", name="new"),
        lambda: owner.identity.delete_service_id(robot.id),
    ):
        with refused(unverified.LOCKED_STATUS, "locked", "locked"):
            attempt()
    for attempt in (
        lambda: allow(cloud, robot, "Writer"),
        lambda: owner.policies.delete_v2_policy(policy["id"]),
    ):
        with refused(unverified.LOCKED_STATUS, "request_not_processed", "locked"):
            attempt()
    assert owner.identity.unlock_service_id(robot.id).get_status_code() == 204
    assert owner.identity.delete_service_id(robot.id).get_status_code() == 204


def test_pages_are_linked_by_urls(cloud: StandIn, owner: Clients) -> None:
    names = [f"id-{number}" for number in range(5)]
    for name in names:
        make(cloud, name)
    answer = owner.identity.list_service_ids(account_id=cloud.account_id, pagesize=2, sort="name", order="desc")
    pages = [answer.get_result()]
    while "next" in pages[-1]:
        assert pages[-1]["next"].startswith(f"{cloud.url}/v1/serviceids/?")
        token = pages[-1]["next"].partition("pagetoken=")[2]
        pages.append(owner.identity.list_service_ids(pagetoken=token).get_result())
    for page in pages:
        parse(ServiceIdList, page)
    assert [[item["name"] for item in page["serviceids"]] for page in pages] == [
        ["id-4", "id-3"],
        ["id-2", "id-1"],
        ["id-0"],
    ]
    assert ("previous" in pages[0], "previous" in pages[2]) == (False, True)


def test_a_page_token_of_nobodys_is_refused(owner: Clients) -> None:
    with refused(400, "BXNIM0106E", "pagetoken"):
        owner.identity.list_service_ids(pagetoken="e30")


def test_a_page_has_at_most_a_hundred(cloud: StandIn, owner: Clients) -> None:
    with refused(400, "BXNIM0106E", "pagesize"):
        owner.identity.list_service_ids(account_id=cloud.account_id, pagesize=101)


@pytest.mark.unknown
@pytest.mark.parametrize("limit", ["SERVICE_IDS_PER_ACCOUNT", "SERVICE_IDS_PER_GROUP"])
def test_the_limit_holds(cloud: StandIn, owner: Clients, monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    monkeypatch.setattr(limits, limit, 2)
    make(cloud)
    make(cloud)
    with refused(unverified.LIMIT_STATUS, "limit_exceeded", "2 service IDs"):
        owner.identity.create_service_id(account_id=cloud.account_id, name="third")


def test_the_identity_limits_are_ibms() -> None:
    assert (limits.SERVICE_IDS_PER_GROUP, limits.SERVICE_IDS_PER_ACCOUNT) == (2_000, 100_000)
    assert limits.API_KEYS_PER_IDENTITY == 20
    assert (limits.POLICIES_PER_SUBJECT, limits.NAMESPACES_PER_REGION) == (1000, 100)


@pytest.mark.sandbox_only
@pytest.mark.parametrize("text", ['name ge "x"', 'created_at eq "x"', 'name eq "x" or name eq "y"'])
def test_a_filter_that_is_not_there_yet_says_so(cloud: StandIn, owner: Clients, text: str) -> None:
    with refused(501, "not_implemented", "filter"):
        owner.identity.list_service_ids(account_id=cloud.account_id, filter=text)
