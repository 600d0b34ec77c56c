"""What the stand-in refuses: callers it doesn't know, rights that nobody gave, what it lacks, and nonsense."""

from __future__ import annotations

import json
import os
import re
import string
from collections.abc import Generator
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.cloud.app import operations
from sandbox.cloud.testing import StandIn
from tests.cloud.clients import Json, allow, clients, make_robot, policy, refused, role

pytestmark = [pytest.mark.cloud, pytest.mark.sandbox_only]

OPERATIONS = [(each.method, re.sub(r"\{\w+\}", "x", each.path)) for each in operations()]
PRIVATE = [
    (each.method, re.sub(r"\{\w+\}", "x", each.path), each.errors.__name__) for each in operations() if not each.public
]
CODES = {"IdentityError": "unauthorized", "PolicyError": "invalid_token", "RegistryError": "CRG0014E"}


def bearer(cloud: StandIn, key: str | None = None) -> dict[str, str]:
    form = {"grant_type": "urn:ibm:params:oauth:grant-type:apikey", "apikey": key or cloud.api_key}
    token: str = httpx.post(f"{cloud.url}/identity/token", data=form).json()["access_token"]
    return {"Authorization": f"Bearer {token}"}


def code_of(body: Json) -> str:
    found: Json = body["errors"][0] if "errors" in body else body
    return found.get("code") or found["errorCode"]


@pytest.mark.parametrize(("method", "path", "errors"), PRIVATE)
def test_every_operation_needs_a_token_and_says_so_in_its_shape(
    cloud: StandIn, method: str, path: str, errors: str
) -> None:
    for headers in ({}, {"Authorization": "Bearer x.y.z"}, {"Authorization": "Basic eA=="}):
        answer = httpx.request(method, cloud.url + path, headers=headers)
        assert answer.status_code == 401
        assert method == "HEAD" or errors not in CODES or code_of(answer.json()) == CODES[errors]


def test_a_service_id_without_a_policy_reads_itself_and_nothing_else(cloud: StandIn) -> None:
    robot, other = make_robot(cloud), make_robot(cloud)
    found = clients(cloud, robot.key)
    assert found.identity.get_service_id(robot.id).get_status_code() == 200
    assert found.identity.get_api_keys_details(iam_api_key=robot.key).get_status_code() == 200
    own = policy(robot.iam_id, [role("Manager")], accountId=cloud.account_id, serviceName="container-registry")
    for attempt in (
        lambda: found.identity.get_service_id(other.id),
        lambda: found.identity.update_service_id(robot.id, if_match="*", name="me"),
        lambda: found.identity.delete_service_id(robot.id),
        lambda: found.identity.list_service_ids(account_id=cloud.account_id),
        lambda: found.identity.create_service_id(account_id=cloud.account_id, name="mine"),
        lambda: found.identity.create_api_key(name="mine", iam_id=robot.iam_id),
        lambda: found.identity.create_api_key(name="owner's", iam_id=cloud.owner_iam_id),
        lambda: found.identity.list_api_keys(account_id=cloud.account_id),
        lambda: found.identity.disable_api_key(robot.key_id),
        lambda: found.identity.get_api_keys_details(iam_api_key=cloud.api_key),
    ):
        with refused(403, "forbidden", "not authorized"):
            attempt()
    with refused(403, "insufficent_permissions", "not authorized"):
        found.policies.create_v2_policy(**own)
    for attempt in (found.registry.list_namespaces, lambda: found.registry.create_namespace("mine")):
        with refused(403, "CRG0020E", "not authorized"):
            attempt()


