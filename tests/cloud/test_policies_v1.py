"""Policies in two versions of the API, restoring them, and what `format` shows, through IBM's SDK."""

from __future__ import annotations

import pytest
from ibm_platform_services.iam_policy_management_v1 import Policy, PolicyCollection, V2Policy

from sandbox.cloud.core import unverified
from sandbox.cloud.testing import StandIn
from tests.cloud.clients import REGISTRY, Clients, Json, Robot, allow, clients, make_robot, parse, policy, refused, role

pytestmark = [pytest.mark.cloud, pytest.mark.verified]


@pytest.fixture
def robot(cloud: StandIn) -> Robot:
    return make_robot(cloud)


def wanted_v1(cloud: StandIn, robot: Robot, name: str = "Reader", **more: str) -> Json:
    resource = {"accountId": cloud.account_id, "serviceName": REGISTRY, **more}
    return {
        "type": "access",
        "subjects": [{"attributes": [{"name": "iam_id", "value": robot.iam_id}]}],
        "roles": [{"role_id": role(name)}],
        "resources": [{"attributes": [{"name": key, "value": value} for key, value in resource.items()]}],
    }


@pytest.mark.unknown
def test_a_v1_policy_is_made_read_replaced_and_deleted(cloud: StandIn, owner: Clients, robot: Robot) -> None:
    answer = owner.policies.create_policy(**wanted_v1(cloud, robot), description="pull", accept_language="ja")
    made = answer.get_result()
    parse(Policy, made)
    assert (answer.get_status_code(), made["state"], made["description"]) == (201, "active", "pull")
    assert made["href"] == f"{cloud.url}/v1/policies/{made['id']}"
    assert made["roles"][0]["display_name"] == "リーダー"
    assert {attribute["operator"] for attribute in made["resources"][0]["attributes"]} == {"stringEquals"}
    tag = answer.get_headers()["ETag"]
    replaced = owner.policies.replace_policy(made["id"], tag, **wanted_v1(cloud, robot, region="jp-tok"))
    assert replaced.get_result()["resources"][0]["attributes"][-1]["value"] == "jp-tok"
    with refused(unverified.STALE_POLICY_STATUS, "request_not_processed", "ETag"):
        owner.policies.replace_policy(made["id"], tag, **wanted_v1(cloud, robot))
    assert owner.policies.delete_policy(made["id"]).get_status_code() == 204
    assert owner.policies.get_policy(made["id"]).get_result()["state"] == "deleted"


def test_a_v1_policy_gives_what_it_says(cloud: StandIn, owner: Clients, robot: Robot) -> None:
    owner.policies.create_policy(**wanted_v1(cloud, robot))
    assert clients(cloud, robot.key).registry.list_namespaces().get_status_code() == 200


def test_v2_shows_v1_policies_in_its_own_shape(cloud: StandIn, owner: Clients, robot: Robot) -> None:
    made = owner.policies.create_policy(**wanted_v1(cloud, robot)).get_result()
    found = owner.policies.get_v2_policy(made["id"]).get_result()
    parse(V2Policy, found)
    assert found["control"]["grant"]["roles"] == [{"role_id": role("Reader")}]
    assert found["href"].endswith(f"/v1/policies/{made['id']}")
    listed = owner.policies.list_v2_policies(cloud.account_id).get_result()["policies"]
    assert listed == [found]


@pytest.mark.unknown
def test_v1_shows_of_a_v2_policy_only_that_it_is_there(cloud: StandIn, owner: Clients, robot: Robot) -> None:
    made = allow(cloud, robot, "Reader")
    listed = owner.policies.list_policies(cloud.account_id).get_result()
    parse(PolicyCollection, listed)
    (found,) = listed["policies"]
    assert found["id"] == made["id"]
    assert found["roles"][0]["role_id"].endswith("UnsupportedVersion")
    assert found["subjects"][0]["attributes"][0]["value"] == "unsupported version"
    assert owner.policies.get_policy(made["id"]).get_result() == found
    tag = owner.policies.get_v2_policy(made["id"]).get_headers()["ETag"]
    with refused(*unverified.V1_REPLACE_OF_V2[:2], "v1 can't replace it"):
        owner.policies.replace_policy(made["id"], tag, **wanted_v1(cloud, robot))


def test_a_v2_replace_upgrades_a_v1_policy(cloud: StandIn, owner: Clients, robot: Robot) -> None:
    made = owner.policies.create_policy(**wanted_v1(cloud, robot))
    body = policy(robot.iam_id, [role("Writer")], accountId=cloud.account_id, serviceName=REGISTRY)
    found = owner.policies.replace_v2_policy(made.get_result()["id"], made.get_headers()["ETag"], **body).get_result()
    assert found["href"].endswith(f"/v2/policies/{found['id']}")
    shown = owner.policies.get_policy(found["id"]).get_result()
    assert shown["roles"][0]["role_id"].endswith("UnsupportedVersion")


