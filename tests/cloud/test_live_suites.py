"""What IBM's own live tests for its SDKs do in Python, Go and Node: here by the Python SDK's clients."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from ibm_platform_services.iam_identity_v1 import AccountSettingsResponse, ApiKey

from sandbox.cloud.core import unverified
from sandbox.cloud.core.store import Store
from sandbox.cloud.iam.activity import Activity
from sandbox.cloud.registry.images import Image, Tag
from sandbox.cloud.registry.namespaces import Namespace
from sandbox.cloud.testing import StandIn
from tests.cloud.clients import REGISTRY, Clients, Json, clients, make_robot, parse, policy, refused, role

pytestmark = [pytest.mark.cloud, pytest.mark.verified]


@pytest.mark.parametrize("path", ["/v1/serviceids", "/v1/serviceids/", "/v1/apikeys/", "/v2/policies/", "/v2/roles/"])
def test_every_path_answers_with_and_without_the_slash_at_its_end(cloud: StandIn, owner: Clients, path: str) -> None:
    service: Any = owner.identity
    request = service.prepare_request("GET", "/", params={"account_id": cloud.account_id})
    request["url"] = cloud.url + path
    assert service.send(request).get_status_code() == 200


@pytest.mark.parametrize(
    "text",
    [
        "2049-01-02T18:30+0000",
        "2049-01-02T18:30:00+0000",
        "2049-01-02T18:30:00Z",
        "2049-01-02T18:30:00.000Z",
        "2049-01-02T18:30:00+00:00",
        "2049-01-02T20:30:00+02:00",
    ],
)
def test_times_are_read_in_every_form_and_shown_in_ibms(cloud: StandIn, owner: Clients, text: str) -> None:
    robot = make_robot(cloud)
    made = owner.identity.create_api_key(name="k", iam_id=robot.iam_id, expires_at=text).get_result()
    changed = owner.identity.update_api_key(robot.key_id, if_match="*", expires_at=text).get_result()
    body: Json = {"name": "k", "expires_at": text}
    own = owner.identity.create_service_id(account_id=cloud.account_id, name="own", apikey=body).get_result()["apikey"]
    assert [each["expires_at"] for each in (made, changed, own)] == ["2049-01-02T18:30+0000"] * 3


def test_an_untouched_accounts_settings_can_be_put_back_by_their_tag(cloud: StandIn, owner: Clients) -> None:
    tag = owner.identity.get_account_settings(cloud.account_id, include_history=True).get_headers()["ETag"]
    assert owner.identity.get_account_settings(cloud.account_id).get_result()["entity_tag"] == tag
    whole: Json = {
        "restrict_create_service_id": "NOT_RESTRICTED",
        "restrict_create_platform_apikey": "NOT_RESTRICTED",
        "mfa": "NONE_NO_ROPC",
        "session_expiration_in_seconds": "86400",
        "session_invalidation_in_seconds": "7200",
        "max_sessions_per_identity": "10",
        "system_access_token_expiration_in_seconds": "3600",
        "system_refresh_token_expiration_in_seconds": "259200",
        "restrict_user_list_visibility": "NOT_RESTRICTED",
    }
    changed = owner.identity.update_account_settings(tag, cloud.account_id, **whole).get_result()
    parse(AccountSettingsResponse, changed)
    assert changed | whole == changed
    assert [entry["action"] for entry in changed["history"]] == ["update"]
    effective = owner.identity.get_effective_account_settings(cloud.account_id, include_history=True).get_result()
    assert effective["effective"] | whole == effective["effective"]
    assert len(effective["account"]["history"]) == 1


def test_a_policy_may_be_for_a_user_whom_nobody_has_seen(cloud: StandIn, owner: Clients) -> None:
    iam_id = "IBMid-SDKNode123456"
    resource = {"accountId": cloud.account_id, "serviceType": "service"}
    made = owner.policies.create_v2_policy(**policy(iam_id, [role("Viewer", "role")], **resource))
    assert made.get_status_code() == 201
    listed = owner.policies.list_v2_policies(cloud.account_id, iam_id=iam_id).get_result()["policies"]
    assert [each["id"] for each in listed] == [made.get_result()["id"]]


@pytest.mark.parametrize("iam_id", ["iam-ServiceId-nobody", "no id at all"])
def test_a_policy_is_for_no_service_id_that_is_not_there_and_for_no_nonsense(
    cloud: StandIn, owner: Clients, iam_id: str
) -> None:
    wanted = policy(iam_id, [role("Reader")], accountId=cloud.account_id, serviceName=REGISTRY)
    with refused(unverified.BAD_POLICY_STATUS, "invalid_body", "there is no identity"):
        owner.policies.create_v2_policy(**wanted)


def test_a_custom_role_may_be_one_of_another_service(cloud: StandIn, owner: Clients) -> None:
    body: Json = {
        "display_name": "IAM Groups read access",
        "actions": ["iam-groups.groups.read"],
        "name": "ExampleRoleIAMGroups",
        "account_id": cloud.account_id,
        "service_name": "iam-groups",
    }
    assert owner.policies.create_role(**body).get_status_code() == 201
    listed = owner.policies.list_roles(account_id=cloud.account_id, service_name="iam-groups").get_result()
    assert [each["name"] for each in listed["custom_roles"]] == ["ExampleRoleIAMGroups"]
    with refused(501, "request_not_processed", "iam-groups.groups.juggle"):
        owner.policies.create_role(**(body | {"actions": ["iam-groups.groups.juggle"], "name": "Other"}))


def test_a_role_of_a_service_that_is_lacking_is_501_in_a_policy(cloud: StandIn, owner: Clients) -> None:
    crn = "crn:v1:bluemix:public:cloud-object-storage::::serviceRole:ObjectReader"
    resource = {"accountId": cloud.account_id, "serviceName": "cloud-object-storage"}
    with refused(501, "request_not_processed", "ObjectReader"):
        owner.policies.create_v2_policy(**policy(cloud.owner_iam_id, [crn], **resource))


def test_a_namespace_made_without_a_group_is_put_into_one_and_then_stays(cloud: StandIn, owner: Clients) -> None:
    owner.registry.create_namespace("my-space")
    one, another = (make_group(cloud, name) for name in ("one", "another"))
    for _ in range(2):
        assert owner.registry.assign_namespace(one, "my-space").get_status_code() == 200
    details = cast("list[Json]", owner.registry.list_namespace_details().get_result())
    assert details[0]["resource_group"] == one
    owner.registry.create_namespace("its-own", x_auth_resource_group=one)
    for name in ("my-space", "its-own"):
        with refused(*unverified.RESOURCE_GROUP_SET):
            owner.registry.assign_namespace(another, name)


def make_group(cloud: StandIn, name: str) -> str:
    """Make a resource group; its SDK client is needed nowhere else here."""
    form = {"grant_type": "urn:ibm:params:oauth:grant-type:apikey", "apikey": cloud.api_key}
    token = httpx.post(f"{cloud.url}/identity/token", data=form).json()["access_token"]
    body = {"name": name, "account_id": cloud.account_id}
    made = httpx.post(f"{cloud.url}/v2/resource_groups", json=body, headers={"Authorization": f"Bearer {token}"})
    return str(made.json()["id"])


def test_an_update_may_set_an_end_that_is_past(cloud: StandIn, owner: Clients) -> None:
    past = "2021-01-01T00:00+0000"
    changed = owner.identity.update_api_key(make_robot(cloud).key_id, if_match="*", expires_at=past).get_result()
    assert changed["expires_at"] == past


@pytest.mark.sandbox_only
def test_whether_an_end_may_be_past_is_one_switch(
    cloud: StandIn, owner: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unverified, "PAST_EXPIRY_IS_REFUSED", {"create": False, "update": True})
    robot, past = make_robot(cloud), "2021-01-01T00:00+0000"
    assert owner.identity.create_api_key(name="k", iam_id=robot.iam_id, expires_at=past).get_status_code() == 201
    with refused(400, "BXNIM0106E", "past"):
        owner.identity.update_api_key(robot.key_id, if_match="*", expires_at=past)


def test_the_owners_first_key_has_its_history(cloud: StandIn, owner: Clients) -> None:
    listed = owner.identity.list_api_keys(account_id=cloud.account_id, include_history=True).get_result()["apikeys"]
    parse(ApiKey, listed[0])
    assert [(entry["action"], entry["iam_id"]) for entry in listed[0]["history"]] == [("create", cloud.owner_iam_id)]


@pytest.mark.unknown
@pytest.mark.parametrize("taken", [False, True])
def test_another_account_in_the_advisors_header_is_a_switch(
    cloud: StandIn, monkeypatch: pytest.MonkeyPatch, taken: bool
) -> None:
    monkeypatch.setattr(unverified, "ADVISOR_TAKES_ANOTHER_ACCOUNT", taken)
    caller = clients(cloud, account_id="0" * 32)
    if taken:
        assert caller.advisor.account_status_query_path().get_result() == {"images": []}
    else:
        with refused(403, "CRG0009E", "not authorized"):
            caller.advisor.account_status_query_path()
    with refused(403, "CRG0009E", "not authorized"):
        caller.registry.list_namespaces()


@pytest.mark.parametrize(
    ("operation", "name"),
    [
        ("list_profile_templates", "profile_templates"),
        ("list_account_settings_templates", "account_settings_templates"),
        ("list_trusted_profile_assignments", "assignments"),
        ("list_account_settings_assignments", "assignments"),
    ],
)
def test_lists_of_what_can_only_be_elsewhere_are_empty(
    cloud: StandIn, owner: Clients, operation: str, name: str
) -> None:
    found = getattr(owner.identity, operation)(account_id=cloud.account_id).get_result()
    assert found[name] == []
    with refused(403, "forbidden", "not authorized"):
        getattr(owner.identity, operation)(account_id="0" * 32)


@pytest.mark.sandbox_only
def test_activity_outlives_a_restart(tmp_path: Path) -> None:
    store = Store(tmp_path / "cloud.sqlite3")
    activity = Activity(store)
    activity.note("iam-ServiceId-x", 60_000)
    activity.keep()
    store.close()
    again = Activity(Store(tmp_path / "cloud.sqlite3"))
    assert again.shown("iam-ServiceId-x") == {"last_authn": "1970-01-01T00:01+0000", "authn_count": 1}


@pytest.mark.sandbox_only
def test_a_store_of_an_earlier_version_gets_the_columns_that_came_since(tmp_path: Path) -> None:
    path = tmp_path / "cloud.sqlite3"
    store = Store(path)
    with store.transaction() as session:
        session.query("ALTER TABLE namespace DROP COLUMN is_assigned")
        session.query(
            "INSERT INTO namespace (region, name, account_id, resource_group_id, created_at, resource_created_at, "
            "updated_at) VALUES ('jp-tok', 'old', 'a', 'g', 1, 1, 1)"
        )
    store.close()
    with Store(path).transaction() as session:
        assert session.one(Namespace, name="old").is_assigned is True


def keep(cloud: StandIn, tag: str, days: int) -> str:
    """Keep an image in the store that was built so many days ago; returns its digest."""
    digest = f"sha256:{tag * 64}"
    now = cloud.clock.millis()
    with cloud.store.transaction() as session:
        place = {"region": "jp-tok", "repository": "my-images/web"}
        image = Image(
            **place,
            digest=digest,
            namespace="my-images",
            media_type="application/vnd.oci.image.manifest.v1+json",
            manifest="{}",
            config="{}",
            config_digest=digest,
            size=1,
            built_at=now - days * 24 * 3600 * 1000,
            pushed_at=now,
            deleted_at=None,
            trashed_tags=[],
        )
        session.add(image, Tag(**place, name=tag, digest=digest))
    return digest


def test_a_retention_policy_keeps_what_is_young_above_the_count_too(cloud: StandIn, owner: Clients) -> None:
    owner.registry.create_namespace("my-images")
    old, _young, _newest = keep(cloud, "a", 40), keep(cloud, "b", 20), keep(cloud, "c", 1)
    body: Json = {"namespace": "my-images", "images_per_repo": 1, "unknown": "is ignored"}
    assert len(owner.registry.analyze_retention_policy("my-images", images_per_repo=1).get_result().popitem()[1]) == 2
    service: Any = owner.registry
    headers = {"Account": cloud.account_id, "Content-Type": "application/json"}
    for path, expected in (("/api/v1/retentions/analyze", 200), ("/api/v1/retentions/", 201)):
        sent = json.dumps(body | {"deletion_threshold_days": 30})
        answer = service.send(service.prepare_request("POST", path, headers=headers, data=sent))
        assert answer.get_status_code() == expected
        if expected == 200:
            assert answer.get_result() == {f"{cloud.registry_urls['jp-tok'][7:]}/my-images/web": [old]}
    assert owner.registry.get_retention_policy("my-images").get_result()["deletion_threshold_days"] == 30


def test_unknown_query_parameters_and_properties_are_ignored(cloud: StandIn, owner: Clients) -> None:
    body: Json = {"name": "r", "account_id": cloud.account_id, "flavour": "sweet"}
    service: Any = owner.identity
    headers = {"Content-Type": "application/json"}
    request = service.prepare_request(
        "POST", "/v1/serviceids/", headers=headers, params={"x": "y"}, data=json.dumps(body)
    )
    assert service.send(request).get_status_code() == 201


@pytest.mark.sandbox_only
def test_a_reset_keeps_account_key_and_address(cloud: StandIn, owner: Clients) -> None:
    robot = make_robot(cloud)
    owner.registry.create_namespace("my-space")
    cloud.visibility_delay = 3
    cloud.reset()
    assert cloud.requests == []
    assert cloud.visibility_delay == 0
    assert owner.registry.list_namespaces().get_result() == []
    with refused(404, "not_found", robot.id):
        owner.identity.get_service_id(robot.id)
    assert owner.registry.create_namespace("my-space").get_status_code() == 201
    assert make_robot(cloud).id != robot.id