def test_a_token_that_outlives_its_service_id_may_do_nothing(cloud: StandIn) -> None:
    robot = make_robot(cloud)
    allow(cloud, robot, "Administrator", "role", serviceName="iam-identity")
    headers = bearer(cloud, robot.key)
    query = f"{cloud.url}/v1/serviceids/?account_id={cloud.account_id}"
    assert httpx.get(query, headers=headers).status_code == 200
    clients(cloud).identity.delete_service_id(robot.id)
    assert httpx.get(query, headers=headers).status_code == 403


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("PATCH", "/v1/serviceids/x", "not_implemented"),
        ("GET", "/v1/policy_templates", "request_not_processed"),
        ("GET", "/v1/role_templates", "request_not_processed"),
        ("GET", "/v2/loginsettings/x", "not_implemented"),
        ("PATCH", "/v2/roles", "request_not_processed"),
        ("GET", "/v2/policies/x/y", "request_not_processed"),
        ("GET", "/api/v1/images/jp.icr.io%2Fmine%2Fimage%3A1.0/layers", "SANDBOX"),
        ("GET", "/va/api/v3/report/account", "SANDBOX"),
        ("POST", "/identity/introspect", "SANDBOX"),
        ("PUT", "/oauth/token", "UNSUPPORTED"),
        ("GET", "/v2/", "UNSUPPORTED"),
        ("GET", "/nowhere", "not_implemented"),
    ],
)
def test_what_is_lacking_is_501_naming_method_and_path(cloud: StandIn, method: str, path: str, code: str) -> None:
    answer = httpx.request(method, cloud.url + path, headers=bearer(cloud))
    assert (answer.status_code, code_of(answer.json())) == (501, code)
    assert f"The sandbox lacks {method} {path}." in answer.text


def test_a_body_that_is_too_large_is_refused(cloud: StandIn) -> None:
    answer = httpx.post(f"{cloud.url}/v2/policies", headers=bearer(cloud), content=b" " * (1 << 20) + b"{}")
    assert (answer.status_code, code_of(answer.json())) == (400, "invalid_body")


def test_a_forwarded_host_is_taken_as_it_is(cloud: StandIn) -> None:
    for host in ("jp.icr.io", "[", "a b", "x:y:z", ""):
        answer = httpx.get(f"{cloud.url}/identity/keys", headers={"Host": host})
        assert answer.status_code in (200, 400), host


EXAMPLES = int(os.environ.get("SANDBOX_FUZZ_EXAMPLES", "400"))
"""Each makes two requests; 5000 were made by hand, which takes minutes."""

SCALARS = (
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.floats(allow_nan=False, allow_infinity=False)
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(
    [
        "account_id",
        "actions",
        "apikey",
        "apikeys_per_identity",
        "control",
        "description",
        "display_name",
        "expires_at",
        "group_id",
        "iam_id",
        "images_per_repo",
        "name",
        "namespace",
        "pattern",
        "resource",
        "resources",
        "retain_untagged",
        "roles",
        "rule",
        "service_name",
        "serviceids_per_group",
        "state",
        "storage_megabytes",
        "subject",
        "subjects",
        "system_access_token_expiration_in_seconds",
        "type",
        "unique_instance_crns",
    ]
)
BODIES = st.dictionaries(KEYS, VALUES, max_size=6)
NAMES = st.sampled_from(
    [
        "account_id",
        "default",
        "filter",
        "format",
        "fromimage",
        "group_id",
        "iam_id",
        "include_history",
        "limit",
        "name",
        "namespace",
        "order",
        "pagesize",
        "pagetoken",
        "repository",
        "scope",
        "service_name",
        "show_group_id",
        "sort",
        "start",
        "state",
        "toimage",
        "type",
        "vulnerabilities",
    ]
)
QUERIES = st.dictionaries(NAMES, st.text(max_size=12) | st.just("true"), max_size=4)
SEGMENTS = st.text(string.printable, min_size=1, max_size=12)


@pytest.fixture
def user(cloud: StandIn) -> Generator[httpx.Client]:
    headers = {**bearer(cloud), "Account": cloud.account_id, "If-Match": "*", "X-Auth-Resource-Group": "x"}
    with httpx.Client(headers=headers) as found:
        yield found


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    operation=st.sampled_from(OPERATIONS),
    segment=SEGMENTS,
    query=QUERIES,
    body=BODIES,
    raw=st.binary(max_size=40),
)
def test_nonsense_is_never_a_500(
    cloud: StandIn,
    user: httpx.Client,
    operation: tuple[str, str],
    segment: str,
    query: dict[str, str],
    body: Json,
    raw: bytes,
) -> None:
    method, path = operation
    url = f"{cloud.url}{path.replace('/x', '/' + quote(segment, safe='/%'))}?{urlencode(query)}"
    for content in (json.dumps(body).encode(), raw):
        answer = user.request(method, url, content=content)
        assert answer.status_code < 500 or answer.status_code == 501, (method, url, answer.text)
