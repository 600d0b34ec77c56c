"""IBM's rules for single values at their edges, and values between Pulumi's wire and Python at theirs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pulumi
import pytest
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime import rpc

from ibm_native.cloud.errors import ApiError, ConflictError, ProviderError, Repeat, TokenError, scrub
from ibm_native.configuration import PROPERTIES, ProviderArgs, endpoint_problems
from ibm_native.model import rules, values
from ibm_native.model.derive import diff
from ibm_native.model.inputs import Prop, Property

pytestmark = pytest.mark.unit

ROLE_CRN = "crn:v1:bluemix:public:container-registry::::serviceRole:Reader"


@pytest.mark.parametrize(
    ("rule", "good", "bad"),
    [
        (rules.name, ["a", " a "], ["", "  "]),
        (rules.resource_group, ["Default", "a" * 32], ["", " "]),
        (
            rules.repository,
            ["ns/image", "ns/a/b", "ns/a_b.c-d"],
            ["image", "ns/", "/image", "ns/Image", "ns/image:tag"],
        ),
        (rules.digest, ["sha256:" + "0f" * 32], ["sha256:" + "0f" * 31, "sha256:" + "0F" * 32, "0f" * 32]),
        (rules.registry_host, ["jp.icr.io", "localhost:5000"], ["https://jp.icr.io", "jp.icr.io/ns", "h:123456", ""]),
        (rules.api_key, ["key"], ["a key", "key\n", '"key"', "'key'", ""]),
        (rules.iam_id, ["iam-ServiceId-1", "IBMid-1"], ["ServiceId-1", "crn:v1", " "]),
        (rules.role, ["Reader", "Administrator", "MyRole", ROLE_CRN], ["reader", "My Role", "crn:v1:x", "A" * 31]),
        (rules.action_when_leaked, ["none", "disable", "delete"], ["Disable", ""]),
        (rules.expires_at, ["2030-01-31T00:00+0000"], ["2030-02-30T00:00+0000", "2030-01-31", "2030-01-31T00:00:00Z"]),
        (rules.timeout_seconds, [1, 3600], [0, 3601]),
        (rules.days, [1, 3650], [0, 3651]),
        (rules.endpoint, ["https://h", "http://h:1/"], ["h", "ftp://h", "https://h/path", "https://h?q", "https://"]),
        (rules.plan, ["Free", "Standard"], ["free", ""]),
        (rules.megabytes, [-1, 0, 1], [-2]),
        (rules.images_per_repo, [-1, 1], [-2, 0]),
        (rules.max_issues, [0, 1], [-1]),
        (rules.finding, ["CVE-2024-1: why", "RHSA-2024:1: why"], ["CVE-2024-1", "CVE-2024-1: ", "why"]),
        (rules.scan_action, ["fail", "warn", "pass"], ["stop"]),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_a_rule_takes_what_is_just_right_and_tells_what_was_expected(
    rule: Callable[[Any], str | None], good: list[Any], bad: list[Any]
) -> None:
    assert {each: rule(each) for each in good} == dict.fromkeys(good)
    assert all(rule(each) for each in bad), {each: rule(each) for each in bad}


def test_a_group_s_id_is_told_from_a_name() -> None:
    assert rules.is_resource_group_id("0f" * 16)
    assert not any(map(rules.is_resource_group_id, ["0f" * 15, "0f" * 17, "Default", "0F" * 16]))


def test_an_id_that_is_no_region_is_refused_with_its_spelling() -> None:
    assert rules.region_of_id("jp-tok", "registry plan", "region") == "jp-tok"
    with pytest.raises(ProviderError, match=r"read registry plan 'mars': that is no id of one\nAn id is its region: "):
        rules.region_of_id("mars", "registry plan", "region")


@pytest.mark.parametrize(
    ("wire", "plain"),
    [
        (PropertyValue(None), None),
        (PropertyValue(3.0), 3),
        (PropertyValue(value=True), True),
        (PropertyValue("text"), "text"),
        (PropertyValue([PropertyValue("a"), PropertyValue("b")]), ("a", "b")),
        (PropertyValue({"a": PropertyValue("b")}), {"a": "b"}),
        (PropertyValue(rpc.UNKNOWN), values.UNKNOWN),
        (PropertyValue([PropertyValue("a"), PropertyValue(rpc.UNKNOWN)]), values.UNKNOWN),
        (PropertyValue({"a": PropertyValue(rpc.UNKNOWN)}), values.UNKNOWN),
    ],
    ids=str,
)
def test_a_value_is_the_same_on_both_sides(wire: PropertyValue, plain: object) -> None:
    found = values.plain(wire)
    assert (type(found), found) == (type(plain), plain)
    assert values.plain_or_none(wire) == (None if plain is values.UNKNOWN else plain)
    assert values.plain(values.to_wire(found)) == plain


@pytest.mark.parametrize(
    "wire", [PropertyValue(1.5), PropertyValue([PropertyValue(1.0)]), PropertyValue([PropertyValue([])])]
)
def test_a_value_of_no_kind_is_no_value(wire: PropertyValue) -> None:
    with pytest.raises(values.KindError):
        values.plain(wire)
    assert values.plain_or_none(wire) is None


def test_a_part_that_is_secret_makes_the_whole_one_secret_and_keeps_it_from_every_message() -> None:
    inside = PropertyValue({"a": PropertyValue([PropertyValue("s3cret-inside", is_secret=True)])})
    assert values.is_secret(inside)
    assert not values.is_secret(PropertyValue("no-secret-at-all"))
    assert not values.is_secret(None)
    values.conceal_secrets({"given": inside, "shown": PropertyValue("no-secret-at-all")})
    assert scrub("s3cret-inside no-secret-at-all") == "[hidden] no-secret-at-all"


def test_configuration_that_comes_as_text_is_read_in_its_kind_and_the_rest_is_left_to_the_check() -> None:
    given = {
        "waitSeconds": PropertyValue("7"),
        "registryEndpoints": PropertyValue('{"us-south": "http://127.0.0.1:1"}'),
        "accountId": PropertyValue("7"),
    }
    found = {name: values.plain(each) for name, each in values.from_config(PROPERTIES, given).items()}
    assert found == {"waitSeconds": 7, "registryEndpoints": {"us-south": "http://127.0.0.1:1"}, "accountId": "7"}
    for odd in ("seven", "true", "1.5", "[]", '{"us-south": 1}', '{"us-south": "u", "jp-tok": 1}', "{}"):
        left = values.from_config(PROPERTIES, {"registryEndpoints": PropertyValue(odd)})["registryEndpoints"]
        assert left.value == odd


@pytest.mark.parametrize(
    ("given", "paths"),
    [
        ({"region": "jp-tok", "registry_endpoint": "https://jp.icr.io"}, []),
        ({"region": "us-south", "registry_endpoint": "https://jp.icr.io"}, ["registryEndpoint"]),
        ({"registry_endpoint": "https://jp.icr.io"}, []),
        ({"registry_endpoints": {"us-south": "https://us.icr.io"}}, []),
        ({"registry_endpoints": {"mars": "http://h"}}, ["registryEndpoints.mars"]),
        ({"registry_endpoints": {"us-south": "https://jp.icr.io"}}, ["registryEndpoints.us-south"]),
        (
            {"region": "jp-tok", "registry_endpoint": "http://h", "registry_endpoints": {"jp-tok": "http://other"}},
            ["registryEndpoints.jp-tok"],
        ),
        ({"region": "jp-tok", "registry_endpoint": "http://h", "registry_endpoints": {"jp-tok": "http://h"}}, []),
    ],
    ids=str,
)
def test_each_region_has_one_endpoint_and_each_endpoint_one_region(given: dict[str, Any], paths: list[str]) -> None:
    assert [each.path for each in endpoint_problems(ProviderArgs.of(given))] == paths


@pytest.mark.parametrize(
    ("prop", "before", "after", "changes"),
    [
        (Prop("It.", came_later=True), None, rpc.UNKNOWN, False),
        (Prop("It."), None, rpc.UNKNOWN, True),
        (Prop("It.", came_later=True), "a", rpc.UNKNOWN, True),
        (Prop("It.", came_later=True), None, "a", True),
        (Prop("It."), rpc.UNKNOWN, rpc.UNKNOWN, True),
        (Prop("It.", same=lambda one, other: one.lower() == other.lower()), "a", "A", False),
        (Prop("It.", same=lambda one, other: one.lower() == other.lower()), "a", None, True),
    ],
)
def test_what_counts_as_a_change(prop: Prop, before: str | None, after: str | None, *, changes: bool) -> None:
    old, new = ({} if each is None else {"it": PropertyValue(each)} for each in (before, after))
    assert diff([Property("it", "string", prop)], old, new).changes is changes


@pytest.mark.parametrize("replaces", [True, False])
def test_an_output_that_tells_of_lost_use_goes(*, replaces: bool) -> None:
    drifted = Property("unusable", "string", Prop("Why.", drift=True, replaces=replaces), required=False)
    found = diff([], {}, {}, [drifted])
    assert found.changes
    assert found.replaces == (["unusable"] if replaces else [])
    assert found.detailed_diff["unusable"].kind.name == ("DELETE_REPLACE" if replaces else "DELETE")
    assert not found.detailed_diff["unusable"].input_diff


@pytest.mark.parametrize(
    ("error", "repeat"),
    [
        (ApiError("do", "why", status=429), Repeat.SAFE),
        (ApiError("do", "why", status=500), Repeat.IF_SAME),
        (ApiError("do", "why", status=499), Repeat.NEVER),
        (TokenError("do", "why", "", status=429), Repeat.SAFE),
        (TokenError("do", "why", "", status=500), Repeat.SAFE),
        (TokenError("do", "why", "", status=499), Repeat.NEVER),
        (ConflictError("do", "why"), Repeat.NEVER),
    ],
    ids=lambda each: (
        f"{type(each).__name__}-{getattr(each, 'status', '')}" if isinstance(each, ApiError) else each.name
    ),
)
def test_only_what_had_no_effect_is_sent_again(error: ApiError, repeat: Repeat) -> None:
    assert error.repeat is repeat
    assert str(error) == "do: why"


def test_an_output_among_strings_by_name_makes_the_whole_input_unreadable() -> None:
    later = pulumi.Output.from_input("http://h")
    assert ProviderArgs(registry_endpoints={"jp-tok": "http://h"}).registry_endpoints == {"jp-tok": "http://h"}
    assert ProviderArgs().registry_endpoints == {}
    with pytest.raises(TypeError, match="registry_endpoints of ProviderArgs has no value yet"):
        _ = ProviderArgs(registry_endpoints={"jp-tok": later}).registry_endpoints
