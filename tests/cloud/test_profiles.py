"""Trusted profiles: their life, what they trust, and the rights of who assumes them."""

from __future__ import annotations

import httpx
import jwt
import pytest
from ibm_cloud_sdk_core.authenticators import IAMAssumeAuthenticator
from ibm_platform_services.iam_identity_v1 import (
    ProfileClaimRule,
    ProfileClaimRuleConditions,
    ProfileIdentitiesResponse,
    ProfileIdentityRequest,
    ProfileLink,
    TrustedProfile,
    TrustedProfilesList,
)

from sandbox.cloud.core import unverified
from sandbox.cloud.testing import StandIn
from tests.cloud.clients import REGISTRY, Clients, Json, make_robot, parse, policy, refused, role

pytestmark = [pytest.mark.cloud, pytest.mark.verified]

CLUSTER = "crn:v1:bluemix:public:containers-kubernetes:jp-tok:a/x:cluster::"
SERVICE_ACCOUNT = {"crn": CLUSTER, "namespace": "default", "name": "puller"}


def make(cloud: StandIn, owner: Clients, name: str = "puller") -> Json:
    return owner.identity.create_profile(name=name, account_id=cloud.account_id).get_result()


def trust(owner: Clients, profile: Json, service_id: str) -> None:
    owner.identity.set_profile_identity(profile["id"], "serviceid", identifier=service_id, type="serviceid")


def assumed(cloud: StandIn, key: str, profile: Json) -> str:
    authenticator = IAMAssumeAuthenticator(apikey=key, iam_profile_id=profile["id"], url=cloud.url)
    return authenticator.token_manager.get_token()


def test_a_profile_is_made_listed_changed_and_deleted(cloud: StandIn, owner: Clients) -> None:
    identity = owner.identity
    made = identity.create_profile(name="p", account_id=cloud.account_id, description="pulls")
    profile = made.get_result()
    parse(TrustedProfile, profile)
    assert made.get_status_code() == 201
    assert made.get_headers()["ETag"] == profile["entity_tag"]
    assert profile["iam_id"] == f"iam-{profile['id']}"
    with refused(409, "conflict", "name"):
        identity.create_profile(name="p", account_id=cloud.account_id)
    tag = profile["entity_tag"]
    changed = identity.update_profile(profile["id"], if_match=tag, name="q", description="").get_result()
    assert (changed["name"], "description" in changed) == ("q", False)
    with refused(unverified.STALE_IDENTITY_STATUS, "conflict", "If-Match"):
        identity.update_profile(profile["id"], if_match=tag, name="r")
    listed = identity.list_profiles(account_id=cloud.account_id, name="q", include_history=True).get_result()
    parse(TrustedProfilesList, listed)
    assert [entry["action"] for entry in listed["profiles"][0]["history"]] == ["create", "update"]
    assert identity.get_account_limits(cloud.account_id, profiles="true").get_result()["profiles"]["count"] == 1
    assert identity.delete_profile(profile["id"]).get_status_code() == 204
    with refused(404, "not_found", profile["id"]):
        identity.get_profile(profile["id"])


def test_links_are_made_found_and_removed_in_both_ways(cloud: StandIn, owner: Clients) -> None:
    profile = make(cloud, owner)
    links = [
        owner.identity.create_link(profile["id"], cr_type=kind, link=link, name=kind).get_result()
        for kind, link in (("IKS_SA", SERVICE_ACCOUNT), ("ROKS_SA", SERVICE_ACCOUNT), ("VSI", {"crn": "crn:v1:vsi"}))
    ]
    for link in links:
        parse(ProfileLink, link)
        assert owner.identity.get_link(profile["id"], link["id"]).get_result() == link
    assert owner.identity.list_links(profile["id"]).get_result()["links"] == links
    with refused(400, "BXNIM0109E", "link.namespace"):
        owner.identity.create_link(profile["id"], cr_type="IKS_SA", link={"crn": CLUSTER})
    owner.identity.delete_link(profile["id"], links[2]["id"])
    owner.identity.delete_link_by_parameters(profile["id"], type="ROKS_SA", **SERVICE_ACCOUNT)
    assert owner.identity.list_links(profile["id"]).get_result()["links"] == links[:1]
    with refused(404, "not_found", "Link"):
        owner.identity.delete_link_by_parameters(profile["id"], type="ROKS_SA", **SERVICE_ACCOUNT)


