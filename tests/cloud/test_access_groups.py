"""Access groups: their life, their members, and that a group's policies count for these and nobody else."""

from __future__ import annotations

from typing import cast

import pytest
from ibm_cloud_sdk_core.authenticators import IAMAuthenticator
from ibm_platform_services import IamAccessGroupsV2
from ibm_platform_services.iam_access_groups_v2 import (
    AddGroupMembersResponse,
    AddMembershipMultipleGroupsResponse,
    DeleteFromAllGroupsResponse,
    DeleteGroupBulkMembersResponse,
    Group,
    GroupMembersList,
    GroupsList,
)

from sandbox.cloud.core import limits, unverified
from sandbox.cloud.testing import StandIn
from tests.cloud.clients import (
    REGISTRY,
    Clients,
    Json,
    Service,
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

NOT_HERE = "AccessGroupId-nobody"


def groups_of(cloud: StandIn, key: str | None = None) -> Service:
    service = IamAccessGroupsV2(authenticator=IAMAuthenticator(key or cloud.api_key, url=cloud.url))
    service.set_service_url(cloud.url)
    return cast("Service", service)


@pytest.fixture
def groups(cloud: StandIn) -> Service:
    return groups_of(cloud)


def make(cloud: StandIn, groups: Service, name: str = "pullers") -> Json:
    return groups.create_access_group(account_id=cloud.account_id, name=name, description="may pull").get_result()


def member(iam_id: str, kind: str = "service") -> Json:
    return {"iam_id": iam_id, "type": kind}


def reader(cloud: StandIn, group: Json) -> Json:
    body = policy("", [role("Reader")], accountId=cloud.account_id, serviceName=REGISTRY)
    return body | {"subject": {"attributes": attributes(access_group_id=group["id"])}}


def test_a_group_is_made_listed_changed_and_deleted(cloud: StandIn, groups: Service) -> None:
    group = make(cloud, groups)
    parse(Group, group)
    with refused(*unverified.ACCESS_GROUP_NAME_TAKEN):
        make(cloud, groups)
    found = groups.get_access_group(group["id"], show_crn=True)
    assert found.get_result()["crn"].endswith(f"access-group:{group['id']}")
    tag = found.get_headers()["ETag"]
    changed = groups.update_access_group(group["id"], tag, name="q", description="").get_result()
    assert (changed["name"], "description" in changed) == ("q", False)
    with refused(unverified.STALE_POLICY_STATUS, *unverified.STALE_POLICY_CODE):
        groups.update_access_group(group["id"], tag, name="r")
    make(cloud, groups, "a")
    listed = groups.list_access_groups(cloud.account_id, sort="-name").get_result()
    parse(GroupsList, listed)
    assert [each["name"] for each in listed["groups"]] == ["q", "a"]
    assert groups.delete_access_group(group["id"]).get_status_code() == 204
    with refused(*unverified.ACCESS_GROUP_ABSENT):
        groups.get_access_group(group["id"])


def test_lists_come_in_pages(cloud: StandIn, groups: Service) -> None:
    for name in "abcde":
        make(cloud, groups, name)
    page = groups.list_access_groups(cloud.account_id, limit=2, offset=2).get_result()
    assert ([each["name"] for each in page["groups"]], page["total_count"]) == (["c", "d"], 5)
    assert "offset=0" in page["previous"]["href"]
    assert "offset=4" in page["next"]["href"]
    assert "offset=4" in page["last"]["href"]
    for window in ({"limit": 0}, {"limit": limits.ACCESS_GROUP_PAGE + 1}, {"offset": -1}, {"sort": "size"}):
        with refused(400, "invalid_body", str(*window)):
            groups.list_access_groups(cloud.account_id, **window)


def test_a_groups_policy_counts_for_its_members_and_nobody_else(
    cloud: StandIn, owner: Clients, groups: Service
) -> None:
    group, robot, stranger = make(cloud, groups), make_robot(cloud), make_robot(cloud, "stranger")
    owner.registry.create_namespace("my-space")
    made = owner.policies.create_v2_policy(**reader(cloud, group)).get_result()
    mine = clients(cloud, robot.key).registry
    with refused(403, "CRG0020E", "not authorized"):
        mine.list_namespaces()
    groups.add_members_to_access_group(group["id"], members=[member(robot.iam_id)])
    assert mine.list_namespaces().get_result() == ["my-space"]
    assert cloud.requests[-1].policy == made["id"]
    with refused(403, "CRG0020E", "not authorized"):
        clients(cloud, stranger.key).registry.list_namespaces()
    groups.remove_member_from_access_group(group["id"], robot.iam_id)
    with refused(403, "CRG0020E", "not authorized"):
        mine.list_namespaces()
    groups.add_members_to_access_group(group["id"], members=[member(robot.iam_id)])
    assert mine.list_namespaces().get_result() == ["my-space"]
    groups.delete_access_group(group["id"], force=True)
    with refused(403, "CRG0020E", "not authorized"):
        mine.list_namespaces()
    assert owner.policies.get_v2_policy(made["id"]).get_result()["state"] == "deleted"


def test_members_of_every_kind_come_and_go(cloud: StandIn, owner: Clients, groups: Service) -> None:
    group, robot = make(cloud, groups), make_robot(cloud)
    profile = owner.identity.create_profile(name="p", account_id=cloud.account_id).get_result()
    wanted = [member(robot.iam_id), member("IBMid-somebody", "user"), member(profile["iam_id"], "profile")]
    unknown = [member("iam-ServiceId-nobody"), member(robot.iam_id, "user")]
    added = groups.add_members_to_access_group(group["id"], members=wanted + unknown)
    parse(AddGroupMembersResponse, added.get_result())
    assert added.get_status_code() == 207
    assert [each["status_code"] for each in added.get_result()["members"]] == [200, 200, 200, 400, 400]
    listed = groups.list_access_group_members(group["id"]).get_result()
    parse(GroupMembersList, listed)
    assert {each["iam_id"] for each in listed["members"]} == {each["iam_id"] for each in wanted}
    assert groups.list_access_group_members(group["id"], type="user").get_result()["total_count"] == 1
    assert groups.list_access_group_members(group["id"], membership_type="dynamic").get_result()["members"] == []
    with refused(*unverified.ACCESS_GROUP_HAS_MEMBERS):
        groups.delete_access_group(group["id"])
    assert groups.is_member_of_access_group(group["id"], robot.iam_id).get_status_code() == 204
    gone = groups.remove_members_from_access_group(group["id"], members=["IBMid-somebody", "IBMid-nobody"])
    parse(DeleteGroupBulkMembersResponse, gone.get_result())
    assert [each["status_code"] for each in gone.get_result()["members"]] == [204, 404]
    with refused(*unverified.ACCESS_GROUP_MEMBER_ABSENT):
        groups.remove_member_from_access_group(group["id"], "IBMid-somebody")
    owner.identity.delete_service_id(robot.id)
    owner.identity.delete_profile(profile["id"])
    assert groups.list_access_group_members(group["id"]).get_result()["members"] == []


def test_one_member_joins_and_leaves_several_groups(cloud: StandIn, groups: Service) -> None:
    first, second, robot = make(cloud, groups, "a"), make(cloud, groups, "b"), make_robot(cloud)
    wanted = [first["id"], second["id"], NOT_HERE]
    joined = groups.add_member_to_multiple_access_groups(
        cloud.account_id, robot.iam_id, type="service", groups=wanted
    ).get_result()
    parse(AddMembershipMultipleGroupsResponse, joined)
    assert [each["status_code"] for each in joined["groups"]] == [200, 200, 404]
    of_robot = groups.list_access_groups(cloud.account_id, iam_id=robot.iam_id).get_result()["groups"]
    assert [each["name"] for each in of_robot] == ["a", "b"]
    left = groups.remove_member_from_all_access_groups(cloud.account_id, robot.iam_id).get_result()
    parse(DeleteFromAllGroupsResponse, left)
    assert [each["status_code"] for each in left["groups"]] == [204, 204]
    assert groups.list_access_groups(cloud.account_id, iam_id=robot.iam_id).get_result()["groups"] == []


def test_who_may_do_what_to_groups_is_as_in_ibms_table(cloud: StandIn, groups: Service) -> None:
    group, robot = make(cloud, groups), make_robot(cloud)
    mine = groups_of(cloud, robot.key)
    with refused(403, "insufficent_permissions", "not authorized"):
        mine.list_access_groups(cloud.account_id)
    allow(cloud, robot, "Viewer", "role", serviceName="iam-groups")
    assert mine.list_access_groups(cloud.account_id).get_result()["total_count"] == 1
    with refused(403, "insufficent_permissions", "not authorized"):
        mine.add_members_to_access_group(group["id"], members=[member(robot.iam_id)])
    allow(cloud, robot, "Editor", "role", serviceName="iam-groups")
    added = mine.add_members_to_access_group(group["id"], members=[member(robot.iam_id)]).get_result()
    assert added["members"][0]["status_code"] == 200


def test_a_policy_is_for_no_group_that_is_not_there(cloud: StandIn, owner: Clients) -> None:
    with refused(unverified.BAD_POLICY_STATUS, "invalid_body", "there is no access group"):
        owner.policies.create_v2_policy(**reader(cloud, {"id": NOT_HERE}))
