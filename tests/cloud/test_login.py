"""The registry's login, /oauth/token, over plain HTTP as docker and containerd speak it."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import httpx
import jwt
import pytest
from cryptography import x509

from sandbox.cloud.core import unverified
from sandbox.cloud.testing import StandIn
from tests.cloud.clients import Clients, Json, Robot, allow, clients, make_robot

pytestmark = [pytest.mark.cloud, pytest.mark.verified]

NAMESPACE = "my-praivate-repo"
REPOSITORY = f"{NAMESPACE}/nginx-custom"
PULL, PUSH = f"repository:{REPOSITORY}:pull", f"repository:{REPOSITORY}:pull,push"

Login = tuple[str, str] | None


@pytest.fixture
def robot(cloud: StandIn, owner: Clients) -> Robot:
    owner.registry.create_namespace(NAMESPACE)
    return make_robot(cloud)


def ask(cloud: StandIn, login: Login, *scopes: str, region: str | None = None) -> httpx.Response:
    url = cloud.registry_urls[region or cloud.region]
    query = urlencode([("service", "registry"), *(("scope", scope) for scope in scopes)])
    return httpx.get(f"{url}/oauth/token?{query}", auth=login)


def access(answer: httpx.Response) -> list[Json]:
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    assert body["token"] == body["access_token"]
    found: dict[str, Any] = jwt.decode(body["token"], options={"verify_signature": False})
    return found["access"]


def actions(cloud: StandIn, login: Login, scope: str = PUSH, region: str | None = None) -> list[str]:
    return [action for item in access(ask(cloud, login, scope, region=region)) for action in item["actions"]]


def key_of(robot: Robot) -> Login:
    return ("iamapikey", robot.key)


@pytest.mark.unknown
def test_a_token_is_what_the_registry_checks(cloud: StandIn, robot: Robot) -> None:
    allow(cloud, robot, "Reader")
    body: Json = ask(cloud, key_of(robot), PULL).json()
    header = jwt.get_unverified_header(body["token"])
    certificate = x509.load_der_x509_certificate(base64.b64decode(header["x5c"][0]))
    public: Any = certificate.public_key()
    claims = jwt.decode(body["token"], public, algorithms=["ES256"], audience="registry", issuer="icr-sandbox/jp-tok")
    assert claims["access"] == [{"type": "repository", "name": REPOSITORY, "actions": ["pull"]}]
    assert claims["sub"] == robot.iam_id
    assert claims["exp"] - claims["iat"] == body["expires_in"] == unverified.REGISTRY_TOKEN_SECONDS
    assert body["issued_at"].endswith("Z")


@pytest.mark.parametrize(
    ("name", "allowed"), [("Reader", ["pull"]), ("Writer", ["pull", "push"]), ("Manager", ["pull", "push"])]
)
def test_a_role_decides_what_may_be_done(cloud: StandIn, robot: Robot, name: str, allowed: list[str]) -> None:
    allow(cloud, robot, name, region="jp-tok", resourceType="namespace", resource=NAMESPACE)
    assert actions(cloud, key_of(robot)) == allowed


def test_platform_roles_carry_no_registry_action(cloud: StandIn, robot: Robot) -> None:
    allow(cloud, robot, "Administrator", "role")
    assert actions(cloud, key_of(robot)) == []


def test_the_owner_may_do_everything(cloud: StandIn, robot: Robot) -> None:
    assert robot.key
    scope = f"repository:{REPOSITORY}:pull,push,delete"
    assert actions(cloud, ("iamapikey", cloud.api_key), scope) == ["pull", "push", "delete"]
    assert actions(cloud, ("iamapikey", cloud.api_key), f"repository:{REPOSITORY}:*") == ["pull", "push", "delete"]


def test_a_namespace_that_does_not_exist_is_not_pushed_to(cloud: StandIn) -> None:
    assert actions(cloud, ("iamapikey", cloud.api_key), "repository:nobodys/image:pull,push") == []
    assert actions(cloud, ("iamapikey", cloud.api_key), "registry:catalog:*") == []


def test_a_policy_on_one_namespace_gives_nothing_on_another(cloud: StandIn, owner: Clients, robot: Robot) -> None:
    owner.registry.create_namespace("other")
    allow(cloud, robot, "Reader", resourceType="namespace", resource=NAMESPACE)
    assert actions(cloud, key_of(robot), "repository:other/image:pull") == []
    assert actions(cloud, key_of(robot), PULL) == ["pull"]


def test_a_policy_for_one_region_gives_nothing_in_another(cloud: StandIn, robot: Robot) -> None:
    clients(cloud, region="us-south").registry.create_namespace(NAMESPACE)
    allow(cloud, robot, "Reader", region="us-south")
    assert actions(cloud, key_of(robot), PULL) == []
    assert actions(cloud, key_of(robot), PULL, "us-south") == ["pull"]


def test_several_scopes_are_answered_at_once(cloud: StandIn, owner: Clients, robot: Robot) -> None:
    owner.registry.create_namespace("other")
    allow(cloud, robot, "Writer", resourceType="namespace", resource=NAMESPACE)
    allow(cloud, robot, "Reader", resourceType="namespace", resource="other")
    wanted = [
        {"type": "repository", "name": REPOSITORY, "actions": ["pull", "push"]},
        {"type": "repository", "name": "other/base", "actions": ["pull"]},
    ]
    assert access(ask(cloud, key_of(robot), PUSH, "repository:other/base:pull,push")) == wanted
    assert access(ask(cloud, key_of(robot), f"{PUSH} repository:other/base:pull,push")) == wanted


def delete_policy(owner: Clients, robot: Robot, policy: Json) -> None:
    assert robot
    owner.policies.delete_v2_policy(policy["id"])


def delete_key(owner: Clients, robot: Robot, policy: Json) -> None:
    assert policy
    owner.identity.delete_api_key(robot.key_id)


def disable_key(owner: Clients, robot: Robot, policy: Json) -> None:
    assert policy
    owner.identity.disable_api_key(robot.key_id)


def delete_service_id(owner: Clients, robot: Robot, policy: Json) -> None:
    assert policy
    owner.identity.delete_service_id(robot.id)


Spoil = Callable[[Clients, Robot, Json], None]


@pytest.mark.unknown
@pytest.mark.parametrize("spoil", [delete_key, disable_key, delete_service_id])
def test_a_key_that_is_gone_no_longer_logs_in(cloud: StandIn, owner: Clients, robot: Robot, spoil: Spoil) -> None:
    policy = allow(cloud, robot, "Reader")
    assert actions(cloud, key_of(robot), PULL) == ["pull"]
    spoil(owner, robot, policy)
    answer = ask(cloud, key_of(robot), PULL)
    status, code, message = unverified.BAD_LOGIN
    assert (status, answer.status_code) == (400, 400)
    assert answer.json() == {"errors": [{"code": code, "message": message, "detail": {}}]}


def test_a_policy_that_is_gone_gives_nothing_any_more(cloud: StandIn, owner: Clients, robot: Robot) -> None:
    policy = allow(cloud, robot, "Reader")
    delete_policy(owner, robot, policy)
    assert actions(cloud, key_of(robot), PULL) == []


def test_an_anonymous_caller_gets_401(cloud: StandIn) -> None:
    for answer in (ask(cloud, None, PULL), httpx.post(f"{cloud.url}/oauth/token", data={"scope": PULL})):
        assert answer.status_code == 401
        assert answer.json()["errors"][0] == {
            "code": "UNAUTHORIZED",
            "message": "authentication required",
            "detail": {},
        }


@pytest.mark.parametrize("login", [("iamapikey", "wrong"), ("iamapikey", ""), ("root", "x"), ("iambearer", "x")])
def test_a_wrong_user_name_or_password_is_400(cloud: StandIn, login: tuple[str, str]) -> None:
    answer = ask(cloud, login, PULL)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "UNAUTHORIZED")


@pytest.mark.unknown
def test_the_old_registry_tokens_are_refused_as_unsupported(cloud: StandIn) -> None:
    answer = ask(cloud, ("token", "x"), PULL)
    status, code, message = unverified.DEPRECATED_LOGIN
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (status, code)
    assert message.startswith("The requested authentication method is not supported")


def grant(cloud: StandIn, key: str, auth: tuple[str, str] | None = None) -> Json:
    form = {"grant_type": "urn:ibm:params:oauth:grant-type:apikey", "apikey": key}
    return httpx.post(f"{cloud.url}/identity/token", data=form, auth=auth).json()


def test_an_access_token_logs_in_until_it_expires(cloud: StandIn, robot: Robot) -> None:
    allow(cloud, robot, "Reader")
    bearer = ("iambearer", grant(cloud, robot.key)["access_token"])
    assert actions(cloud, bearer) == ["pull"]
    cloud.clock.advance(3601)
    assert ask(cloud, bearer, PULL).status_code == 400


def test_an_access_token_of_a_deleted_service_id_does_not_log_in(cloud: StandIn, owner: Clients, robot: Robot) -> None:
    bearer = ("iambearer", grant(cloud, robot.key)["access_token"])
    owner.identity.delete_service_id(robot.id)
    assert ask(cloud, bearer, PULL).status_code == 400


def test_a_refresh_token_logs_in_and_is_no_access_token(cloud: StandIn, robot: Robot) -> None:
    assert robot
    refresh: str = grant(cloud, cloud.api_key, ("bx", "bx"))["refresh_token"]
    assert actions(cloud, ("iamrefresh", refresh), PULL) == ["pull"]
    assert ask(cloud, ("iambearer", refresh), PULL).status_code == 400
    answer = httpx.get(f"{cloud.url}/v1/apikeys", headers={"Authorization": f"Bearer {refresh}"})
    assert answer.status_code == 401


def test_containerd_logs_in_with_a_form(cloud: StandIn, robot: Robot) -> None:
    allow(cloud, robot, "Reader")
    form = {
        "grant_type": "password",
        "service": "registry",
        "scope": PULL,
        "client_id": "containerd-client",
        "username": "iamapikey",
        "password": robot.key,
    }
    assert access(httpx.post(f"{cloud.url}/oauth/token", data=form))[0]["actions"] == ["pull"]


def test_a_scope_that_is_none_is_refused(cloud: StandIn) -> None:
    answer = ask(cloud, ("iamapikey", cloud.api_key), "everything")
    assert answer.status_code == 400
    assert "type:name:actions" in answer.json()["errors"][0]["message"]


def test_a_login_without_a_scope_is_only_a_check(cloud: StandIn) -> None:
    assert access(ask(cloud, ("iamapikey", cloud.api_key))) == []
