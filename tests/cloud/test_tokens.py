"""Token grants: POST /identity/token."""

from __future__ import annotations

from typing import Any, cast

import httpx
import jwt
import pytest
from ibm_cloud_sdk_core import ApiException
from ibm_cloud_sdk_core.authenticators import IAMAssumeAuthenticator
from ibm_platform_services import IamIdentityV1

from sandbox.cloud.testing import StandIn
from tests.cloud.clients import Json, Service, clients, make_robot, refused

pytestmark = [pytest.mark.cloud, pytest.mark.verified]

GRANT = "urn:ibm:params:oauth:grant-type:apikey"


def grant(cloud: StandIn, **form: str) -> httpx.Response:
    return httpx.post(f"{cloud.url}/identity/token", data=form)


def claims(token: str) -> Json:
    found: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return found


def test_an_api_key_is_exchanged_for_a_bearer_token(cloud: StandIn) -> None:
    answer = grant(cloud, grant_type=GRANT, apikey=cloud.api_key, response_type="cloud_iam")
    body = answer.json()
    token = claims(body.pop("access_token"))
    assert answer.status_code == 200
    assert body == {
        "refresh_token": "not_supported",
        "ims_user_id": 0,
        "token_type": "Bearer",
        "expires_in": 3600,
        "expiration": token["exp"],
        "scope": "ibm openid",
    }
    assert token["exp"] - token["iat"] == 3600
    assert token["iam_id"] == cloud.owner_iam_id
    assert token["account"]["bss"] == cloud.account_id


def test_a_service_ids_token_has_the_documented_claims(cloud: StandIn) -> None:
    robot = make_robot(cloud, "puller")
    token = claims(grant(cloud, grant_type=GRANT, apikey=robot.key).json()["access_token"])
    assert {name: token[name] for name in ("iam_id", "id", "realmid", "name", "sub", "sub_type", "iss", "amr")} == {
        "iam_id": robot.iam_id,
        "id": robot.iam_id,
        "realmid": "iam",
        "name": "puller",
        "sub": robot.id,
        "sub_type": "ServiceId",
        "iss": "https://iam.cloud.ibm.com/identity",
        "amr": ["pwd"],
    }
    assert token["authn"] == {"sub": robot.id, "iam_id": robot.iam_id, "sub_type": "ServiceId", "name": "puller"}
    assert token["account"] == {"valid": True, "bss": cloud.account_id}


def test_the_published_key_verifies_a_token(cloud: StandIn) -> None:
    token = grant(cloud, grant_type=GRANT, apikey=cloud.api_key).json()["access_token"]
    published = httpx.get(f"{cloud.url}/identity/keys").json()["keys"][0]
    assert jwt.get_unverified_header(token)["kid"] == published["kid"]
    key = jwt.PyJWK(published)
    assert jwt.decode(token, key, algorithms=["RS256"])["iam_id"] == cloud.owner_iam_id


@pytest.mark.parametrize(
    ("form", "code", "message"),
    [
        ({"grant_type": GRANT, "apikey": "nobody's"}, "BXNIM0415E", "Provided API key could not be found."),
        ({"grant_type": GRANT}, "BXNIM0109E", "'apikey'"),
        ({"grant_type": GRANT, "apikey": ""}, "BXNIM0109E", "'apikey'"),
        ({"apikey": "x"}, "BXNIM0109E", "'grant_type'"),
        ({"grant_type": "magic"}, "BXNIM0106E", "Validation of property 'grant_type' with value '[magic]' failed."),
        ({"grant_type": GRANT, "apikey": "x", "response_type": "uaa"}, "BXNIM0106E", "Valid values: 'cloud_iam'"),
    ],
)
def test_a_bad_grant_is_400_in_the_token_endpoints_shape(
    cloud: StandIn, form: dict[str, str], code: str, message: str
) -> None:
    answer = grant(cloud, **form)
    body = answer.json()
    assert (answer.status_code, body["errorCode"]) == (400, code)
    assert message in body["errorMessage"]
    assert {"requestId", "requestType", "userAgent", "clientIp", "url", "instanceId", "startTime"} <= set(
        body["context"]
    )