def test_claim_rules_have_a_life_too(cloud: StandIn, owner: Clients) -> None:
    profile = make(cloud, owner)
    when = [ProfileClaimRuleConditions(claim="blueGroups", operator="CONTAINS", value='"puller"')]
    how: Json = {"type": "Profile-SAML", "conditions": when, "realm_name": "https://idp", "expiration": 900}
    rule = owner.identity.create_claim_rule(profile["id"], **how).get_result()
    parse(ProfileClaimRule, rule)
    assert owner.identity.list_claim_rules(profile["id"]).get_result()["rules"] == [rule]
    how["expiration"] = 1800
    changed = owner.identity.update_claim_rule(profile["id"], rule["id"], if_match=rule["entity_tag"], **how)
    assert changed.get_result()["expiration"] == 1800
    assert owner.identity.delete_claim_rule(profile["id"], rule["id"]).get_status_code() == 204
    with refused(404, "not_found", rule["id"]):
        owner.identity.get_claim_rule(profile["id"], rule["id"])


def test_the_identities_that_it_trusts_are_set_one_by_one_and_all_at_once(cloud: StandIn, owner: Clients) -> None:
    profile, robot = make(cloud, owner), make_robot(cloud)
    trust(owner, profile, robot.id)
    held = owner.identity.get_profile_identities(profile["id"])
    parse(ProfileIdentitiesResponse, held.get_result())
    assert [each["iam_id"] for each in held.get_result()["identities"]] == [robot.iam_id]
    user = ProfileIdentityRequest(identifier=cloud.owner_iam_id, type="user", accounts=[cloud.account_id])
    tag = held.get_headers()["ETag"]
    owner.identity.set_profile_identities(profile["id"], if_match=tag, identities=[user])
    found = owner.identity.get_profile_identity(profile["id"], "user", cloud.owner_iam_id).get_result()
    assert (found["iam_id"], found["accounts"]) == (cloud.owner_iam_id, [cloud.account_id])
    owner.identity.delete_profile_identity(profile["id"], "user", cloud.owner_iam_id)
    with refused(404, "not_found", cloud.owner_iam_id):
        owner.identity.get_profile_identity(profile["id"], "user", cloud.owner_iam_id)


def test_who_is_trusted_assumes_it_and_has_its_rights_alone(cloud: StandIn, owner: Clients) -> None:
    profile, robot, stranger = make(cloud, owner), make_robot(cloud), make_robot(cloud, "stranger")
    trust(owner, profile, robot.id)
    owner.registry.create_namespace("my-space")
    resource = {"accountId": cloud.account_id, "serviceName": REGISTRY}
    owner.policies.create_v2_policy(**policy(profile["iam_id"], [role("Reader")], **resource))
    token = assumed(cloud, robot.key, profile)
    claims: Json = jwt.decode(token, options={"verify_signature": False})
    assert (claims["iam_id"], claims["sub_type"]) == (profile["iam_id"], "Profile")
    assert claims["authn"]["iam_id"] == robot.iam_id
    headers = {"Authorization": f"Bearer {token}", "Account": cloud.account_id}
    assert httpx.get(f"{cloud.url}/api/v1/namespaces", headers=headers).json() == ["my-space"]
    with refused(*unverified.PROFILE_NOT_ELIGIBLE):
        assumed(cloud, stranger.key, profile)
    owner.identity.delete_profile(profile["id"])
    assert httpx.get(f"{cloud.url}/api/v1/namespaces", headers=headers).status_code == 403
    with refused(*unverified.PROFILE_ABSENT):
        assumed(cloud, robot.key, profile)


def test_the_registrys_login_takes_the_profile_as_user_name(cloud: StandIn, owner: Clients) -> None:
    profile, robot, stranger = make(cloud, owner), make_robot(cloud), make_robot(cloud, "stranger")
    trust(owner, profile, robot.id)
    owner.registry.create_namespace("my-space")
    resource = {"accountId": cloud.account_id, "serviceName": REGISTRY}
    owner.policies.create_v2_policy(**policy(profile["iam_id"], [role("Reader")], **resource))

    def access(user: str, password: str) -> object:
        query = {"service": "registry", "scope": "repository:my-space/web:pull,push"}
        answer = httpx.get(f"{cloud.url}/oauth/token", auth=(user, password), params=query)
        if answer.status_code != 200:
            return answer.status_code
        claims: Json = jwt.decode(answer.json()["token"], options={"verify_signature": False})
        return [each["actions"] for each in claims["access"]]

    assert access(profile["id"], robot.key) == [["pull"]]
    assert access("iambearer", assumed(cloud, robot.key, profile)) == [["pull"]]
    assert access("iamapikey", robot.key) == []
    assert access(profile["id"], stranger.key) == unverified.BAD_LOGIN[0]
    assert access("Profile-nobody", robot.key) == unverified.BAD_LOGIN[0]


def test_a_policy_is_for_no_profile_that_is_not_there(cloud: StandIn, owner: Clients) -> None:
    wanted = policy("iam-Profile-nobody", [role("Reader")], accountId=cloud.account_id, serviceName=REGISTRY)
    with refused(unverified.BAD_POLICY_STATUS, "invalid_body", "there is no identity"):
        owner.policies.create_v2_policy(**wanted)
