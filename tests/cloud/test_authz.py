"""Policy evaluation, apart from HTTP: the expected answers are written out by hand from IBM's tables."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.cloud.iam import roles
from sandbox.cloud.iam.authz import Condition, Grant, allowing, platform_target, registry_target
from tests.cloud.clients import role

pytestmark = [pytest.mark.cloud, pytest.mark.verified]

ACCOUNT = "a" * 32


def grant(name: str, kind: str = "serviceRole", **attributes: str) -> Grant:
    conditions = tuple(Condition(key, "stringEquals", (value,)) for key, value in attributes.items())
    return Grant("policy", (role(name, kind),), conditions)


def kind_of(name: str) -> str:
    return "role" if name in roles.PLATFORM_ROLES else "serviceRole"


NAMESPACE = registry_target(ACCOUNT, "jp-tok", "mine", "group-1")
ON_ACCOUNT = registry_target(ACCOUNT, "jp-tok")
GLOBAL = registry_target(ACCOUNT, "global", "mine", "group-1")

SCOPES: list[tuple[dict[str, str], dict[str, str], bool]] = [
    ({}, NAMESPACE, True),
    ({"region": "jp-tok"}, NAMESPACE, True),
    ({"region": "us-south"}, NAMESPACE, False),
    ({"region": "jp-tok"}, GLOBAL, False),
    ({"geography": "global"}, GLOBAL, True),
    ({"geography": "global"}, NAMESPACE, False),
    ({"resourceType": "namespace", "resource": "mine"}, NAMESPACE, True),
    ({"resourceType": "namespace", "resource": "other"}, NAMESPACE, False),
    ({"resourceType": "namespace"}, NAMESPACE, True),
    ({"resourceType": "namespace", "resource": "mine"}, ON_ACCOUNT, False),
    ({"resourceGroupId": "group-1"}, NAMESPACE, True),
    ({"resourceGroupId": "group-2"}, NAMESPACE, False),
    ({"resourceGroupId": "group-1"}, ON_ACCOUNT, False),
    ({"accountId": "b" * 32}, NAMESPACE, False),
    ({"serviceName": "cloud-object-storage"}, NAMESPACE, False),
    ({"serviceType": "service"}, NAMESPACE, True),
    ({"serviceType": "platform_service"}, NAMESPACE, False),
    ({"satellite": "x"}, NAMESPACE, False),
]


@pytest.mark.parametrize(("attributes", "target", "expected"), SCOPES)
def test_a_policy_covers_what_all_its_attributes_match(
    attributes: dict[str, str], target: dict[str, str], *, expected: bool
) -> None:
    given = [grant("Manager", **({"accountId": ACCOUNT} | attributes))]
    assert (allowing(given, "container-registry.image.pull", target) is not None) == expected


@pytest.mark.parametrize(
    ("operator", "values", "value", "expected"),
    [
        ("stringEquals", ("team-a",), "team-a", True),
        ("stringEquals", ("team-*",), "team-a", False),
        ("stringMatch", ("team-*",), "team-a", True),
        ("stringMatch", ("team-?",), "team-a", True),
        ("stringMatch", ("team-?",), "team-ab", False),
        ("stringMatch", ("team.*",), "team-a", False),
        ("stringEqualsAnyOf", ("team-a", "team-b"), "team-b", True),
        ("stringEqualsAnyOf", ("team-a", "team-b"), "team-c", False),
        ("stringMatchAnyOf", ("x*", "team-*"), "team-b", True),
        ("stringExists", ("true",), "anything", True),
        ("stringExists", ("true",), None, False),
        ("stringExists", ("false",), None, True),
        ("stringEquals", ("team-a",), None, False),
    ],
)
def test_operators_compare_as_ibm_says(
    operator: str, values: tuple[str, ...], value: str | None, *, expected: bool
) -> None:
    assert Condition("resource", operator, values).holds(value) == expected


def test_nothing_is_allowed_without_a_policy_and_policies_add_up() -> None:
    assert allowing([], "container-registry.image.pull", NAMESPACE) is None
    given = [grant("Reader", accountId=ACCOUNT), grant("Writer", accountId=ACCOUNT)]
    for action in ("image.list", "image.push"):
        assert allowing(given, f"container-registry.{action}", NAMESPACE) is not None


@pytest.mark.sandbox_only
@pytest.mark.parametrize("service", ["iam", "container-registry"])
def test_both_forms_of_a_service_roles_crn_are_one_role(service: str) -> None:
    crn = f"crn:v1:bluemix:public:{service}::::serviceRole:Reader"
    assert "container-registry.image.pull" in roles.actions(crn, "container-registry")


@pytest.mark.sandbox_only
@pytest.mark.parametrize(
    "crn",
    [
        "crn:v1:bluemix:public:iam::::role:Reader",
        "crn:v1:bluemix:public:iam::::serviceRole:Viewer",
        "crn:v1:bluemix:public:container-registry::::role:Viewer",
        "crn:v1:bluemix:public:iam::::serviceRole:reader",
        "Reader",
        "",
    ],
)
def test_what_is_no_role_carries_nothing(crn: str) -> None:
    assert roles.parse(crn) is None
    assert roles.actions(crn, "container-registry") == frozenset()


IDENTITY: dict[str, str] = {
    "serviceid.get": "Viewer Editor Operator Administrator",
    "serviceid.create": "Operator Administrator",
    "serviceid.update": "Editor Operator Administrator",
    "serviceid.delete": "Operator Administrator",
    "apikey.get": "Editor Operator Administrator",
    "apikey.list": "Editor Operator Administrator",
    "apikey.create": "Operator Administrator",
    "apikey.update": "Editor Operator Administrator",
    "apikey.delete": "Operator Administrator",
    "apikey.manage": "Administrator",
}


@pytest.mark.parametrize("action", sorted(IDENTITY))
def test_platform_roles_carry_the_actions_on_identities(action: str) -> None:
    target: dict[str, Any] = platform_target(ACCOUNT, "iam-identity")
    carriers = {
        name
        for name in (*roles.PLATFORM_ROLES, *roles.SERVICE_ROLES)
        if allowing([grant(name, kind_of(name), accountId=ACCOUNT)], f"iam-identity.{action}", target)
    }
    assert carriers == set(IDENTITY[action].split())
