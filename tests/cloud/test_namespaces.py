"""Registry namespaces: /api/v1/namespaces, through IBM's SDK."""

from __future__ import annotations

from typing import cast

import pytest
from ibm_container_registry.container_registry_v1 import Namespace, NamespaceDetails

from sandbox.cloud.core import limits, unverified
from sandbox.cloud.iam.accounts import create_account, default_resource_group
from sandbox.cloud.testing import StandIn
from tests.cloud.clients import Clients, allow, clients, make_robot, parse, refused

pytestmark = [pytest.mark.cloud, pytest.mark.verified]

NAME = "my-praivate-repo"


def details(found: Clients) -> list[dict[str, str]]:
    return cast("list[dict[str, str]]", found.registry.list_namespace_details().get_result())


def test_a_new_namespace_is_201_and_the_same_again_200(owner: Clients) -> None:
    first = owner.registry.create_namespace(NAME)
    again = owner.registry.create_namespace(NAME)
    assert (first.get_status_code(), again.get_status_code()) == (201, 200)
    assert first.get_result() == again.get_result() == {"namespace": NAME}
    parse(Namespace, first.get_result())
    assert owner.registry.list_namespaces().get_result() == [NAME]


def test_details_name_account_group_and_crn(cloud: StandIn, owner: Clients) -> None:
    owner.registry.create_namespace(NAME)
    (found,) = details(owner)
    parse(NamespaceDetails, found)
    assert found["name"] == NAME
    assert found["account"] == cloud.account_id
    assert found["crn"] == f"crn:v1:bluemix:public:container-registry:jp-tok:a/{cloud.account_id}::namespace:{NAME}"
    assert len(found["resource_group"]) == 32
    assert found["created_date"] == found["resource_created_date"] == found["updated_date"]


def test_a_namespace_belongs_to_one_region(cloud: StandIn, owner: Clients) -> None:
    owner.registry.create_namespace(NAME)
    elsewhere = clients(cloud, region="us-south").registry
    assert elsewhere.list_namespaces().get_result() == []
    assert elsewhere.create_namespace(NAME).get_status_code() == 201


@pytest.mark.unknown
def test_a_deleted_namespace_is_gone(owner: Clients) -> None:
    owner.registry.create_namespace(NAME)
    assert owner.registry.delete_namespace(NAME).get_status_code() == 204
    assert owner.registry.list_namespaces().get_result() == []
    with refused(*unverified.NAMESPACE_ABSENT):
        owner.registry.delete_namespace(NAME)


@pytest.mark.parametrize("name", ["abcd", "a" * 30, "a-_9", "0123"])
def test_legal_names_are_taken(owner: Clients, name: str) -> None:
    assert owner.registry.create_namespace(name).get_status_code() == 201


@pytest.mark.unknown
@pytest.mark.parametrize("name", ["abc", "a" * 31, "Abcd", "-abc", "abc-", "_abc", "ab.c", "ab/cd", "名前名前"])
def test_illegal_names_are_refused_with_the_rule(owner: Clients, name: str) -> None:
    status, code = unverified.NAMESPACE_NAME
    with refused(status, code, "4 to 30 characters"):
        owner.registry.create_namespace(name)


@pytest.mark.unknown
def test_a_name_is_unique_across_accounts(cloud: StandIn, owner: Clients) -> None:
    owner.registry.create_namespace(NAME)
    with cloud.store.transaction() as session:
        stranger, key = create_account(session, cloud.clock)
    with refused(*unverified.NAMESPACE_TAKEN):
        clients(cloud, key, account_id=stranger.id).registry.create_namespace(NAME)


@pytest.mark.unknown
def test_the_limit_of_a_region_holds(owner: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "NAMESPACES_PER_REGION", 1)
    owner.registry.create_namespace(NAME)
    status, code = unverified.NAMESPACE_LIMIT
    with refused(status, code, "the most it may"):
        owner.registry.create_namespace("one-more")
    assert owner.registry.create_namespace(NAME).get_status_code() == 200


def test_another_account_is_refused(cloud: StandIn) -> None:
    registry = clients(cloud, account_id="0" * 32).registry
    for attempt in (registry.list_namespaces, lambda: registry.create_namespace(NAME)):
        with refused(403, "CRG0009E", "You are not authorized to access the specified account."):
            attempt()


@pytest.mark.unknown
def test_a_resource_group_must_exist(cloud: StandIn, owner: Clients) -> None:
    with refused(*unverified.RESOURCE_GROUP_ABSENT):
        owner.registry.create_namespace(NAME, x_auth_resource_group="0" * 32)
    with cloud.store.transaction() as session:
        group = default_resource_group(session, cloud.account_id).id
    assert owner.registry.create_namespace(NAME, x_auth_resource_group=group).get_status_code() == 201


def test_creating_takes_a_manager_of_the_account_who_sees_the_group(cloud: StandIn) -> None:
    robot = make_robot(cloud)
    registry = clients(cloud, robot.key).registry
    no = (403, "CRG0020E", "You are not authorized to access the specified resource.")
    allow(cloud, robot, "Writer")
    allow(cloud, robot, "Manager", resourceType="namespace", resource=NAME)
    allow(cloud, robot, "Manager", region="us-south")
    with refused(*no):
        registry.create_namespace(NAME)
    allow(cloud, robot, "Manager", region="jp-tok")
    with refused(*no):
        registry.create_namespace(NAME)
    allow(cloud, robot, "Viewer", "role", serviceName="resource-controller")
    assert registry.create_namespace(NAME).get_status_code() == 201
    assert registry.delete_namespace(NAME).get_status_code() == 204


def test_a_list_shows_the_namespaces_that_the_caller_may_list(cloud: StandIn, owner: Clients) -> None:
    for name in ("first", "second"):
        owner.registry.create_namespace(name)
    robot = make_robot(cloud)
    registry = clients(cloud, robot.key).registry
    allow(cloud, robot, "Writer", resourceType="namespace", resource="first")
    with refused(403, "CRG0020E", "not authorized"):
        registry.list_namespaces()
    allow(cloud, robot, "Reader", resourceType="namespace", resource="first")
    assert registry.list_namespaces().get_result() == ["first"]


def test_there_are_no_messages(owner: Clients) -> None:
    assert owner.registry.get_messages().get_status_code() == 204
