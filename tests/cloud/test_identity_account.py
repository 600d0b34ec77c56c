"""What IAM Identity tells and rules account by account: limits, settings, history, activity, filters, old keys."""

from __future__ import annotations

import httpx
import jwt
import pytest
from ibm_platform_services.iam_identity_v1 import (
    AccountSettingsResponse,
    ApiKey,
    EffectiveAccountSettingsResponse,
    IdentityLimitsUsageResponse,
    ServiceId,
)

from sandbox.cloud.iam import roles
from sandbox.cloud.testing import StandIn
from tests.cloud.clients import Clients, Json, allow, attributes, clients, make_robot, parse, policy, refused

pytestmark = [pytest.mark.cloud, pytest.mark.verified]

DAY = 24 * 3600


@pytest.mark.unknown
@pytest.mark.parametrize("operation", ["get_account_limits", "bulk_list_account_entity_consumption"])
def test_the_limits_are_told_with_what_is_used(cloud: StandIn, owner: Clients, operation: str) -> None:
    robot = make_robot(cloud)
    group = owner.identity.get_service_id(robot.id, show_group_id=True).get_result()["group_id"]
    lists: Json = {"serviceids_per_group": [group], "apikeys_per_identity": [robot.iam_id, cloud.owner_iam_id]}
    if operation == "get_account_limits":
        lists = {name: ",".join(items) for name, items in lists.items()}
    found = getattr(owner.identity, operation)(cloud.account_id, serviceid_groups=True, **lists).get_result()
    parse(IdentityLimitsUsageResponse, found)
    assert found == {
        "serviceid_groups": {"limit": 50, "count": 1},
        "serviceids_per_group": {"limit": 2000, "serviceid_groups": [{"group_id": group, "count": 1}]},
        "apikeys_per_identity": {
            "limit": 20,
            "identities": [{"iam_id": robot.iam_id, "count": 1}, {"iam_id": cloud.owner_iam_id, "count": 1}],
        },
    }


def test_limits_of_every_kind_are_counted_and_zero_for_what_cannot_be_here(cloud: StandIn, owner: Clients) -> None:
    flags: Json = dict.fromkeys(("serviceid_groups", "profiles", "templates", "idps", "cr_links", "cr_rules"), True)
    per = ("claim_rules_per_profile", "cr_links_per_profile", "cr_rules_per_profile", "claim_rules_per_group")
    lists: Json = {name: ["x"] for name in (*per, "template_versions_per_template")}
    found = owner.identity.bulk_list_account_entity_consumption(cloud.account_id, **flags, **lists).get_result()
    parse(IdentityLimitsUsageResponse, found)
    assert {found[name]["count"] for name in found if "count" in found[name]} == {0, 1}
    assert found["claim_rules_per_profile"]["profiles"] == [{"profile_id": "x", "count": 0}]
    texts = dict.fromkeys(lists, "x") | dict.fromkeys(flags, "true")
    assert owner.identity.get_account_limits(cloud.account_id, **texts).get_result() == found
    with refused(403, "forbidden", "not authorized"):
        owner.identity.get_account_limits("0" * 32)


def test_settings_have_ibms_shape_and_are_unset_at_first(cloud: StandIn, owner: Clients) -> None:
    found = owner.identity.get_account_settings(cloud.account_id).get_result()
    parse(AccountSettingsResponse, found)
    assert found["restrict_create_service_id"] == "NOT_SET"
    effective = owner.identity.get_effective_account_settings(cloud.account_id).get_result()
    parse(EffectiveAccountSettingsResponse, effective)
    assert effective["effective"]["restrict_create_platform_apikey"] == "NOT_SET"