@pytest.mark.sandbox_only
def test_a_grant_type_that_ibm_has_and_the_sandbox_lacks_is_501(cloud: StandIn) -> None:
    answer = grant(cloud, grant_type="urn:ibm:params:oauth:grant-type:passcode")
    assert answer.status_code == 501
    assert "grant-type:passcode" in answer.json()["errorMessage"]


def profile_grants(token: str) -> list[tuple[dict[str, str], str]]:
    return [
        ({"grant_type": "cr-token"}, "'cr_token'"),
        ({"grant_type": "cr-token", "cr_token": "x"}, "'profile_id'"),
        ({"grant_type": "cr-token", "cr_token": "x", "profile_name": "p"}, "profile not eligible"),
        ({"grant_type": "assume", "profile_id": "p"}, "'access_token'"),
        ({"grant_type": "assume", "access_token": token}, "'profile_id'"),
        ({"grant_type": "assume", "access_token": token, "profile_name": "p"}, "'account'"),
        ({"grant_type": "assume", "access_token": "x.y.z", "profile_id": "p"}, "invalid or expired"),
        ({"grant_type": "assume", "access_token": token, "profile_crn": "p"}, "profile could not be found"),
    ]


@pytest.mark.unknown
def test_grants_for_trusted_profiles_are_checked_and_find_none(cloud: StandIn) -> None:
    token = grant(cloud, grant_type=GRANT, apikey=cloud.api_key).json()["access_token"]
    for form, message in profile_grants(token):
        answer = grant(cloud, **(form | {"grant_type": f"urn:ibm:params:oauth:grant-type:{form['grant_type']}"}))
        assert (answer.status_code, message in answer.json()["errorMessage"]) == (400, True), form


@pytest.mark.unknown
def test_the_sdk_is_told_that_a_profile_is_not_there(cloud: StandIn) -> None:
    authenticator = IAMAssumeAuthenticator(apikey=cloud.api_key, iam_profile_id="Profile-x", url=cloud.url)
    with pytest.raises(ApiException, match="profile could not be found"):
        authenticator.token_manager.get_token()


def test_the_sdk_reports_a_wrong_key_with_ibms_words(cloud: StandIn) -> None:
    with refused(400, "BXNIM0415E", "Provided API key could not be found."):
        clients(cloud, "x" * 44).identity.list_service_ids(account_id=cloud.account_id)


def test_the_sdk_is_wired_by_three_settings(cloud: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"URL": cloud.url, "AUTH_URL": cloud.url, "APIKEY": cloud.api_key}.items():
        monkeypatch.setenv(f"IAM_IDENTITY_{name}", value)
    service = cast("Service", IamIdentityV1.new_instance())
    listed = service.list_service_ids(account_id=cloud.account_id)
    assert listed.get_result()["serviceids"] == []


@pytest.mark.parametrize("spoil", ["disable", "delete", "expire", "delete its service ID"])
def test_a_key_that_is_gone_gets_no_new_token(cloud: StandIn, spoil: str) -> None:
    robot = make_robot(cloud)
    identity = clients(cloud).identity
    if spoil == "disable":
        identity.disable_api_key(robot.key_id)
    elif spoil == "delete":
        identity.delete_api_key(robot.key_id)
    elif spoil == "expire":
        identity.update_api_key(robot.key_id, if_match="*", expires_at="2999-01-01T00:00+0000")
        cloud.clock.advance(1000 * 366 * 24 * 3600)
    else:
        identity.delete_service_id(robot.id)
    answer = grant(cloud, grant_type=GRANT, apikey=robot.key)
    assert (answer.status_code, answer.json()["errorCode"]) == (400, "BXNIM0415E")


def test_an_expired_token_is_refused(cloud: StandIn) -> None:
    identity = clients(cloud).identity
    assert identity.list_service_ids(account_id=cloud.account_id).get_status_code() == 200
    cloud.clock.advance(3601)
    with refused(401, "unauthorized", "expired"):
        identity.list_service_ids(account_id=cloud.account_id)


def test_a_token_that_another_cloud_signed_is_refused(cloud: StandIn) -> None:
    forged = jwt.encode({"iam_id": cloud.owner_iam_id, "exp": 9999999999}, "k" * 32, algorithm="HS256")
    answer = httpx.get(f"{cloud.url}/v1/serviceids/", headers={"Authorization": f"Bearer {forged}"})
    assert answer.status_code == 401
