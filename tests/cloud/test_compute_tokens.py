"""Trusted profiles for ServiceAccounts: a projected token becomes an IAM token, if a link or a claim rule says so."""

from __future__ import annotations

import json
from collections.abc import Generator
from pathlib import Path

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from ibm_cloud_sdk_core.authenticators import ContainerAuthenticator
from jwt.algorithms import ECAlgorithm

from sandbox.cloud.core import unverified
from sandbox.cloud.testing import StandIn
from tests.cloud.clients import REGISTRY, Clients, Json, clients, policy, refused, role

pytestmark = [pytest.mark.cloud, pytest.mark.verified]

CLUSTER = "crn:v1:bluemix:public:containers-kubernetes:jp-tok:a/account:cluster::"
Conditions = list[tuple[str, str, str]]

ISSUER = "https://kubernetes.default.svc.cluster.local"
LINK = {"crn": CLUSTER, "namespace": "default", "name": "puller"}
KEY, FOREIGN_KEY = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    keys = [ECAlgorithm.to_jwk(KEY.public_key(), as_dict=True)]
    path = tmp_path / "clusters.json"
    path.write_text(json.dumps([{"crn": CLUSTER, "issuer": ISSUER, "keys": keys}]))
    return path


@pytest.fixture
def cloud(file: Path) -> Generator[StandIn]:
    with StandIn(clusters=file) as found:
        yield found


@pytest.fixture
def owner(cloud: StandIn) -> Clients:
    return clients(cloud)


@pytest.fixture
def profile(cloud: StandIn, owner: Clients) -> Json:
    return owner.identity.create_profile(name="puller", account_id=cloud.account_id).get_result()


def projected(cloud: StandIn, key: ec.EllipticCurvePrivateKey = KEY, **claims: object) -> str:
    """Write a token as Kubernetes does."""
    now = cloud.clock.millis() // 1000
    origin = {"namespace": "default", "serviceaccount": {"name": "puller", "uid": "u"}, "pod": {"name": "p"}}
    whole: Json = {"iss": ISSUER, "aud": ["iam"], "iat": now, "nbf": now, "exp": now + 3600, "kubernetes.io": origin}
    return jwt.encode(whole | claims, key, algorithm="ES256")


def exchanged(cloud: StandIn, folder: Path, token: str, profile_id: str | None = None, name: str | None = None) -> str:
    """Exchange a token in a Pod's file, as IBM's SDK does in a Pod."""
    path = folder / "token"
    path.write_text(token)
    asked = ContainerAuthenticator(
        cr_token_filename=str(path), url=cloud.url, iam_profile_id=profile_id, iam_profile_name=name
    )
    return asked.token_manager.get_token()


def test_a_linked_service_account_gets_the_profiles_rights(
    cloud: StandIn, owner: Clients, profile: Json, tmp_path: Path
) -> None:
    owner.identity.create_link(profile["id"], cr_type="IKS_SA", link=LINK)
    owner.registry.create_namespace("my-space")
    resource = {"accountId": cloud.account_id, "serviceName": REGISTRY}
    owner.policies.create_v2_policy(**policy(profile["iam_id"], [role("Reader")], **resource))
    token = exchanged(cloud, tmp_path, projected(cloud), name="puller")
    claims: Json = jwt.decode(token, options={"verify_signature": False})
    assert (claims["iam_id"], claims["sub_type"]) == (profile["iam_id"], "Profile")
    assert claims["grant_type"] == "urn:ibm:params:oauth:grant-type:cr-token"
    assert CLUSTER in claims["authn"]["iam_id"]
    query = {"service": "registry", "scope": "repository:my-space/web:pull,push"}
    login = httpx.get(f"{cloud.url}/oauth/token", auth=("iambearer", token), params=query)
    access: Json = jwt.decode(login.json()["token"], options={"verify_signature": False})
    assert [each["actions"] for each in access["access"]] == [["pull"]]


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"aud": ["https://kubernetes.default.svc"]}, "audience iam"),
        ({"iss": "https://another.example"}, "issuer is https://another.example"),
        ({"exp": 1}, "has expired"),
        ({"exp": 2_000_000_000_000}, "longer than 3600 seconds"),
        ({"nbf": 2_000_000_000_000}, "isn't valid yet"),
        ({"kubernetes.io": {"namespace": "other", "serviceaccount": {"name": "puller"}}}, "IKS_SA other/puller"),
        ({"kubernetes.io": {"namespace": "default", "serviceaccount": {"name": "thief"}}}, "IKS_SA default/thief"),
        ({"kubernetes.io": {"namespace": "default"}}, "no cluster that IAM knows"),
    ],
)
def test_every_other_token_is_refused_and_told_why(
    cloud: StandIn, owner: Clients, profile: Json, tmp_path: Path, claims: Json, reason: str
) -> None:
    owner.identity.create_link(profile["id"], cr_type="IKS_SA", link=LINK)
    with refused(*unverified.PROFILE_NOT_ELIGIBLE) as body:
        exchanged(cloud, tmp_path, projected(cloud, **claims), profile["id"])
    assert reason in body["errorDetails"]


