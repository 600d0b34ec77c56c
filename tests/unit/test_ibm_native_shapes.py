"""Pure parts of the provider: regions, marks, policies' JSON, challenges, messages without secrets."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ibm_native.cloud.connection import Connection
from ibm_native.cloud.errors import ProviderError, conceal, scrub
from ibm_native.cloud.regions import REGISTRY_HOSTS, base_url, is_loopback, region_of_host, registry_host
from ibm_native.iam import policy_shape
from ibm_native.model.marker import Mark, remarked, without_mark
from ibm_native.registry import login

pytestmark = pytest.mark.unit

READER = "crn:v1:bluemix:public:iam::::serviceRole:Reader"
READER_TOO = "crn:v1:bluemix:public:container-registry::::serviceRole:Reader"
ADMINISTRATOR = "crn:v1:bluemix:public:iam::::role:Administrator"
MANAGER_OF_OLD = "crn:v1:bluemix:public:container-registry::::serviceRole:Administrator"


def test_every_region_has_a_host_of_its_own() -> None:
    assert len(set(REGISTRY_HOSTS.values())) == len(REGISTRY_HOSTS) == 13
    assert registry_host("jp-tok") == "jp.icr.io"
    assert region_of_host("private.jp2.icr.io") == "jp-osa"
    assert region_of_host("ghcr.io") is None


@pytest.mark.parametrize("host", ["127.0.0.1:7001", "127.9.9.9", "localhost", "localhost:5000"])
def test_loopback_is_spoken_to_over_plain_http(host: str) -> None:
    assert is_loopback(host)
    assert base_url(host) == f"http://{host}"


@pytest.mark.parametrize("host", ["jp.icr.io", "127.0.0.1.evil.example", "10.0.0.1:5000", "localhost.example:80"])
def test_everything_else_is_spoken_to_over_https(host: str) -> None:
    assert base_url(host) == f"https://{host}"


def test_an_endpoint_for_another_region_is_refused() -> None:
    connection = Connection(region="jp-tok", registry_endpoint="http://127.0.0.1:7001")
    assert connection.registry_url("jp-tok", "x") == "http://127.0.0.1:7001"
    with pytest.raises(
        ProviderError, match=r"names no registry of us-south; it has jp-tok at http://127\.0\.0\.1:7001"
    ):
        connection.registry_url("us-south", "x")
    assert Connection().registry_url("us-south", "x") == "https://us.icr.io"


def test_the_connection_never_shows_its_key() -> None:
    assert "s3cret" not in repr(Connection(api_key="s3cret-key"))


@given(st.one_of(st.none(), st.text().filter(lambda each: each == each.strip())))
def test_a_mark_comes_off_again_without_a_trace(description: str | None) -> None:
    mark = Mark.new("urn:pulumi:dev::project::type::name")
    marked = mark.on(description)
    assert Mark.found_in(marked) == mark
    assert without_mark(marked) == (description or "")


def test_a_mark_tells_its_own_attempt_its_own_resource_and_strangers_apart() -> None:
    first, second, other = Mark.new("urn:a"), Mark.new("urn:a"), Mark.new("urn:b")
    assert first != second
    assert first.same_resource(second.on("text"))
    assert not first.same_resource(other.on("text"))
    assert not first.same_resource("text [ibm-native:something]")


def test_a_new_description_keeps_the_mark_that_was_there() -> None:
    mark = Mark.new("urn:a")
    assert Mark.found_in(remarked("new", mark.on("old"))) == mark
    assert remarked("new", "old, made by hand") == "new"
    assert remarked(None, "old") == ""


@pytest.mark.parametrize(
    ("role", "crn", "same"),
    [
        ("Reader", READER, True),
        ("Reader", READER_TOO, True),
        ("Writer", READER, False),
        ("Administrator", ADMINISTRATOR, True),
        ("Administrator", MANAGER_OF_OLD, False),
        (READER, READER, True),
        (READER, READER_TOO, False),
    ],
)
def test_a_role_is_known_by_the_last_part_and_the_kind_of_its_crn(role: str, crn: str, *, same: bool) -> None:
    assert policy_shape.names_role(role, crn) is same


SERVICE_ON_NAMESPACE = policy_shape.attributes("account", "s", "jp-tok", "ns", None)
INPUTS = {"iam_id": "iam-ServiceId-1", "roles": ("Reader",), "region": "jp-tok", "namespace": "ns", "service": "s"}


def policy_of(attributes: list[Mapping[str, object]], **limits: object) -> dict[str, object]:
    return {
        "subject": policy_shape.subject("iam-ServiceId-1"),
        "control": policy_shape.control([READER_TOO]),
        "resource": {"attributes": attributes, **limits},
    }


def test_a_policy_reads_back_as_the_inputs_that_made_it() -> None:
    for roles in (["Reader"], []):
        actual = policy_shape.actual_inputs(policy_of(SERVICE_ON_NAMESPACE), roles)
        assert {name: value for name, value in actual.items() if value is not None} == INPUTS


def test_icr_io_itself_is_a_geography() -> None:
    everywhere = policy_shape.attributes("account", "s", "global", None, None)
    keys = {each["key"]: each["value"] for each in everywhere}
    assert keys == {"accountId": "account", "serviceName": "s", "geography": "global"}
    actual = policy_shape.actual_inputs(policy_of(everywhere), [])
    assert (actual["region"], actual["namespace"]) == ("global", None)


def test_a_tag_that_limits_a_policy_shows_as_drift() -> None:
    tag = {"key": "env", "operator": "stringEquals", "value": "dev"}
    policy = policy_of(SERVICE_ON_NAMESPACE, tags=[tag])
    assert policy_shape.actual_inputs(policy, ["Reader"])["service"] == "s and tag env stringEquals dev"


def test_what_somebody_added_to_a_policy_shows_as_drift() -> None:
    added = {"key": "path", "operator": "stringMatch", "value": "x*"}
    policy = policy_of([*SERVICE_ON_NAMESPACE, added])
    assert policy_shape.actual_inputs(policy, ["Reader"])["service"] == "s and path stringMatch x*"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (
            'Bearer realm="https://icr.io/oauth/token",service="registry",scope="repository:a/b:pull"',
            {"realm": "https://icr.io/oauth/token", "service": "registry", "scope": "repository:a/b:pull"},
        ),
        (
            "bearer  realm=https://cp.icr.io/t , service = registry",
            {"realm": "https://cp.icr.io/t", "service": "registry"},
        ),
    ],
)
def test_challenges_are_read_leniently(header: str, expected: dict[str, str]) -> None:
    assert login.challenge(header) == ("bearer", expected)


@pytest.mark.parametrize(
    ("realm", "host", "trusted"),
    [
        ("https://jp.icr.io/oauth/token", "jp.icr.io", True),
        ("https://icr.io/oauth/token", "jp.icr.io", True),
        ("http://127.0.0.1:7001/oauth/token", "127.0.0.1:7001", True),
        ("http://127.0.0.1:7002/oauth/token", "127.0.0.1:7001", False),
        ("http://icr.io/oauth/token", "jp.icr.io", False),
        ("https://icr.io.evil.example/oauth/token", "jp.icr.io", False),
        ("https://evilicr.io/oauth/token", "jp.icr.io", False),
        ("https://jp.icr.io@evil.example/oauth/token", "jp.icr.io", False),
        ("https://jp.icr.io:8443/oauth/token", "jp.icr.io", False),
        ("https://icr.io/oauth/token", "ghcr.io", False),
        ("", "jp.icr.io", False),
    ],
)
def test_a_key_goes_to_the_registry_s_own_host_only(realm: str, host: str, *, trusted: bool) -> None:
    assert login.trusted(realm, host) is trusted


def test_messages_hold_no_secret_that_is_known_and_no_token() -> None:
    conceal("a-key-that-was-used")
    told = scrub("a-key-that-was-used eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln")
    assert told == "[hidden] [hidden]"


def test_a_name_as_long_as_a_key_is_no_secret() -> None:
    told = "a-legal-name-with-as-many-letters-as-a-key-x"
    assert len(told) == 44
    assert scrub(told) == told


def test_ids_and_digests_are_no_secrets() -> None:
    told = "ApiKey-01234567-89ab-cdef-0123-456789abcdef sha256:" + "a" * 64
    assert scrub(told) == told
