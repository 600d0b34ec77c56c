"""Plans, quotas, settings and authorization options of an account's registry, and what they stop."""

from __future__ import annotations

import uuid
from collections.abc import Generator
from typing import Any

import httpx
import pytest
from ibm_container_registry import container_registry_v1 as models

from sandbox.cloud.api.registry.events import PATH
from sandbox.cloud.core import unverified
from sandbox.cloud.iam.accounts import default_resource_group
from sandbox.cloud.registry.namespaces import Namespace
from sandbox.cloud.serving.keeper import Registries
from sandbox.cloud.testing import StandIn
from tests.cloud.clients import Clients, Json, allow, clients, make_robot, parse, refused
from tests.cloud.real_registry import RealCloud, layer, until

pytestmark = [pytest.mark.cloud, pytest.mark.verified]

MIB = 1 << 20
NAMESPACE = "my-praivate-repo"
REPOSITORY = f"{NAMESPACE}/nginx-custom"
NO = (403, "CRG0020E", "You are not authorized to access the specified resource.")
SECRET = "the registry's"


@pytest.fixture
def cloud() -> Generator[StandIn]:
    with StandIn(("jp-tok", "us-south"), registries=Registries(events_secret=SECRET)) as found:
        clients(found).registry.create_namespace(NAMESPACE)
        yield found


def quota(owner: Clients) -> Json:
    found = owner.registry.get_quota().get_result()
    parse(models.Quota, found)
    return found


def pulled(cloud: StandIn, size: int) -> None:
    """Tell of a pull of so many bytes, as the registry does."""
    target = {"repository": REPOSITORY, "size": size, "mediaType": "application/octet-stream"}
    event = {"id": str(uuid.uuid4()), "action": "pull", "target": target, "request": {"method": "GET"}}
    headers = {"Authorization": f"Bearer {SECRET}"}
    assert httpx.post(f"{cloud.url}{PATH}", json={"events": [event]}, headers=headers).status_code == 200


def login(cloud: StandIn, actions: str, host: str | None = None) -> httpx.Response:
    query = {"service": "registry", "scope": f"repository:{REPOSITORY}:{actions}"}
    headers = {"Host": host} if host else {}
    url = f"{cloud.url}/oauth/token"
    return httpx.get(url, params=query, auth=("iamapikey", cloud.api_key), headers=headers)


def assert_denied(answer: httpx.Response, reason: tuple[int, str, str]) -> None:
    status, code, message = reason
    assert answer.status_code == status
    assert answer.json() == {"errors": [{"code": code, "message": message, "detail": {}}]}


def test_an_account_starts_with_the_free_plan_and_its_limits(owner: Clients) -> None:
    plan = owner.registry.get_plans().get_result()
    parse(models.Plan, plan)
    assert plan == {"plan": "Free"}
    assert quota(owner) == {
        "limit": {"storage_bytes": 536870912, "traffic_bytes": 5368709120},
        "usage": {"storage_bytes": 0, "traffic_bytes": 0},
    }


@pytest.mark.unknown
def test_the_free_plans_quotas_can_be_lowered_but_not_raised(owner: Clients) -> None:
    assert owner.registry.update_quota(storage_megabytes=500).get_status_code() == 200
    assert quota(owner)["limit"] == {"storage_bytes": 524288000, "traffic_bytes": 5368709120}
    for raised in ({"storage_megabytes": 513}, {"traffic_megabytes": 5121}, {"storage_megabytes": -1}):
        with refused(*unverified.FREE_PLAN_LIMIT):
            owner.registry.update_quota(**raised)
    assert quota(owner)["limit"]["storage_bytes"] == 524288000


def test_the_standard_plan_has_no_limits_until_they_are_set(owner: Clients) -> None:
    assert owner.registry.update_plans(plan="Standard").get_result() == {"plan": "Standard"}
    assert quota(owner)["limit"] == {"storage_bytes": -1, "traffic_bytes": -1}
    owner.registry.update_quota(storage_megabytes=10_000, traffic_megabytes=20_000)
    assert quota(owner)["limit"] == {"storage_bytes": 10_000 * MIB, "traffic_bytes": 20_000 * MIB}
    owner.registry.update_quota(storage_megabytes=-1)
    assert quota(owner)["limit"]["storage_bytes"] == -1
    with refused(*unverified.BAD_REQUEST, "-1 for no limit"):
        owner.registry.update_quota(traffic_megabytes=-2)


@pytest.mark.unknown
def test_a_plan_goes_up_only_and_is_one_of_two(owner: Clients) -> None:
    owner.registry.update_plans(plan="standard")
    with refused(*unverified.PLAN_GOES_UP_ONLY):
        owner.registry.update_plans(plan="Free")
    with refused(*unverified.BAD_REQUEST, "Free or Standard"):
        owner.registry.update_plans(plan="Gold")


def test_plan_and_quota_belong_to_one_region(cloud: StandIn, owner: Clients) -> None:
    owner.registry.update_plans(plan="Standard")
    elsewhere = clients(cloud, region="us-south").registry
    assert elsewhere.get_plans().get_result() == {"plan": "Free"}


