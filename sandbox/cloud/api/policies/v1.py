"""Policies as /v1/policies writes them: read into the v2 form that the store keeps, and shown from it. Pure."""

from __future__ import annotations

import msgspec

from sandbox.cloud.errors.base import MalformedError
from sandbox.cloud.iam import roles
from sandbox.cloud.iam.policy_body import (
    SINGLE,
    Attribute,
    Control,
    GrantBody,
    PolicyBody,
    Resource,
    RoleReference,
    Subject,
)

UNSUPPORTED_ROLE = "crn:v1:bluemix:public:iam::::role:UnsupportedVersion"
UNSUPPORTED_SUBJECT = "unsupported version"
"""What /v1/policies shows of a policy that was made with v2."""


class V1Attribute(msgspec.Struct):
    """One attribute of a subject or a resource."""

    name: str
    value: str
    operator: str = "stringEquals"


class V1Part(msgspec.Struct):
    """A subject or a resource."""

    attributes: list[V1Attribute]
    tags: list[V1Attribute] = []


class V1Body(msgspec.Struct):
    """A policy as the caller sends it."""

    type: str
    subjects: list[V1Part]
    roles: list[RoleReference]
    resources: list[V1Part]
    description: str | None = None

    def policy(self) -> PolicyBody:
        """Return the same policy in the v2 form.

        Raises:
            MalformedError: it hasn't exactly one subject and one resource, or an operator is not one of v1.

        """
        if len(self.subjects) != 1 or len(self.resources) != 1:
            raise MalformedError("subjects and resources must hold exactly one item each")
        return PolicyBody(
            type=self.type,
            control=Control(GrantBody(self.roles)),
            subject=Subject([_v2(attribute) for attribute in self.subjects[0].attributes]),
            resource=Resource(
                [_v2(attribute) for attribute in self.resources[0].attributes],
                [_v2(tag) for tag in self.resources[0].tags],
            ),
            description=self.description,
        )


def shown_v1(body: PolicyBody, language: str) -> dict[str, object]:
    """Write a policy that was made with v1; roles get their names in the caller's language."""
    shown: dict[str, object] = {
        "type": body.type,
        "subjects": [{"attributes": [{"name": a.key, "value": a.value} for a in body.subject.attributes]}],
        "roles": [_role(role.role_id, language) for role in body.control.grant.roles],
        "resources": [
            {
                "attributes": _v1(body.resource.attributes),
                **({"tags": _v1(body.resource.tags)} if body.resource.tags else {}),
            }
        ],
    }
    return shown if body.description is None else {**shown, "description": body.description}


def placeholder(body: PolicyBody) -> dict[str, object]:
    """Write a policy that was made with v2, of which v1 shows no more than that it is there."""
    account = {"name": "accountId", "value": body.target().get("accountId", ""), "operator": "stringEquals"}
    return {
        "type": body.type,
        "subjects": [{"attributes": [{"name": "iam_id", "value": UNSUPPORTED_SUBJECT}]}],
        "roles": [{"role_id": UNSUPPORTED_ROLE}],
        "resources": [{"attributes": [account]}],
    }


def _v1(attributes: list[Attribute]) -> list[dict[str, object]]:
    return [{"name": a.key, "value": a.value, "operator": a.operator} for a in attributes]


def _v2(attribute: V1Attribute) -> Attribute:
    if attribute.operator not in SINGLE:
        raise MalformedError(f"the operator of {attribute.name} must be one of {', '.join(SINGLE)}")
    return Attribute(attribute.name, attribute.operator, attribute.value)


def _role(crn: str, language: str) -> dict[str, object]:
    name = roles.parse(crn)
    if name is None:
        return {"role_id": crn}
    described = roles.describe(name, roles.ANY_SERVICE, language)
    return {"role_id": crn, "display_name": described["display_name"], "description": described["description"]}