def test_what_another_cluster_has_signed_is_refused(
    cloud: StandIn, owner: Clients, profile: Json, tmp_path: Path, file: Path
) -> None:
    link = owner.identity.create_link(profile["id"], cr_type="IKS_SA", link=LINK).get_result()
    for forged in (projected(cloud, FOREIGN_KEY), "no token", jwt.encode({"aud": "iam"}, "s" * 32)):
        with refused(*unverified.PROFILE_NOT_ELIGIBLE) as body:
            exchanged(cloud, tmp_path, forged, profile["id"])
        assert "no cluster that IAM knows has signed" in body["errorDetails"]
    assert exchanged(cloud, tmp_path, projected(cloud), profile["id"])
    owner.identity.delete_link(profile["id"], link["id"])
    with refused(*unverified.PROFILE_NOT_ELIGIBLE):
        exchanged(cloud, tmp_path, projected(cloud), profile["id"])
    with refused(*unverified.PROFILE_ABSENT):
        exchanged(cloud, tmp_path, projected(cloud), name="nobody")
    file.write_text("[]")
    with refused(*unverified.PROFILE_NOT_ELIGIBLE):
        exchanged(cloud, tmp_path, projected(cloud), profile["id"])


@pytest.mark.sandbox_only
def test_a_file_of_clusters_that_says_something_else_is_named(
    cloud: StandIn, profile: Json, tmp_path: Path, file: Path
) -> None:
    file.write_text('[{"crn": "x"}]')
    with refused(503, "SANDBOX", "the file of clusters, can't be used"):
        exchanged(cloud, tmp_path, "any", profile["id"])


@pytest.mark.parametrize(
    ("conditions", "admitted"),
    [
        ([("namespace", "EQUALS", '"default"')], True),
        ([("namespace", "EQUALS", "default")], True),
        ([("namespace", "EQUALS", '"Default"')], False),
        ([("namespace", "EQUALS_IGNORE_CASE", '"Default"'), ("name", "IN", '["puller", "other"]')], True),
        ([("namespace", "EQUALS", '"default"'), ("name", "IN", '["other"]')], False),
        ([("namespace", "NOT_EQUALS", '"kube-system"'), ("crn", "CONTAINS", '":cluster:"')], True),
        ([("name", "NOT_EQUALS_IGNORE_CASE", '"PULLER"')], False),
        ([("name", "EQUALS", '["puller", "other"]')], False),
        ([("vpc_id", "NOT_EQUALS", '"x"')], False),
        ([], False),
    ],
)
def test_claim_rules_are_kept_by_every_condition_of_them(
    cloud: StandIn,
    owner: Clients,
    profile: Json,
    tmp_path: Path,
    conditions: list[tuple[str, str, str]],
    admitted: bool,
) -> None:
    given = [dict(zip(("claim", "operator", "value"), each, strict=True)) for each in conditions]
    owner.identity.create_claim_rule(profile["id"], type="Profile-SAML", conditions=given, realm_name="https://idp")
    owner.identity.create_claim_rule(profile["id"], type="Profile-CR", conditions=given, cr_type="ROKS_SA")
    with refused(*unverified.PROFILE_NOT_ELIGIBLE):
        exchanged(cloud, tmp_path, projected(cloud), profile["id"])
    owner.identity.create_claim_rule(profile["id"], type="Profile-CR", conditions=given, cr_type="IKS_SA")
    if admitted:
        assert exchanged(cloud, tmp_path, projected(cloud), profile["id"])
        return
    with refused(*unverified.PROFILE_NOT_ELIGIBLE):
        exchanged(cloud, tmp_path, projected(cloud), profile["id"])