def test_restricted_creation_needs_the_creators_role_even_for_the_owner(cloud: StandIn, owner: Clients) -> None:
    set_ = owner.identity.update_account_settings
    set_("*", cloud.account_id, restrict_create_service_id="RESTRICTED", restrict_create_platform_apikey="RESTRICTED")
    for attempt in (
        lambda: owner.identity.create_service_id(account_id=cloud.account_id, name="mine"),
        lambda: owner.identity.create_api_key(name="mine", iam_id=cloud.owner_iam_id),
    ):
        with refused(403, "forbidden", "not authorized"):
            attempt()
    for role in roles.IDENTITY_ROLES:
        crn = f"crn:v1:bluemix:public:iam-identity::::serviceRole:{role}"
        resource = {"accountId": cloud.account_id, "serviceName": "iam-identity"}
        owner.policies.create_v2_policy(**policy(cloud.owner_iam_id, [crn], **resource))
    made = owner.identity.create_service_id(account_id=cloud.account_id, name="mine").get_result()
    assert owner.identity.create_api_key(name="mine", iam_id=cloud.owner_iam_id).get_status_code() == 201
    assert owner.identity.create_api_key(name="its", iam_id=made["iam_id"]).get_status_code() == 201


def test_a_creator_without_access_becomes_administrator_of_what_it_made(cloud: StandIn, owner: Clients) -> None:
    robot = make_robot(cloud)
    identity = clients(cloud, robot.key).identity
    crn = "crn:v1:bluemix:public:iam-identity::::serviceRole:ServiceIdCreator"
    resource = {"accountId": cloud.account_id, "serviceName": "iam-identity"}
    owner.policies.create_v2_policy(**policy(robot.iam_id, [crn], **resource))
    made = identity.create_service_id(account_id=cloud.account_id, name="its own").get_result()
    assert identity.update_service_id(made["id"], if_match="*", name="renamed").get_status_code() == 200
    given = owner.policies.list_v2_policies(cloud.account_id, iam_id=robot.iam_id).get_result()["policies"][-1]
    assert given["resource"]["attributes"] == attributes(**resource, resourceType="serviceid", resource=made["id"])
    with refused(403, "forbidden", "not authorized"):
        identity.update_service_id(robot.id, if_match="*", name="another's")


@pytest.mark.unknown
def test_settings_follow_their_tag_and_rules(cloud: StandIn, owner: Clients) -> None:
    tag = owner.identity.get_account_settings(cloud.account_id).get_result()["entity_tag"]
    set_ = owner.identity.update_account_settings
    set_("*", cloud.account_id, system_access_token_expiration_in_seconds="900")
    with refused(409, "conflict", "If-Match"):
        set_(tag, cloud.account_id, restrict_create_service_id="RESTRICTED")
    with refused(400, "BXNIM0106E", "restriction"):
        set_("*", cloud.account_id, restrict_create_service_id="MAYBE")
    with refused(400, "BXNIM0106E", "900 to 3600"):
        set_("*", cloud.account_id, system_access_token_expiration_in_seconds="899")
    with refused(400, "BXNIM0106E", "setting"):
        set_("*", cloud.account_id, mfa="LEVEL9")
    with refused(400, "BXNIM0106E", "max_sessions_per_identity"):
        set_("*", cloud.account_id, max_sessions_per_identity="0")
    history = owner.identity.get_account_settings(cloud.account_id, include_history=True).get_result()["history"]
    assert [entry["action"] for entry in history] == ["update"]


