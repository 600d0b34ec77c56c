"""Access policies: /v2/policies, through IBM's SDK."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
from ibm_cloud_sdk_core import ApiException
from ibm_platform_services.iam_policy_management_v1 import V2Policy, V2PolicyCollection

from sandbox.cloud.core import limits, unverified
from sandbox.cloud.testing import StandIn
from tests.cloud.clients import (
    REGISTRY,
    Clients,
    Json,
    Robot,
    allow,
    attributes,
    clients,
    make_robot,
    parse,
    policy,
    refused,
    role,
)

pytestmark = [pytest.mark.cloud, pytest.mark.verified]


@pytest.fixture
def robot(cloud: StandIn) -> Robot:
    return make_robot(cloud)


def reader(cloud: StandIn, robot: Robot, **more: str) -> Json:
    return policy(robot.iam_id, [role("Reader")], accountId=cloud.account_id, serviceName=REGISTRY, **more)


def test_a_created_policy_has_ibms_shape_and_its_tag_in_a_header(cloud: StandIn, owner: Clients, robot: Robot) -> None:
    wanted = reader(cloud, robot, region="jp-tok", resourceType="namespace", resource="my-praivate-repo")
    answer = owner.policies.create_v2_policy(**wanted, description="pull")
    made = answer.get_result()
    assert answer.get_status_code() == 201
    assert re.fullmatch(r"1-[0-9a-f]{32}", answer.get_headers()["ETag"])
    parse(V2Policy, made)
    assert {name: made[name] for name in ("type", "control", "subject", "resource", "description", "state")} == {
        **wanted,
        "description": "pull",
        "state": "active",
    }
    assert made["href"] == f"{cloud.url}/v2/policies/{made['id']}"
    assert made["created_by_id"] == made["last_modified_by_id"] == cloud.owner_iam_id
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", made["created_at"])
    found = owner.policies.get_v2_policy(made["id"])
    assert (found.get_result(), found.get_headers()["ETag"]) == (made, answer.get_headers()["ETag"])


def test_the_same_policy_again_is_a_conflict_that_shows_the_first(cloud: StandIn, owner: Clients, robot: Robot) -> None:
    first = owner.policies.create_v2_policy(**reader(cloud, robot, region="jp-tok"))
    again = reader(cloud, robot, region="jp-tok")
    again["resource"]["attributes"].reverse()
    with pytest.raises(ApiException) as caught:
        owner.policies.create_v2_policy(**again)
    response = caught.value.http_response
    assert response is not None
    body: dict[str, Any] = response.json()
    assert (caught.value.status_code, body["status_code"], body["errors"][0]["code"]) == (
        409,
        409,
        "policy_conflict_error",
    )
    assert body["errors"][0]["details"]["conflicts_with"] == {
        "etag": first.get_headers()["ETag"],
        "policy": first.get_result(),
    }


def test_other_roles_or_another_scope_is_no_conflict(cloud: StandIn, robot: Robot) -> None:
    allow(cloud, robot, "Reader")
    allow(cloud, robot, "Writer")
    allow(cloud, robot, "Reader", region="jp-tok")


@pytest.mark.unknown
def test_a_deleted_policy_is_still_read_and_no_longer_in_the_way(cloud: StandIn, owner: Clients, robot: Robot) -> None:
    made = allow(cloud, robot, "Reader")
    assert owner.policies.delete_v2_policy(made["id"]).get_status_code() == 204
    assert owner.policies.get_v2_policy(made["id"]).get_result()["state"] == "deleted"
    with refused(unverified.DELETED_POLICY_STATUS, "policy_not_found", made["id"]):
        owner.policies.delete_v2_policy(made["id"])

    def ids(**query: str) -> list[str]:
        listed = owner.policies.list_v2_policies(cloud.account_id, iam_id=robot.iam_id, **query).get_result()
        return [item["id"] for item in listed["policies"]]

    assert (ids(), ids(state="deleted")) == ([], [made["id"]])
    assert allow(cloud, robot, "Reader")["id"] != made["id"]


@pytest.mark.unknown
def test_an_unknown_policy_is_404_with_ibms_text(owner: Clients) -> None:
    with refused(404, "policy_not_found", "Policy with Id nobody not found."):
        owner.policies.get_v2_policy("nobody")


@pytest.mark.unknown
def test_a_replace_needs_the_latest_tag(cloud: StandIn, owner: Clients, robot: Robot) -> None:
    first = owner.policies.create_v2_policy(**reader(cloud, robot))
    made, tag = first.get_result(), first.get_headers()["ETag"]
    answer = owner.policies.replace_v2_policy(made["id"], if_match=tag, **reader(cloud, robot, region="jp-tok"))
    assert answer.get_status_code() == 200
    assert answer.get_headers()["ETag"].startswith("2-")
    assert answer.get_result()["resource"]["attributes"][-1]["value"] == "jp-tok"
    with refused(unverified.STALE_POLICY_STATUS, "request_not_processed", "ETag"):
        owner.policies.replace_v2_policy(made["id"], if_match=tag, **reader(cloud, robot))


def test_a_replace_can_not_make_a_duplicate(cloud: StandIn, owner: Clients, robot: Robot) -> None:
    allow(cloud, robot, "Reader", region="jp-tok")
    other = owner.policies.create_v2_policy(**reader(cloud, robot, region="us-south"))
    made = other.get_result()
    with refused(409, "policy_conflict_error", "exists"):
        owner.policies.replace_v2_policy(
            made["id"], if_match=other.get_headers()["ETag"], **reader(cloud, robot, region="jp-tok")
        )
    assert owner.policies.get_v2_policy(made["id"]).get_result() == made


def without(wanted: Json, key: str) -> Json:
    kept = [item for item in wanted["resource"]["attributes"] if item["key"] != key]
    return wanted | {"resource": {"attributes": kept}}


def with_attribute(wanted: Json, **attribute: object) -> Json:
    return wanted | {"resource": {"attributes": [*wanted["resource"]["attributes"], attribute]}}


@pytest.mark.unknown
def test_the_rules_for_a_body_hold(cloud: StandIn, owner: Clients, robot: Robot) -> None:
    good = reader(cloud, robot)
    unknown_role: Json = {"control": {"grant": {"roles": [{"role_id": role("Emperor")}]}}}
    bad: dict[str, Json] = {
        "accountId": without(good, "accountId"),
        "serviceName": without(good, "serviceName"),
        "Emperor": good | unknown_role,
        "at least one role": good | {"control": {"grant": {"roles": []}}},
        "type must be": good | {"type": "wish"},
        "iam_id": good | {"subject": {"attributes": []}},
        "there is no identity": good | {"subject": {"attributes": attributes(iam_id="iam-ServiceId-nobody")}},
        "operator": with_attribute(good, key="region", operator="looksLike", value="jp-tok"),
        "1000 characters": with_attribute(good, key="resource", operator="stringEquals", value=""),
        "names one key twice": with_attribute(good, key="serviceName", operator="stringEquals", value=REGISTRY),
        "'tokyo' is not in the catalog": with_attribute(good, key="region", operator="stringEquals", value="tokyo"),
        "'ap-north' is not": with_attribute(good, key="region", operator="stringEquals", value="ap-north"),
        "serviceInstance": with_attribute(good, key="serviceInstance", operator="stringEquals", value="x"),
    }
    for message, body in bad.items():
        with refused(unverified.BAD_POLICY_STATUS, "invalid_body", message):
            owner.policies.create_v2_policy(**body)
    assert owner.policies.list_v2_policies(cloud.account_id).get_result()["policies"] == []


@pytest.mark.unknown
def test_another_account_can_not_be_named(cloud: StandIn, owner: Clients, robot: Robot) -> None:
    with refused(unverified.BAD_POLICY_STATUS, "invalid_body", "accountId"):
        owner.policies.create_v2_policy(**policy(robot.iam_id, [role("Reader")], accountId="0" * 32, serviceName="x"))
    assert owner.policies.list_v2_policies("0" * 32).get_result()["policies"] == []
    assert cloud.account_id != "0" * 32


def test_pages_are_linked_by_objects(cloud: StandIn, owner: Clients, robot: Robot) -> None:
    made = [allow(cloud, robot, name)["id"] for name in ("Reader", "Writer", "Manager")]
    first = owner.policies.list_v2_policies(cloud.account_id, limit=2).get_result()
    rest = owner.policies.list_v2_policies(cloud.account_id, limit=2, start=first["next"]["start"]).get_result()
    for page in (first, rest):
        parse(V2PolicyCollection, page)
    assert first["next"]["href"].startswith(f"{cloud.url}/v2/policies?")
    assert sorted(item["id"] for page in (first, rest) for item in page["policies"]) == sorted(made)
    assert ("next" in rest, "previous" in rest) == (False, True)


def test_a_list_filters_by_subject_and_service(cloud: StandIn, owner: Clients, robot: Robot) -> None:
    other = make_robot(cloud)
    mine = allow(cloud, robot, "Reader")["id"]
    theirs = allow(cloud, other, "Viewer", "role", serviceName="iam-identity")["id"]

    def ids(**query: str) -> list[str]:
        listed = owner.policies.list_v2_policies(cloud.account_id, **query).get_result()
        return [item["id"] for item in listed["policies"]]

    assert ids(iam_id=robot.iam_id) == [mine]
    assert ids(service_name="iam-identity") == [theirs]
    assert ids(type="authorization") == []
    assert ids(sort="-created_at") == list(reversed(ids(sort="created_at")))


def test_the_quota_of_a_subject_holds(
    cloud: StandIn, owner: Clients, robot: Robot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "POLICIES_PER_SUBJECT", 1)
    allow(cloud, robot, "Reader")
    with refused(422, "unable_to_process", "quota"):
        owner.policies.create_v2_policy(**reader(cloud, robot, region="jp-tok"))


def test_the_account_must_be_named(cloud: StandIn) -> None:
    token = clients(cloud).policies
    assert token.list_v2_policies(cloud.account_id).get_status_code() == 200
    bearer = httpx.post(
        f"{cloud.url}/identity/token",
        data={"grant_type": "urn:ibm:params:oauth:grant-type:apikey", "apikey": cloud.api_key},
    ).json()["access_token"]
    answer = httpx.get(f"{cloud.url}/v2/policies", headers={"Authorization": f"Bearer {bearer}"})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "missing_required_query_parameter")


@pytest.mark.unknown
def test_reading_policies_takes_any_role_that_allows_it(cloud: StandIn, owner: Clients, robot: Robot) -> None:
    target = allow(cloud, make_robot(cloud), "Reader")
    policies = clients(cloud, robot.key).policies
    with refused(403, "insufficent_permissions", "not authorized"):
        policies.get_v2_policy(target["id"])
    assert policies.list_v2_policies(cloud.account_id).get_result()["policies"] == []
    own = allow(cloud, robot, "Viewer", "role", resourceType="namespace", resource="unrelated")
    assert policies.get_v2_policy(target["id"]).get_status_code() == 200
    owner.policies.delete_v2_policy(own["id"])
    with refused(403, "insufficent_permissions", "not authorized"):
        policies.get_v2_policy(target["id"])


def test_only_an_administrator_of_the_resource_grants_on_it(cloud: StandIn, robot: Robot) -> None:
    other = make_robot(cloud)
    policies = clients(cloud, robot.key).policies
    allow(cloud, robot, "Manager")
    with refused(403, "insufficent_permissions", "not authorized"):
        policies.create_v2_policy(**reader(cloud, other, region="jp-tok"))
    allow(cloud, robot, "Administrator", "role", region="jp-tok")
    made = policies.create_v2_policy(**reader(cloud, other, region="jp-tok")).get_result()
    assert made["created_by_id"] == robot.iam_id
    with refused(403, "insufficent_permissions", "not authorized"):
        policies.create_v2_policy(**reader(cloud, other, region="us-south"))
    with refused(403, "insufficent_permissions", "not authorized"):
        policies.create_v2_policy(**reader(cloud, other))
    assert policies.delete_v2_policy(made["id"]).get_status_code() == 204
