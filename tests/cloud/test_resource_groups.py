"""Resource groups: /v2/resource_groups, through IBM's SDK."""

from __future__ import annotations

from typing import cast

import pytest
from ibm_cloud_sdk_core import ApiException
from ibm_cloud_sdk_core.authenticators import IAMAuthenticator
from ibm_platform_services import ResourceManagerV2
from ibm_platform_services.resource_manager_v2 import ResCreateResourceGroup, ResourceGroup, ResourceGroupList

from sandbox.cloud.core import unverified
from sandbox.cloud.testing import StandIn
from tests.cloud.clients import Clients, Service, allow, make_robot, parse

pytestmark = [pytest.mark.cloud, pytest.mark.verified]


def manager(cloud: StandIn, key: str | None = None) -> Service:
    service = ResourceManagerV2(authenticator=IAMAuthenticator(key or cloud.api_key, url=cloud.url))
    service.set_service_url(cloud.url)
    return cast("Service", service)


def test_a_fresh_account_has_a_default_group(cloud: StandIn) -> None:
    listed = manager(cloud).list_resource_groups(account_id=cloud.account_id, default=True).get_result()
    parse(ResourceGroupList, listed)
    (group,) = listed["resources"]
    assert (group["name"], group["default"], group["account_id"]) == ("Default", True, cloud.account_id)
    parse(ResourceGroup, manager(cloud).get_resource_group(group["id"]).get_result())


@pytest.mark.unknown
def test_a_group_is_made_found_by_name_and_used_for_a_namespace(cloud: StandIn, owner: Clients) -> None:
    answer = manager(cloud).create_resource_group(name="images", account_id=cloud.account_id)
    made = answer.get_result()
    parse(ResCreateResourceGroup, made)
    assert (answer.get_status_code(), made["crn"].endswith(f"::resource-group:{made['id']}")) == (201, True)
    listed = manager(cloud).list_resource_groups(account_id=cloud.account_id, name="images").get_result()
    assert [group["id"] for group in listed["resources"]] == [made["id"]]
    owner.registry.create_namespace("mine", x_auth_resource_group=made["id"])
    (namespace,) = cast("list[dict[str, object]]", owner.registry.list_namespace_details().get_result())
    assert namespace["resource_group"] == made["id"]
    with pytest.raises(ApiException, match="exists") as caught:
        manager(cloud).create_resource_group(name="images", account_id=cloud.account_id)
    assert caught.value.status_code == unverified.GROUP_TAKEN[0]


@pytest.mark.unknown
def test_others_see_the_groups_that_they_have_a_role_on(cloud: StandIn) -> None:
    robot = make_robot(cloud)
    mine = manager(cloud, robot.key)
    made = manager(cloud).create_resource_group(name="images", account_id=cloud.account_id).get_result()["id"]
    assert mine.list_resource_groups(account_id=cloud.account_id).get_result() == {"resources": []}
    group = {"serviceName": "resource-controller", "resourceType": "resource-group", "resource": made}
    allow(cloud, robot, "Viewer", "role", **group)
    listed = mine.list_resource_groups(account_id=cloud.account_id).get_result()
    assert [each["id"] for each in listed["resources"]] == [made]
    with pytest.raises(ApiException, match="not authorized"):
        mine.create_resource_group(name="more", account_id=cloud.account_id)
    with pytest.raises(ApiException, match="not found"):
        mine.get_resource_group("0" * 32)


@pytest.mark.sandbox_only
def test_what_is_out_of_scope_is_501(cloud: StandIn) -> None:
    with pytest.raises(ApiException, match="lacks DELETE") as caught:
        manager(cloud).delete_resource_group("x")
    assert caught.value.status_code == 501
