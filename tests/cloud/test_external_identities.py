"""Identities of other accounts: kept out by a fresh account's setting, which the refusal names, and let in by it."""

from __future__ import annotations

from collections.abc import Generator

import httpx
import jwt
import pytest
from ibm_cloud_sdk_core.authenticators import IAMAssumeAuthenticator
from ibm_platform_services.iam_policy_management_v1 import AccountSettingsAccessManagement

from sandbox.cloud.core import unverified
from sandbox.cloud.testing import Owned, StandIn
from tests.cloud.clients import REGISTRY, Clients, Json, clients, make_robot, parse, policy, refused, role

pytestmark = [pytest.mark.cloud, pytest.mark.verified]

SETTING = "external_account_identity_interaction"
SCOPE = {"service": "registry", "scope": "repository:my-space/web:pull"}


@pytest.fixture
def cloud() -> Generator[StandIn]:
    with StandIn(accounts=2) as found:
        yield found


@pytest.fixture
def host(cloud: StandIn) -> Owned:
    """Return the account whose registry others want to use; identities are made in the first one."""
    return cloud.accounts[1]


@pytest.fixture
def theirs(cloud: StandIn, host: Owned) -> Clients:
    made = clients(cloud, host.api_key, account_id=host.account_id)
    made.registry.create_namespace("my-space")
    return made


def let_in(host: Owned, theirs: Clients, state: str, *accounts: str, kind: str = "service_id") -> Json:
    tag = theirs.policies.get_settings(host.account_id).get_headers()["ETag"]
    wanted = {"identity_types": {kind: {"state": state, "external_allowed_accounts": list(accounts)}}}
    changed = theirs.policies.update_settings(host.account_id, tag, external_account_identity_interaction=wanted)
    return changed.get_result()[SETTING]["identity_types"]


def reader(host: Owned, iam_id: str) -> Json:
    return policy(iam_id, [role("Reader")], accountId=host.account_id, serviceName=REGISTRY)


def test_the_settings_are_limited_at_first_and_changed_type_by_type(
    host: Owned, theirs: Clients, owner: Clients
) -> None:
    found = theirs.policies.get_settings(host.account_id)
    parse(AccountSettingsAccessManagement, found.get_result())
    limited: Json = {"state": "limited", "external_allowed_accounts": []}
    assert found.get_result()[SETTING]["identity_types"] == dict.fromkeys(("user", "service_id", "service"), limited)
    changed = let_in(host, theirs, "enabled", kind="user")
    assert (changed["user"]["state"], changed["service_id"]) == ("enabled", limited)
    with refused(unverified.STALE_POLICY_STATUS, *unverified.STALE_POLICY_CODE):
        theirs.policies.update_settings(host.account_id, found.get_headers()["ETag"])
    for state, accounts, kind in (("enabled", ["a"], "user"), ("open", [], "user"), ("limited", [], "robot")):
        with refused(400, "invalid_body", "Invalid body format"):
            let_in(host, theirs, state, *accounts, kind=kind)
    with refused(403, "insufficent_permissions", "not authorized"):
        owner.policies.get_settings(host.account_id)


@pytest.mark.parametrize("way", ["enabled", "monitor", "limited"])
def test_an_api_key_of_another_account_is_refused_with_the_settings_name_until_it_is_let_in(
    cloud: StandIn, host: Owned, theirs: Clients, way: str
) -> None:
    robot = make_robot(cloud)
    visitor = clients(cloud, robot.key, account_id=host.account_id)
    with refused(403, "CRG0009E", "not authorized to access the specified account"):
        visitor.registry.list_namespaces()
    theirs.policies.create_v2_policy(**reader(host, robot.iam_id))
    with refused(403, "CRG0020E", f"{SETTING} of account {host.account_id} is limited"):
        visitor.registry.list_namespaces()
    login = httpx.get(f"{cloud.url}/oauth/token", auth=("iamapikey", robot.key), params=SCOPE)
    assert (login.status_code, login.json()["errors"][0]["code"]) == (403, "DENIED")
    assert SETTING in login.json()["errors"][0]["message"]
    let_in(host, theirs, way, *([cloud.account_id] if way == "limited" else []))
    assert visitor.registry.list_namespaces().get_result() == ["my-space"]
    login = httpx.get(f"{cloud.url}/oauth/token", auth=("iamapikey", robot.key), params=SCOPE)
    claims: Json = jwt.decode(login.json()["token"], options={"verify_signature": False})
    assert [each["actions"] for each in claims["access"]] == [["pull"]]
    with refused(403, "CRG0020E", "not authorized"):
        visitor.registry.create_namespace("mine-in-theirs")


def test_a_trusted_profile_is_assumed_from_another_account_only_where_the_setting_lets_it(
    cloud: StandIn, host: Owned, theirs: Clients
) -> None:
    robot = make_robot(cloud)
    profile = theirs.identity.create_profile(name="p", account_id=host.account_id).get_result()
    theirs.identity.set_profile_identity(profile["id"], "serviceid", identifier=robot.id, type="serviceid")
    theirs.policies.create_v2_policy(**reader(host, profile["iam_id"]))

    def assumed() -> str:
        asked = IAMAssumeAuthenticator(apikey=robot.key, iam_profile_id=profile["id"], url=cloud.url)
        return asked.token_manager.get_token()

    def login() -> httpx.Response:
        return httpx.get(f"{cloud.url}/oauth/token", auth=(profile["id"], robot.key), params=SCOPE)

    with refused(*unverified.PROFILE_NOT_ELIGIBLE) as body:
        assumed()
    assert SETTING in body["errorDetails"]
    assert login().status_code == 403
    assert SETTING in login().text
    let_in(host, theirs, "limited", cloud.account_id)
    assert assumed()
    assert login().status_code == 200
