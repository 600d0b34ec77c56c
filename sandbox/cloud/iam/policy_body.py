"""The body of a v2 policy: its shape, and the rules that IBM's docs and the SDK's text give for it. Pure."""

from __future__ import annotations

import json
from collections.abc import Container
from typing import Self, cast

import msgspec

from sandbox.cloud.core import limits, regions, unverified
from sandbox.cloud.errors.base import MalformedError, NotImplementedYetError
from sandbox.cloud.iam import roles
from sandbox.cloud.iam.access_groups import PREFIX
from sandbox.cloud.iam.policy_rule import compile_rule

SINGLE = ("stringEquals", "stringMatch")
SEVERAL = ("stringEqualsAnyOf", "stringMatchAnyOf")
EXISTS = "stringExists"

ACCESS, AUTHORIZATION = "access", "authorization"
SERVICE_KEYS = ("serviceName", "serviceType", "resourceGroupId", "service_group_id")


class Attribute(msgspec.Struct):
    """One attribute of a subject or a resource."""

    key: str
    operator: str
    value: str | bool | list[str]

    def values(self) -> tuple[str, ...]:
        """Return the value, or the several of them, as text."""
        if isinstance(self.value, list):
            return tuple(self.value)
        return (str(self.value).lower() if isinstance(self.value, bool) else self.value,)


class Subject(msgspec.Struct):
    """For whom a policy is."""

    attributes: list[Attribute]


class Resource(msgspec.Struct):
    """What a policy is about."""

    attributes: list[Attribute]
    tags: list[Attribute] = []
    """Access tags that the resource must carry. Nothing here carries any, so a policy with tags covers nothing."""


class RoleReference(msgspec.Struct):
    """A role, by CRN."""

    role_id: str


class GrantBody(msgspec.Struct):
    """The roles that a policy grants."""

    roles: list[RoleReference]


class Control(msgspec.Struct):
    """What a policy does: it grants."""

    grant: GrantBody


