"""Time, delays, faults and the log of requests: what a test does to the cloud, and what its callers then see."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest
import requests
from ibm_cloud_sdk_core import ApiException

from base.errors import SandboxError
from sandbox.cloud.controls.faults import Effects
from sandbox.cloud.testing import StandIn
from tests.cloud.clients import Clients, allow, clients, make_robot, refused

pytestmark = [pytest.mark.cloud, pytest.mark.sandbox_only]

GRANT = "urn:ibm:params:oauth:grant-type:apikey"


def ids(cloud: StandIn) -> list[str]:
    listed = clients(cloud).identity.list_service_ids(account_id=cloud.account_id).get_result()
    return [item["name"] for item in listed["serviceids"]]


def grant(cloud: StandIn, key: str | None = None) -> httpx.Response:
    return httpx.post(f"{cloud.url}/identity/token", data={"grant_type": GRANT, "apikey": key or cloud.api_key})


def login(cloud: StandIn, key: str) -> httpx.Response:
    return httpx.get(f"{cloud.url}/oauth/token", auth=("iamapikey", key), params={"service": "registry"})


@pytest.mark.parametrize(("when", "expected"), [("before", []), ("after", ["lost"])])
def test_a_reset_is_seen_as_a_reset_and_happens_before_or_after_the_effect(
    cloud: StandIn, owner: Clients, when: Any, expected: list[str]
) -> None:
    assert ids(cloud) == []
    fault = cloud.fault("POST", "/v1/serviceids/", reset=when)
    with pytest.raises(requests.ConnectionError, match="reset by peer"):
        owner.identity.create_service_id(account_id=cloud.account_id, name="lost")
    assert (fault.hits, ids(cloud)) == (1, expected)
    assert owner.identity.create_service_id(account_id=cloud.account_id, name="again").get_status_code() == 201


def test_a_status_comes_as_often_as_asked_with_retry_after_and_without_effect(cloud: StandIn) -> None:
    cloud.fault("POST", "/identity/token", count=2, status=429, retry_after=7)
    first, second, third = (grant(cloud) for _ in range(3))
    assert [first.status_code, second.status_code, third.status_code] == [429, 429, 200]
    assert (first.headers["retry-after"], first.json()["errors"][0]["code"]) == ("7", "too_many_requests")


def test_a_fault_hits_only_its_method_and_path(cloud: StandIn, owner: Clients) -> None:
    robot = make_robot(cloud)
    cloud.fault("GET", "/v1/apikeys/*", count=None, status=503)
    assert owner.identity.get_service_id(robot.id).get_status_code() == 200
    assert owner.identity.disable_api_key(robot.key_id).get_status_code() == 204
    for _ in range(3):
        with pytest.raises(ApiException, match="Service Unavailable"):
            owner.identity.get_api_key(robot.key_id)
    cloud.clear_faults()
    assert owner.identity.get_api_key(robot.key_id).get_status_code() == 200


def test_a_malformed_answer_comes_after_the_effect(cloud: StandIn, owner: Clients) -> None:
    cloud.fault("POST", "/v1/serviceids/", malformed=True)
    with pytest.raises(ApiException) as caught:
        owner.identity.create_service_id(account_id=cloud.account_id, name="garbled")
    assert caught.value.status_code == 201
    assert ids(cloud) == ["garbled"]


@pytest.mark.parametrize("effect", [Effects(delay=0.2), Effects(slow=0.2)])
def test_an_answer_can_be_late_or_slow_and_is_whole(cloud: StandIn, effect: Effects) -> None:
    cloud.fault(path="/identity/keys", **effect)
    began = time.perf_counter()
    answer = httpx.get(f"{cloud.url}/identity/keys")
    assert time.perf_counter() - began >= 0.2
    assert answer.json()["keys"][0]["kty"] == "RSA"


def test_nobody_else_waits_for_a_slow_answer(cloud: StandIn) -> None:
    cloud.fault(path="/identity/keys", slow=20)
    with httpx.stream("GET", f"{cloud.url}/identity/keys") as slow:
        assert slow.status_code == 200
        assert grant(cloud).status_code == 200


@pytest.mark.parametrize("bad", [Effects(status=42), Effects(count=0), Effects(delay=-1)])
def test_a_fault_that_makes_no_sense_is_refused(cloud: StandIn, bad: Effects) -> None:
    with pytest.raises(SandboxError):
        cloud.fault(**bad)


def test_what_was_made_is_404_until_the_delay_is_over(cloud: StandIn, owner: Clients) -> None:
    old = make_robot(cloud, "old")
    cloud.visibility_delay = 30
    robot = make_robot(cloud, "new")
    for read, identifier in ((owner.identity.get_service_id, robot.id), (owner.identity.get_api_key, robot.key_id)):
        with refused(404, "not_found", identifier):
            read(identifier)
    policy = allow(cloud, robot, "Reader")
    with refused(404, "policy_not_found", policy["id"]):
        owner.policies.get_v2_policy(policy["id"])
    assert owner.policies.list_v2_policies(cloud.account_id).get_result()["policies"] == []
    assert owner.identity.get_service_id(old.id).get_status_code() == 200
    assert ids(cloud) == ["old"]
    assert owner.registry.create_namespace("my-images").get_status_code() == 201
    assert owner.registry.list_namespaces().get_result() == []
    cloud.clock.advance(31)
    assert owner.registry.list_namespaces().get_result() == ["my-images"]
    assert owner.identity.get_service_id(robot.id).get_status_code() == 200
    assert owner.policies.get_v2_policy(policy["id"]).get_status_code() == 200
    assert ids(cloud) == ["old", "new"]


def test_a_new_key_gets_nobody_in_until_the_delay_is_over(cloud: StandIn) -> None:
    cloud.authorization_delay = 30
    robot = make_robot(cloud)
    assert (grant(cloud, robot.key).json()["errorCode"], login(cloud, robot.key).status_code) == ("BXNIM0415E", 400)
    cloud.clock.advance(31)
    assert (grant(cloud, robot.key).status_code, login(cloud, robot.key).status_code) == (200, 200)


def test_a_new_policy_gives_nothing_until_the_delay_is_over_and_a_deleted_one_goes_on(
    cloud: StandIn, owner: Clients
) -> None:
    robot = make_robot(cloud)
    registry = clients(cloud, robot.key).registry
    cloud.authorization_delay, cloud.removal_delay = 30, 600
    policy = allow(cloud, robot, "Reader")
    with refused(403, "CRG0020E", "not authorized"):
        registry.list_namespaces()
    cloud.clock.advance(31)
    assert registry.list_namespaces().get_status_code() == 200
    owner.policies.delete_v2_policy(policy["id"])
    assert registry.list_namespaces().get_status_code() == 200
    cloud.clock.advance(601)
    with refused(403, "CRG0020E", "not authorized"):
        registry.list_namespaces()


def test_the_log_names_caller_outcome_and_the_policy_that_allowed_or_that_none_did(cloud: StandIn) -> None:
    robot = make_robot(cloud)
    policy = allow(cloud, robot, "Reader")
    registry = clients(cloud, robot.key).registry
    cloud.clear_requests()
    registry.list_namespaces()
    with refused(403, "CRG0020E", "not authorized"):
        registry.create_namespace("mine")
    token, listed, made = cloud.requests
    assert (token.method, token.path, token.status, token.policy) == ("POST", "/identity/token", 200, None)
    assert (listed.caller, listed.status, listed.policy) == (robot.iam_id, 200, policy["id"])
    assert (made.path, made.status, made.policy) == ("/api/v1/namespaces/mine", 403, None)
    assert [each.action for each in made.decisions] == ["container-registry.namespace.create"]


def test_the_log_says_what_a_fault_did_and_holds_no_secret(cloud: StandIn) -> None:
    cloud.fault("POST", "/identity/token", reset="before")
    with pytest.raises(httpx.TransportError):
        grant(cloud)
    assert login(cloud, cloud.api_key).status_code == 200
    lost, got = cloud.requests
    assert (lost.status, lost.fault) == (None, "reset before the effect")
    assert (got.status, got.caller, got.fault) == (200, cloud.owner_iam_id, None)
    assert cloud.api_key not in repr(cloud.requests)
