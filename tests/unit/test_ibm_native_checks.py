"""Checks and diffs as they follow from the declarations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.provider.experimental.provider import PropertyDiffKind
from pulumi.runtime import rpc

from ibm_native.catalogue import lives
from ibm_native.configuration import PROPERTIES
from ibm_native.model.declare import Declaration
from ibm_native.model.derive import Problem, check, diff
from ibm_native.model.values import Wire, known, plain

pytestmark = pytest.mark.unit

KEY = "ibm-native:iam:ApiKey"
POLICY = "ibm-native:iam:AccessPolicy"
NAMESPACE = "ibm-native:registry:Namespace"
ACCESS = "ibm-native:registry:Access"
IAM_ID = "iam-ServiceId-0f0e0d0c-0b0a-4908-8706-050403020100"
DIGEST = "sha256:" + "a" * 64

SAMPLES: Mapping[str, Mapping[str, Any]] = {
    "ibm-native:iam:ServiceId": {"name": "puller", "description": "pulls"},
    POLICY: {"iamId": IAM_ID, "roles": ["Reader"], "region": "jp-tok", "namespace": "my-images"},
    KEY: {"name": "key", "iamId": IAM_ID, "expiresAt": "2030-01-31T00:00+0000"},
    NAMESPACE: {"name": "my-images", "region": "jp-tok"},
    ACCESS: {
        "registryHost": "jp.icr.io",
        "repository": "my-images/nginx",
        "digest": DIGEST,
        "apiKey": "the-key-that-is-secret",
        "policyId": "a policy",
    },
}


def of(token: str) -> Declaration:
    return next(life.declaration for life in lives() if life.declaration.token == token)


def value(found: Any) -> PropertyValue:
    if isinstance(found, list):
        return PropertyValue([value(each) for each in found])  # pyright: ignore[reportUnknownVariableType]  # any list
    if isinstance(found, dict):
        return PropertyValue({key: value(each) for key, each in found.items()})  # pyright: ignore[reportUnknownVariableType]  # any mapping
    return PropertyValue(float(found) if type(found) is int else found)


def wire(values: Mapping[str, Any]) -> Wire:
    return {name: value(each) for name, each in values.items()}


def complaints(token: str, **changes: Any) -> dict[str, str]:
    _, problems = check(of(token).inputs, wire({**SAMPLES[token], **changes}))
    return {each.path: f"{each.got} | {each.expected}" for each in problems}


@pytest.mark.parametrize("token", SAMPLES)
def test_good_inputs_pass_and_nothing_differs_from_itself(token: str) -> None:
    checked, problems = check(of(token).inputs, wire(SAMPLES[token]))
    assert problems == []
    assert not diff(of(token).inputs, checked, checked).changes


def test_all_bad_inputs_are_named_at_once_with_what_was_expected() -> None:
    found = complaints(KEY, name="", iamId="ServiceId-1", expiresAt="2030-02-30T00:00+0000", actionWhenLeaked="burn")
    assert set(found) == {"name", "iamId", "expiresAt", "actionWhenLeaked"}
    assert found["name"].startswith("nothing |")
    assert "iam-ServiceId-1" in found["iamId"]
    assert "a day and a time that exist" in found["expiresAt"]
    assert found["actionWhenLeaked"] == "'burn' | one of none, disable, delete"


def test_a_misspelt_input_is_named_with_the_right_ones() -> None:
    found = complaints(NAMESPACE, regoin="jp-tok")
    assert "region" in found["regoin"]


def test_the_engine_s_own_keys_are_left_alone() -> None:
    checked, problems = check(of(NAMESPACE).inputs, wire({**SAMPLES[NAMESPACE], "__defaults": []}))
    assert problems == []
    assert "__defaults" in checked


@pytest.mark.parametrize(
    ("given", "expected"),
    [(1.5, "true or false"), ("yes", "true or false"), ([], "true or false"), ({"a": "b"}, "true or false")],
)
def test_a_value_of_another_type_is_refused(given: Any, expected: str) -> None:
    assert expected in complaints(NAMESPACE, adopt=given)["adopt"]


def test_each_bad_role_is_named_by_its_place() -> None:
    found = complaints(POLICY, roles=["Reader", "リーダー"])
    assert set(found) == {"roles[1]"}
    assert "Reader, Writer, Manager" in found["roles[1]"]
    assert "at least one" in complaints(POLICY, roles=[])["roles"]


def test_a_former_region_name_is_answered_with_todays() -> None:
    assert "jp-tok" in complaints(NAMESPACE, region="ap-north")["region"]
    assert "eu-es" in complaints(NAMESPACE, region="mars")["region"]


@pytest.mark.parametrize("name", ["abc", "a" * 31, "-abcd", "abcd_", "Abcd", "ab.cd", "日本語日本語"])
def test_illegal_namespace_names_are_refused(name: str) -> None:
    assert "4 to 30 characters" in complaints(NAMESPACE, name=name)["name"]


@pytest.mark.parametrize("name", ["abcd", "a" * 30, "a--b", "a_b-1"])
def test_the_longest_and_the_shortest_legal_names_pass(name: str) -> None:
    assert complaints(NAMESPACE, name=name) == {}


def test_a_bad_secret_is_never_shown() -> None:
    checked, problems = check(of(ACCESS).inputs, wire({**SAMPLES[ACCESS], "apiKey": ["the-key-that-is-secret"]}))
    assert [each.path for each in problems] == ["apiKey"]
    assert "the-key" not in problems[0].failure(checked).reason
    assert checked["apiKey"].is_secret


def test_the_engine_is_told_which_value_to_print_unless_nobody_may_see_it() -> None:
    given = {"name": value("x"), "keys": value({"a": "b"}), "hidden": PropertyValue("s3cret", is_secret=True)}
    given["inside"] = PropertyValue({"a": PropertyValue("s3cret", is_secret=True)})
    paths = ("name", "keys.a", "hidden", "inside.a", "none")
    shown = {path: Problem(path, "it", "another").failure(given).property for path in paths}
    assert shown == {"name": "name", "keys.a": "keys", "hidden": "", "inside.a": "", "none": ""}
    assert Problem("keys.a", "it", "another").failure(given).reason == "keys.a: got it, expected another"


def test_defaults_are_filled_in_and_secrets_marked() -> None:
    checked, _ = check(of(ACCESS).inputs, wire(SAMPLES[ACCESS]))
    assert plain(checked["timeoutSeconds"]) == 30
    assert checked["apiKey"].is_secret
    assert not checked["registryHost"].is_secret


def test_unknown_inputs_pass_the_check_and_count_as_changed() -> None:
    unknown = {**SAMPLES[POLICY], "iamId": rpc.UNKNOWN, "roles": ["Reader", rpc.UNKNOWN]}
    checked, problems = check(of(POLICY).inputs, wire(unknown))
    assert problems == []
    found = diff(of(POLICY).inputs, wire(SAMPLES[POLICY]), checked)
    assert found.replaces == ["iamId"]
    assert {"iamId", "roles"} <= set(found.diffs)
    assert "iam_id" not in known(of(POLICY).inputs, checked)


@pytest.mark.parametrize("token", SAMPLES)
def test_each_input_changed_alone_gives_exactly_what_is_declared(token: str) -> None:
    declaration = of(token)
    before, _ = check(declaration.inputs, wire(SAMPLES[token]))
    others: Mapping[str, Any] = {"string": "another", "boolean": True, "integer": 7.0, "array": ["another"]}
    for each in declaration.inputs:
        after = {**before, each.wire: value(others[each.kind])}
        found = diff(declaration.inputs, before, after)
        assert found.diffs == ([] if each.prop.quiet else [each.wire])
        assert found.replaces == ([each.wire] if each.prop.replaces else [])
        if not each.prop.quiet:
            added = each.wire not in before
            kind = f"{'ADD' if added else 'UPDATE'}{'_REPLACE' if each.prop.replaces else ''}"
            assert found.detailed_diff[each.wire].kind is PropertyDiffKind[kind]


def test_an_input_that_is_taken_away_is_a_deletion() -> None:
    before, _ = check(of(KEY).inputs, wire(SAMPLES[KEY]))
    after = {name: each for name, each in before.items() if name != "expiresAt"}
    assert diff(of(KEY).inputs, before, after).detailed_diff["expiresAt"].kind is PropertyDiffKind.DELETE


def test_the_order_of_roles_means_nothing() -> None:
    before, after = (
        wire({**SAMPLES[POLICY], "roles": roles}) for roles in (["Reader", "Viewer"], ["Viewer", "Reader"])
    )
    assert not diff(of(POLICY).inputs, before, after).changes


def test_a_namespace_policy_needs_its_region_and_the_registry() -> None:
    life = next(life for life in lives() if life.declaration.token == POLICY)
    checked, _ = check(life.declaration.inputs, wire({"iamId": IAM_ID, "roles": ["Reader"], "namespace": "my-images"}))
    values = known(life.declaration.inputs, checked)
    assert [each.path for each in life.problems(frozenset(values), values)] == ["region"]
    checked, _ = check(life.declaration.inputs, wire({**SAMPLES[POLICY], "service": "kms"}))
    values = known(life.declaration.inputs, checked)
    assert [each.path for each in life.problems(frozenset(values), values)] == ["namespace"]


def test_regions_are_the_registry_s_for_the_registry_only() -> None:
    life = next(life for life in lives() if life.declaration.token == POLICY)

    def problems(**changes: Any) -> list[str]:
        checked, found = check(life.declaration.inputs, wire({"iamId": IAM_ID, "roles": ["Viewer"], **changes}))
        values = known(life.declaration.inputs, checked)
        return [each.path for each in [*found, *life.problems(frozenset(values), values)]]

    assert problems(region="us-east") == ["region"]
    assert problems(region="ap-north") == ["region"]
    assert problems(region="us-east", service="kms") == []
    assert problems(region=1.0, namespace=2.0) == ["region", "namespace"]


def test_the_provider_s_own_configuration_is_checked_as_a_whole() -> None:
    _, problems = check(PROPERTIES, wire({"region": "ap-north", "iamEndpoint": "iam.cloud.ibm.com", "apikey": "x"}))
    assert {each.path for each in problems} == {"region", "iamEndpoint", "apikey"}