def test_an_accounts_tokens_live_as_long_as_it_says(cloud: StandIn, owner: Clients) -> None:
    owner.identity.update_account_settings("*", cloud.account_id, system_access_token_expiration_in_seconds="900")
    form = {"grant_type": "urn:ibm:params:oauth:grant-type:apikey", "apikey": cloud.api_key}
    body = httpx.post(f"{cloud.url}/identity/token", data=form).json()
    claims: Json = jwt.decode(body["access_token"], options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == body["expires_in"] == 900


@pytest.mark.unknown
def test_history_and_activity_are_shown_when_asked_for(cloud: StandIn, owner: Clients) -> None:
    robot = make_robot(cloud)
    owner.identity.update_service_id(robot.id, if_match="*", name="renamed")
    owner.identity.disable_api_key(robot.key_id)
    owner.identity.enable_api_key(robot.key_id)
    clients(cloud, robot.key).identity.get_service_id(robot.id)
    found = owner.identity.get_service_id(robot.id, include_history=True, include_activity=True).get_result()
    parse(ServiceId, found)
    assert [entry["action"] for entry in found["history"]] == ["create", "update"]
    assert {entry["iam_id"] for entry in found["history"]} == {cloud.owner_iam_id}
    assert found["activity"]["authn_count"] == 1
    key = owner.identity.get_api_key(robot.key_id, include_history=True, include_activity=True).get_result()
    parse(ApiKey, key)
    assert [entry["action"] for entry in key["history"]] == ["create", "disable", "enable"]
    assert key["activity"].keys() == {"last_authn", "authn_count"}
    plain = owner.identity.get_api_key(robot.key_id).get_result()
    assert plain.keys().isdisjoint({"history", "activity"})
    listed = owner.identity.list_service_ids(account_id=cloud.account_id, include_history=True).get_result()
    assert len(listed["serviceids"][0]["history"]) == 2


@pytest.mark.unknown
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('name co "pull"', {"a-puller", "pull_%"}),
        ('name eq "pull_%"', {"pull_%"}),
        ('name co "_%"', {"pull_%"}),
        ('name sw "a-" and description eq "it \\"pulls\\""', {"a-puller"}),
        ('name co "nothing"', set[str]()),
    ],
)
def test_lists_are_filtered(cloud: StandIn, owner: Clients, text: str, expected: set[str]) -> None:
    for name in ("a-puller", "a-pusher", "pull_%"):
        description = 'it "pulls"' if name == "a-puller" else "x"
        owner.identity.create_service_id(account_id=cloud.account_id, name=name, description=description)
        owner.identity.create_api_key(name=name, iam_id=cloud.owner_iam_id, description=description)
    listed = owner.identity.list_service_ids(account_id=cloud.account_id, filter=text, pagesize=1).get_result()
    total = len(listed["serviceids"]) + ("next" in listed)
    assert total == len(expected)
    keys = owner.identity.list_api_keys(account_id=cloud.account_id, filter=text).get_result()["apikeys"]
    assert {key["name"] for key in keys} == expected


@pytest.mark.unknown
def test_a_filter_that_is_none_is_refused(cloud: StandIn, owner: Clients) -> None:
    with refused(400, "BXNIM0106E", "filter"):
        owner.identity.list_service_ids(account_id=cloud.account_id, filter="puller")


def test_keys_are_listed_by_group(cloud: StandIn, owner: Clients) -> None:
    group = owner.identity.create_service_id_group(cloud.account_id, "g").get_result()["id"]
    body: Json = {"account_id": cloud.account_id, "name": "in", "group_id": group, "apikey": {"name": "its key"}}
    owner.identity.create_service_id(**body)
    make_robot(cloud)
    listed = owner.identity.list_api_keys(account_id=cloud.account_id, scope="account", group_id=group).get_result()
    assert [key["name"] for key in listed["apikeys"]] == ["its key"]


@pytest.mark.unknown
def test_an_expired_key_stays_for_ninety_days_and_a_changed_one_for_ninety_more(cloud: StandIn) -> None:
    cloud.clock.set(1_900_000_000)
    robot = make_robot(cloud)
    owner = clients(cloud)
    owner.identity.update_api_key(robot.key_id, if_match="*", expires_at="2030-03-20T00:00+0000")
    cloud.clock.advance(89 * DAY)
    assert clients(cloud).identity.get_api_key(robot.key_id).get_result()["expires_at"] == "2030-03-20T00:00+0000"
    clients(cloud).identity.update_api_key(robot.key_id, if_match="*", description="still wanted")
    cloud.clock.advance(89 * DAY)
    assert clients(cloud).identity.get_api_key(robot.key_id).get_status_code() == 200
    cloud.clock.advance(2 * DAY)
    with refused(404, "not_found", robot.key_id):
        clients(cloud).identity.get_api_key(robot.key_id)


@pytest.mark.unknown
def test_settings_need_an_administrator(cloud: StandIn) -> None:
    robot = make_robot(cloud)
    allow(cloud, robot, "Viewer", "role", serviceName="iam-identity")
    identity = clients(cloud, robot.key).identity
    assert identity.get_account_settings(cloud.account_id).get_status_code() == 200
    with refused(403, "forbidden", "not authorized"):
        identity.update_account_settings("*", cloud.account_id, restrict_create_service_id="RESTRICTED")