def test_the_same_policy_in_the_other_version_is_a_conflict(cloud: StandIn, owner: Clients, robot: Robot) -> None:
    allow(cloud, robot, "Reader")
    with refused(409, "policy_conflict_error", "exists"):
        owner.policies.create_policy(**wanted_v1(cloud, robot))


@pytest.mark.unknown
def test_the_rules_for_a_v1_body_hold(cloud: StandIn, owner: Clients, robot: Robot) -> None:
    good = wanted_v1(cloud, robot)
    several: Json = {"name": "region", "operator": "stringEqualsAnyOf", "value": "jp-tok"}
    attributes = [*good["resources"][0]["attributes"], several]
    changes: dict[str, Json] = {
        "exactly one item": {"subjects": []},
        "operator of region": {"resources": [{"attributes": attributes}]},
        "there is no role": {"roles": [{"role_id": role("Emperor")}]},
    }
    for message, change in changes.items():
        with refused(unverified.BAD_POLICY_STATUS, "invalid_body", message):
            owner.policies.create_policy(**(good | change))


@pytest.mark.unknown
def test_a_deleted_policy_is_restored_and_gives_again(cloud: StandIn, owner: Clients, robot: Robot) -> None:
    made = allow(cloud, robot, "Reader")
    owner.policies.delete_v2_policy(made["id"])
    registry = clients(cloud, robot.key).registry
    with refused(403, "CRG0020E", "not authorized"):
        registry.list_namespaces()
    tag = owner.policies.get_v2_policy(made["id"]).get_headers()["ETag"]
    with refused(unverified.STALE_POLICY_STATUS, "request_not_processed", "ETag"):
        owner.policies.update_policy_state(made["id"], "1-old", state="active")
    with refused(unverified.BAD_POLICY_STATUS, "invalid_body", "state"):
        owner.policies.update_policy_state(made["id"], tag, state="deleted")
    answer = owner.policies.update_policy_state(made["id"], tag, state="active")
    assert (answer.get_status_code(), answer.get_result()["state"]) == (200, "active")
    assert owner.policies.get_v2_policy(made["id"]).get_result()["state"] == "active"
    assert registry.list_namespaces().get_status_code() == 200


@pytest.mark.unknown
def test_a_restore_makes_no_duplicate_and_needs_its_subject(cloud: StandIn, owner: Clients, robot: Robot) -> None:
    made = allow(cloud, robot, "Reader")
    owner.policies.delete_v2_policy(made["id"])
    tag = owner.policies.get_v2_policy(made["id"]).get_headers()["ETag"]
    again = allow(cloud, robot, "Reader")
    with refused(409, "policy_conflict_error", "exists"):
        owner.policies.update_policy_state(made["id"], tag, state="active")
    owner.policies.delete_v2_policy(again["id"])
    owner.identity.delete_service_id(robot.id)
    with refused(unverified.BAD_POLICY_STATUS, "invalid_body", "there is no identity"):
        owner.policies.update_policy_state(made["id"], tag, state="active")


def test_the_last_permit_is_shown_when_asked_for(cloud: StandIn, owner: Clients, robot: Robot) -> None:
    made = allow(cloud, robot, "Reader")
    ask = {"format": "include_last_permit"}
    before = owner.policies.get_v2_policy(made["id"], **ask).get_result()
    assert (before["last_permit_frequency"], "last_permit_at" in before) == (0, False)
    for _ in range(2):
        clients(cloud, robot.key).registry.list_namespaces()
    after = owner.policies.list_v2_policies(cloud.account_id, **ask).get_result()["policies"][0]
    parse(V2Policy, after)
    assert (after["last_permit_frequency"], after["last_permit_at"][-1]) == (2, "Z")
    assert "last_permit_frequency" not in owner.policies.get_v2_policy(made["id"]).get_result()


@pytest.mark.unknown
def test_roles_are_shown_with_names_and_actions_when_asked_for(cloud: StandIn, owner: Clients, robot: Robot) -> None:
    made = allow(cloud, robot, "Reader")
    found = owner.policies.get_v2_policy(made["id"], format="display", headers={"Accept-Language": "ja"}).get_result()
    parse(V2Policy, found)
    (shown,) = found["control"]["grant"]["roles"]
    assert (shown["role_id"], shown["display_name"]) == (role("Reader"), "リーダー")
    assert "container-registry.image.pull" in {action["id"] for action in shown["actions"]}
    with refused(unverified.BAD_POLICY_STATUS, "invalid_body", "format"):
        owner.policies.get_v2_policy(made["id"], format="pretty")
