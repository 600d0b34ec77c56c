"""Groups of service IDs, and which group a service ID is in: /v1/serviceid_groups, through IBM's SDK."""

from __future__ import annotations

import pytest
from ibm_platform_services.iam_identity_v1 import ServiceIdGroup, ServiceIdGroupList

from sandbox.cloud.core import unverified
from sandbox.cloud.testing import StandIn
from tests.cloud.clients import Clients, Json, allow, clients, make_robot, parse, refused

pytestmark = [pytest.mark.cloud, pytest.mark.verified]


def make(cloud: StandIn, name: str = "pullers", **more: str) -> Json:
    return clients(cloud).identity.create_service_id_group(cloud.account_id, name, **more).get_result()


def groups(cloud: StandIn) -> list[Json]:
    listed = clients(cloud).identity.list_service_id_group(account_id=cloud.account_id).get_result()
    parse(ServiceIdGroupList, listed)
    return listed["serviceid_groups"]


def names(cloud: StandIn, **query: str) -> list[str]:
    listed = clients(cloud).identity.list_service_ids(account_id=cloud.account_id, **query).get_result()
    return [item["name"] for item in listed["serviceids"]]


@pytest.mark.unknown
def test_a_group_is_made_read_changed_and_deleted(cloud: StandIn, owner: Clients) -> None:
    answer = owner.identity.create_service_id_group(cloud.account_id, "pullers", description="pull")
    made = answer.get_result()
    parse(ServiceIdGroup, made)
    assert (answer.get_status_code(), made["created_by"]) == (201, cloud.owner_iam_id)
    assert owner.identity.get_service_id_group(made["id"]).get_result() == made
    changed = owner.identity.update_service_id_group(made["id"], if_match=made["entity_tag"], name="pushers")
    assert (changed.get_result()["name"], changed.get_result()["description"]) == ("pushers", "pull")
    with refused(unverified.STALE_IDENTITY_STATUS, "conflict", "If-Match"):
        owner.identity.update_service_id_group(made["id"], if_match=made["entity_tag"], name="late")
    assert owner.identity.delete_service_id_group(made["id"]).get_status_code() == 204
    with refused(404, "not_found", made["id"]):
        owner.identity.get_service_id_group(made["id"])


@pytest.mark.unknown
def test_names_are_unique_in_an_account(cloud: StandIn, owner: Clients) -> None:
    make(cloud)
    other = make(cloud, "others")
    with refused(409, "conflict", "exists"):
        make(cloud)
    with refused(409, "conflict", "exists"):
        owner.identity.update_service_id_group(other["id"], if_match="*", name="pullers")


@pytest.mark.unknown
def test_a_service_id_is_made_in_a_group_and_stays_there(cloud: StandIn, owner: Clients) -> None:
    group = make(cloud)
    made = owner.identity.create_service_id(account_id=cloud.account_id, name="in", group_id=group["id"]).get_result()
    make_robot(cloud, "out")
    assert "group_id" not in made
    shown = owner.identity.get_service_id(made["id"], show_group_id=True).get_result()
    assert shown["group_id"] == group["id"]
    assert (names(cloud), names(cloud, group_id=group["id"])) == (["out"], ["in"])
    with refused(404, "not_found", "ServiceIdGroup-nobody"):
        owner.identity.create_service_id(account_id=cloud.account_id, name="x", group_id="ServiceIdGroup-nobody")


@pytest.mark.unknown
def test_only_an_empty_group_that_is_not_the_default_one_goes(cloud: StandIn, owner: Clients) -> None:
    group = make(cloud)
    made = owner.identity.create_service_id(account_id=cloud.account_id, name="in", group_id=group["id"]).get_result()
    (default,) = (each for each in groups(cloud) if each["id"] != group["id"])
    for each in (group, default):
        with refused(409, "delete_not_possible", "default group or still holds"):
            owner.identity.delete_service_id_group(each["id"])
    owner.identity.delete_service_id(made["id"])
    owner.identity.delete_service_id_group(group["id"])
    assert groups(cloud) == [default]


@pytest.mark.unknown
def test_groups_take_a_right_on_all_service_ids(cloud: StandIn) -> None:
    robot = make_robot(cloud)
    identity = clients(cloud, robot.key).identity
    with refused(403, "forbidden", "not authorized"):
        identity.list_service_id_group(account_id=cloud.account_id)
    allow(cloud, robot, "Viewer", "role", serviceName="iam-identity")
    assert identity.list_service_id_group(account_id=cloud.account_id).get_status_code() == 200
    with refused(403, "forbidden", "not authorized"):
        identity.create_service_id_group(cloud.account_id, "mine")