class PolicyBody(msgspec.Struct):
    """A policy as the caller sends it."""

    type: str
    control: Control
    subject: Subject
    resource: Resource
    description: str | None = None
    pattern: str | None = None
    rule: dict[str, object] | None = None

    @classmethod
    def access(cls, iam_id: str, role_crn: str, resource: dict[str, str]) -> Self:
        """Make the policy that gives a subject one role on the resource with these attributes."""
        attributes = [Attribute(key, "stringEquals", value) for key, value in resource.items()]
        return cls(
            type="access",
            control=Control(GrantBody([RoleReference(role_crn)])),
            subject=Subject([Attribute("iam_id", "stringEquals", iam_id)]),
            resource=Resource(attributes),
        )

    @classmethod
    def of(cls, document: dict[str, object]) -> Self:
        """Read a policy that the store keeps."""
        return msgspec.convert(document, cls)

    def document(self) -> dict[str, object]:
        """Return the policy as the store keeps it and answers show it."""
        shown: dict[str, object] = msgspec.to_builtins(self)
        if not self.resource.tags:
            del _mapping(shown["resource"])["tags"]
        return {key: value for key, value in shown.items() if value is not None}

    @property
    def subject_id(self) -> str:
        """The identity or access group that the policy is for; empty if it is for a service."""
        if self.type == AUTHORIZATION:
            return ""
        return next(value for attribute in self.subject.attributes for value in attribute.values())

    @property
    def is_for_group(self) -> bool:
        """Whether the subject is an access group."""
        return [attribute.key for attribute in self.subject.attributes] == ["access_group_id"]

    def target(self) -> dict[str, str]:
        """Return the resource that the policy is about, as far as its attributes name one value each."""
        named = {a.key: a.value for a in self.resource.attributes if a.operator in SINGLE and isinstance(a.value, str)}
        service = named.get("serviceName")
        if service is not None:
            named.setdefault("serviceType", "platform_service" if service in roles.PLATFORM_SERVICES else "service")
        return named

    def meaning(self) -> str:
        """Return subject, roles and resource in one order: equal for two policies that grant the same."""
        rule: list[object] = [self.pattern, self.rule] if self.rule else []
        if self.resource.tags:
            rule.append(_in_order(self.resource.tags))
        subject = _in_order(self.subject.attributes) if self.type == AUTHORIZATION else self.subject_id
        names = sorted({role.role_id for role in self.control.grant.roles})
        return json.dumps([subject, names, _in_order(self.resource.attributes), *rule], sort_keys=True)

    def check(self, account_id: str, custom_roles: Container[str] = ()) -> None:
        """Apply the rules that need no store; `custom_roles` are the CRNs of the account's own roles.

        Raises:
            MalformedError: a rule is broken; the text says which.
            NotImplementedYetError: a role belongs to a service that the stand-in lacks.

        """
        if self.type not in (ACCESS, AUTHORIZATION):
            raise MalformedError(f"type must be 'access' or 'authorization', not '{self.type}'")
        compile_rule(self.pattern, self.rule)
        for tag in self.resource.tags:
            if tag.operator not in SINGLE:
                raise MalformedError(f"the operator of the tag {tag.key} must be one of {', '.join(SINGLE)}")
            _check_value(tag)
        self._check_subject()
        self._check_roles(custom_roles)
        self._check_resource(account_id)

    def _check_subject(self) -> None:
        keys = [attribute.key for attribute in self.subject.attributes]
        for attribute in self.subject.attributes:
            _check_value(attribute)
        if self.type == AUTHORIZATION:
            if "serviceName" not in keys or len(set(keys)) != len(keys):
                raise MalformedError("the subject of an authorization must name each key once, serviceName among them")
            return
        if keys not in (["iam_id"], ["access_group_id"]):
            raise MalformedError("subject.attributes must hold exactly one iam_id or access_group_id")
        if self.subject.attributes[0].operator != "stringEquals":
            raise MalformedError("the operator of a subject's attribute must be stringEquals")
        if self.is_for_group and not self.subject_id.startswith(PREFIX):
            raise MalformedError(f"there is no access group '{self.subject_id}': its id would begin with {PREFIX}")

    def _check_roles(self, custom_roles: Container[str]) -> None:
        if not self.control.grant.roles:
            raise MalformedError("control.grant.roles must name at least one role")
        for role in self.control.grant.roles:
            if roles.parse(role.role_id) is None and role.role_id not in custom_roles:
                if roles.is_elsewhere(role.role_id):
                    raise NotImplementedYetError(f"the role '{role.role_id}'")
                raise MalformedError(f"control.grant.roles: there is no role '{role.role_id}'")

    def _check_resource(self, account_id: str) -> None:
        keys = [attribute.key for attribute in self.resource.attributes]
        if len(set(keys)) != len(keys):
            raise MalformedError("resource.attributes names one key twice")
        for attribute in self.resource.attributes:
            _check_value(attribute)
        if self.target().get("accountId") != account_id:
            raise MalformedError("resource.attributes must hold the accountId of the caller's account")
        if not any(key in keys for key in SERVICE_KEYS) and not self._is_about_a_group():
            raise MalformedError(f"resource.attributes must hold at least one of {', '.join(SERVICE_KEYS)}")
        _check_registry(self.target(), keys)

    def _is_about_a_group(self) -> bool:
        about_a_group = self.target().get("resourceType") == "resource-group"
        return about_a_group and unverified.RESOURCE_GROUP_POLICY_NEEDS_NO_SERVICE


def _in_order(attributes: list[Attribute]) -> list[tuple[str, str, list[str]]]:
    return sorted((a.key, a.operator, sorted(a.values())) for a in attributes)


def _check_value(attribute: Attribute) -> None:
    if attribute.operator not in (*SINGLE, *SEVERAL, EXISTS):
        raise MalformedError(f"the operator of {attribute.key} is unknown: '{attribute.operator}'")
    fits = {
        EXISTS: isinstance(attribute.value, bool),
        **dict.fromkeys(SINGLE, isinstance(attribute.value, str)),
        **dict.fromkeys(SEVERAL, isinstance(attribute.value, list)),
    }
    if not fits[attribute.operator]:
        raise MalformedError(f"the value of {attribute.key} doesn't fit its operator {attribute.operator}")
    for value in attribute.values():
        if not 1 <= len(value) <= limits.ATTRIBUTE_LENGTH:
            raise MalformedError(f"the value of {attribute.key} must have 1 to {limits.ATTRIBUTE_LENGTH} characters")
        if (
            attribute.key == "region"
            and attribute.operator.startswith("stringEquals")
            and not regions.is_location(value)
        ):
            raise MalformedError(f"the region '{value}' is not in the catalog of locations")


def _check_registry(target: dict[str, str], keys: list[str]) -> None:
    if target.get("serviceName") == roles.REGISTRY and "serviceInstance" in keys:
        raise MalformedError(f"{roles.REGISTRY} does not support the attribute serviceInstance")


def _mapping(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise TypeError(value)
    return cast("dict[str, object]", value)