def test_options_and_settings_are_kept(owner: Clients) -> None:
    parse(models.AuthOptions, owner.registry.get_auth().get_result())
    parse(models.AccountSettings, owner.registry.get_settings().get_result())
    assert owner.registry.get_settings().get_result() == {"platform_metrics": False}
    assert owner.registry.update_settings(platform_metrics=True).get_status_code() == 204
    assert owner.registry.get_settings().get_result() == {"platform_metrics": True}
    assert owner.registry.update_auth(private_only=True).get_status_code() == 204
    assert owner.registry.get_auth().get_result() == {"iam_authz": True, "private_only": True}
    with refused(501, "SANDBOX", "without IAM authorization"):
        owner.registry.update_auth(iam_authz=False)


def test_a_private_account_takes_no_public_login(cloud: StandIn, owner: Clients) -> None:
    owner.registry.update_auth(private_only=True)
    for actions in ("pull", "pull,push"):
        assert_denied(login(cloud, actions), unverified.PRIVATE_ONLY)
        assert login(cloud, actions, "private.jp.icr.io").status_code == 200


def test_the_pull_that_crosses_the_traffic_quota_is_the_last_one_of_the_month(cloud: StandIn, owner: Clients) -> None:
    owner.registry.update_quota(traffic_megabytes=1)
    pulled(cloud, MIB)
    assert login(cloud, "pull").status_code == 200
    pulled(cloud, 1)
    assert_denied(login(cloud, "pull"), unverified.TRAFFIC_QUOTA)
    assert login(cloud, "pull,push").status_code == 200
    assert login(cloud, "pull", "private.jp.icr.io").status_code == 200
    cloud.clock.advance(32 * 24 * 3600)
    assert login(cloud, "pull").status_code == 200


@pytest.mark.unknown
def test_nothing_of_the_quota_is_told_to_who_may_not_pull(cloud: StandIn, owner: Clients) -> None:
    owner.registry.update_quota(traffic_megabytes=0)
    pulled(cloud, 1)
    robot = make_robot(cloud)
    query = {"service": "registry", "scope": f"repository:{REPOSITORY}:pull"}
    answer = httpx.get(f"{cloud.url}/oauth/token", params=query, auth=("iamapikey", robot.key))
    assert answer.status_code == 200


def test_the_push_that_crosses_the_storage_quota_is_the_last_one() -> None:
    with RealCloud() as real:
        owner = clients(real.cloud)
        owner.registry.create_namespace(NAMESPACE)
        owner.registry.update_quota(storage_megabytes=0)
        real.owner.push(f"{REPOSITORY}:1", layer({"a": "1"}))
        until(lambda: quota(owner)["usage"]["storage_bytes"])
        assert_denied(real.owner.token(REPOSITORY, "pull,push"), unverified.STORAGE_QUOTA)
        assert real.owner.pull(f"{REPOSITORY}:1") == 200
        owner.registry.delete_image(f"{REPOSITORY}:1")
        real.owner.push(f"{REPOSITORY}:2", layer({"a": "2"}))


CALLS: list[tuple[str, Json, str]] = [
    ("get_plans", {}, "Manager"),
    ("update_plans", {"plan": "Standard"}, "Manager"),
    ("get_quota", {}, "Reader Writer Manager"),
    ("update_quota", {"storage_megabytes": 1}, "Manager"),
    ("get_auth", {}, "Reader Writer Manager"),
    ("update_auth", {"private_only": False}, "Manager"),
    ("get_settings", {}, "Reader Writer Manager"),
    ("update_settings", {"platform_metrics": True}, "Manager"),
]


@pytest.mark.parametrize("role", ["Reader", "Writer", "Manager"])
def test_roles_on_the_account_decide_and_those_on_a_namespace_do_not(cloud: StandIn, role: str) -> None:
    robot = make_robot(cloud)
    registry: Any = clients(cloud, robot.key).registry
    allow(cloud, robot, role, resourceType="namespace", resource=NAMESPACE)
    for operation, arguments, _ in CALLS:
        with refused(*NO):
            getattr(registry, operation)(**arguments)
    allow(cloud, robot, role, region="jp-tok")
    for operation, arguments, carriers in CALLS:
        if role in carriers.split():
            assert getattr(registry, operation)(**arguments).get_status_code() in (200, 204)
        else:
            with refused(*NO):
                getattr(registry, operation)(**arguments)


def test_a_namespace_is_put_into_a_resource_group_once(cloud: StandIn, owner: Clients) -> None:
    with cloud.store.transaction() as session:
        group = default_resource_group(session, cloud.account_id).id
        session.one(Namespace, region="jp-tok", name=NAMESPACE).resource_group_id = ""
    (before,) = details(owner)
    assert "crn" not in before
    assert "resource_group" not in before
    found = owner.registry.assign_namespace(x_auth_resource_group=group, name=NAMESPACE)
    assert (found.get_status_code(), found.get_result()) == (200, {"namespace": NAMESPACE})
    (after,) = details(owner)
    assert after["resource_group"] == group
    assert after["crn"].endswith(f"::namespace:{NAMESPACE}")
    assert owner.registry.assign_namespace(x_auth_resource_group=group, name=NAMESPACE).get_status_code() == 200
    with refused(*unverified.NAMESPACE_ABSENT):
        owner.registry.assign_namespace(x_auth_resource_group=group, name="absent")


def details(owner: Clients) -> list[Json]:
    found: Any = owner.registry.list_namespace_details().get_result()
    return found
