"""Roles: /v2/roles, through IBM's SDK."""

from __future__ import annotations

import pytest
from ibm_platform_services.iam_policy_management_v1 import RoleCollection

from sandbox.cloud.core import unverified
from sandbox.cloud.testing import StandIn
from tests.cloud.clients import REGISTRY, Clients, Json, allow, clients, make_robot, parse, policy, refused

pytestmark = [pytest.mark.cloud, pytest.mark.verified]


def listed(clients_: Clients, **query: str) -> Json:
    found = clients_.policies.list_roles(**query).get_result()
    parse(RoleCollection, found)
    return found


def test_the_registry_has_three_service_roles_and_four_platform_roles(owner: Clients) -> None:
    found = listed(owner, service_name=REGISTRY)
    assert [item["crn"] for item in found["service_roles"]] == [
        "crn:v1:bluemix:public:iam::::serviceRole:Reader",
        "crn:v1:bluemix:public:iam::::serviceRole:Writer",
        "crn:v1:bluemix:public:iam::::serviceRole:Manager",
    ]
    assert [item["crn"].rpartition(":")[2] for item in found["system_roles"]] == [
        "Viewer",
        "Operator",
        "Editor",
        "Administrator",
    ]
    assert found["custom_roles"] == []
    reader = found["service_roles"][0]
    assert "container-registry.image.pull" in reader["actions"]
    assert "container-registry.image.push" not in reader["actions"]


@pytest.mark.sandbox_only
def test_the_other_form_of_the_role_crns_is_a_switch(
    cloud: StandIn, owner: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unverified, "REGISTRY_ROLE_CRN_SERVICE", REGISTRY)
    crn = listed(owner, service_name=REGISTRY)["service_roles"][0]["crn"]
    assert crn == "crn:v1:bluemix:public:container-registry::::serviceRole:Reader"
    wanted = policy(make_robot(cloud).iam_id, [crn], accountId=cloud.account_id, serviceName=REGISTRY)
    assert owner.policies.create_v2_policy(**wanted).get_status_code() == 201


def test_in_japanese_a_manager_and_an_administrator_read_alike(owner: Clients) -> None:
    found = listed(owner, service_name=REGISTRY, accept_language="ja")
    names = {item["crn"]: item["display_name"] for item in found["service_roles"] + found["system_roles"]}
    assert names["crn:v1:bluemix:public:iam::::serviceRole:Reader"] == "リーダー"
    alike = {crn.rpartition(":")[2] for crn, name in names.items() if name == "管理者"}
    assert alike == {"Manager", "Administrator"}


@pytest.mark.parametrize("language", ["default", "en", "de", ""])
def test_other_languages_read_english(owner: Clients, language: str) -> None:
    found = listed(owner, service_name=REGISTRY, accept_language=language)
    assert [item["display_name"] for item in found["service_roles"]] == ["Reader", "Writer", "Manager"]


def test_a_platform_service_has_roles_of_its_own_and_platform_roles(owner: Clients) -> None:
    found = listed(owner, service_name="iam-access-management")
    assert (found["service_roles"], len(found["system_roles"])) == ([], 4)
    found = listed(owner, service_name="iam-identity")
    assert [item["crn"].rpartition(":")[2] for item in found["service_roles"]] == [
        "ServiceIdCreator",
        "UserApiKeyCreator",
    ]
    admin = found["system_roles"][3]
    assert "iam-identity.serviceid.create" in admin["actions"]


@pytest.mark.sandbox_only
@pytest.mark.parametrize("query", [{"service_name": "coffee-machine"}, {"service_group_id": "coffee"}])
def test_roles_that_the_stand_in_lacks_are_501(owner: Clients, query: dict[str, str]) -> None:
    with refused(501, "request_not_processed", "coffee"):
        listed(owner, **query)


def test_the_roles_of_other_services_are_known_from_one_file(owner: Clients) -> None:
    found = listed(owner, service_name="containers-kubernetes")
    carried = {item["crn"].rpartition(":")[2]: item["actions"] for item in found["service_roles"]}
    assert carried["Writer"] == ["containers-kubernetes.kube.write"]
    assert "containers-kubernetes.cluster.create" in found["system_roles"][3]["actions"]


def test_the_group_of_iams_own_services_has_their_roles(owner: Clients) -> None:
    found = listed(owner, service_group_id="IAM")
    names = {item["crn"].rpartition(":")[2] for item in found["service_roles"] + found["system_roles"]}
    assert {"Viewer", "ServiceIdCreator"} <= names


@pytest.mark.unknown
def test_a_caller_without_rights_sees_no_role(cloud: StandIn) -> None:
    robot = make_robot(cloud)
    caller = clients(cloud, robot.key)
    assert listed(caller, service_name=REGISTRY)["service_roles"] == []
    allow(cloud, robot, "Reader")
    assert len(listed(caller, service_name=REGISTRY)["service_roles"]) == 3
