"""Custom roles: /v2/roles, through IBM's SDK."""

from __future__ import annotations

import pytest
from ibm_platform_services.iam_policy_management_v1 import CustomRole, RoleCollection

from sandbox.cloud.core import limits, unverified
from sandbox.cloud.testing import StandIn
from tests.cloud.clients import REGISTRY, Clients, Json, Robot, allow, clients, make_robot, parse, policy, refused

pytestmark = [pytest.mark.cloud, pytest.mark.verified]

PUSHER = ["container-registry.image.pull", "container-registry.image.push", "container-registry.image.list"]


@pytest.fixture
def robot(cloud: StandIn) -> Robot:
    return make_robot(cloud)


def body(cloud: StandIn, **changes: object) -> Json:
    good: Json = {
        "display_name": "Image pusher",
        "actions": PUSHER,
        "name": "ImagePusher",
        "account_id": cloud.account_id,
        "service_name": REGISTRY,
    }
    return good | changes


@pytest.mark.unknown
def test_a_role_is_made_read_listed_replaced_and_deleted(cloud: StandIn, owner: Clients) -> None:
    answer = owner.policies.create_role(**body(cloud), description="pushes")
    made = answer.get_result()
    parse(CustomRole, made)
    assert answer.get_status_code() == 201
    assert made["crn"] == f"crn:v1:bluemix:public:iam-access-management::a/{cloud.account_id}::customRole:ImagePusher"
    found = owner.policies.get_role(made["id"])
    assert (found.get_result(), found.get_headers()["ETag"]) == (made, answer.get_headers()["ETag"])
    listed = owner.policies.list_roles(account_id=cloud.account_id, service_name=REGISTRY).get_result()
    parse(RoleCollection, listed)
    assert listed["custom_roles"] == [made]
    other = owner.policies.list_roles(account_id=cloud.account_id, service_name="iam-identity").get_result()
    assert other["custom_roles"] == []
    tag = answer.get_headers()["ETag"]
    changed = owner.policies.replace_role(made["id"], tag, "Puller", PUSHER[:1]).get_result()
    assert (changed["display_name"], changed["name"], changed["actions"]) == ("Puller", "ImagePusher", PUSHER[:1])
    with refused(unverified.STALE_POLICY_STATUS, "request_not_processed", "ETag"):
        owner.policies.replace_role(made["id"], tag, "Late", PUSHER)
    assert owner.policies.delete_role(made["id"]).get_status_code() == 204
    with refused(404, "role_not_found", made["id"]):
        owner.policies.get_role(made["id"])


@pytest.mark.unknown
def test_a_policy_with_a_custom_role_gives_its_actions_and_no_other(
    cloud: StandIn, owner: Clients, robot: Robot
) -> None:
    made = owner.policies.create_role(**body(cloud, actions=["container-registry.namespace.list"]))
    crn = made.get_result()["crn"]
    wanted = policy(robot.iam_id, [crn], accountId=cloud.account_id, serviceName=REGISTRY)
    given = owner.policies.create_v2_policy(**wanted).get_result()
    registry = clients(cloud, robot.key).registry
    assert registry.list_namespaces().get_status_code() == 200
    with refused(403, "CRG0020E", "not authorized"):
        registry.create_namespace("mine")
    shown = owner.policies.get_v2_policy(given["id"], format="display").get_result()["control"]["grant"]["roles"]
    assert [item["id"] for item in shown[0]["actions"]] == ["container-registry.namespace.list"]
    tag = made.get_headers()["ETag"]
    owner.policies.replace_role(made.get_result()["id"], tag, "Image pusher", PUSHER)
    with refused(403, "CRG0020E", "not authorized"):
        registry.list_namespaces()
    with refused(*unverified.ROLE_IN_USE[:2], "granted by a policy"):
        owner.policies.delete_role(made.get_result()["id"])


@pytest.mark.unknown
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "pusher"}, "capitalised"),
        ({"name": "Image-Pusher"}, "capitalised"),
        ({"display_name": ""}, "display_name"),
        ({"actions": []}, "at least one action"),
        ({"actions": ["iam.policy.read"]}, "at least one action"),
        ({"actions": ["container-registry.image.eat"]}, "no action"),
        ({"actions": ["iam-identity.serviceid.get"]}, "no action"),
        ({"account_id": "0" * 32}, "account_id"),
    ],
)
def test_the_rules_for_a_role_hold(cloud: StandIn, owner: Clients, changes: Json, message: str) -> None:
    with refused(unverified.BAD_POLICY_STATUS, "invalid_body", message):
        owner.policies.create_role(**body(cloud, **changes))


@pytest.mark.parametrize(
    "changes", [{"display_name": "Other", "actions": PUSHER[:1]}, {"name": "Other"}, {"display_name": "x", "name": "X"}]
)
def test_names_and_action_sets_are_unique(cloud: StandIn, owner: Clients, changes: Json) -> None:
    owner.policies.create_role(**body(cloud))
    with refused(409, "role_conflict_error", "custom role"):
        owner.policies.create_role(**body(cloud, **changes))


def test_an_account_has_forty_roles_at_most(cloud: StandIn, owner: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    assert limits.CUSTOM_ROLES_PER_ACCOUNT == 40
    monkeypatch.setattr(limits, "CUSTOM_ROLES_PER_ACCOUNT", 1)
    owner.policies.create_role(**body(cloud))
    with refused(422, "unable_to_process", "quota"):
        owner.policies.create_role(**body(cloud, name="Second", display_name="Second", actions=PUSHER[:1]))


@pytest.mark.unknown
def test_only_an_administrator_of_roles_makes_them(cloud: StandIn, robot: Robot) -> None:
    policies = clients(cloud, robot.key).policies
    allow(cloud, robot, "Manager")
    with refused(403, "insufficent_permissions", "not authorized"):
        policies.create_role(**body(cloud))
    allow(cloud, robot, "Administrator", "role", serviceName="iam-access-management")
    assert policies.create_role(**body(cloud)).get_status_code() == 201
