"""Access policies (v2) between the resource's inputs and IAM's JSON. Pure.

A registry policy is limited by attributes (IBM's docs, "Managing IAM access for Container Registry"): `region`, or for
icr.io itself the geography `global`; a namespace as `resourceType` and `resource`; `resourceGroupId`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ibm_native.cloud.sdk import Json, mapping, objects, text
from ibm_native.model.inputs import Outputs
from ibm_native.model.rules import PLATFORM_ROLES, SERVICE_ROLES

_KNOWN = {"accountId", "serviceName", "region", "geography", "resourceType", "resource", "resourceGroupId"}


def attributes(account: str, service: str, region: str | None, namespace: str | None, group: str | None) -> list[Json]:
    """Return what the policy gives access to; `group` is the id of its resource group."""
    wanted = {
        "accountId": account,
        "serviceName": service,
        "region": region if region != "global" else None,
        "geography": "global" if region == "global" else None,
        "resourceType": "namespace" if namespace else None,
        "resource": namespace,
        "resourceGroupId": group,
    }
    return [{"key": key, "operator": "stringEquals", "value": value} for key, value in wanted.items() if value]


def subject(iam_id: str) -> Json:
    """Return who gets access."""
    return {"attributes": [{"key": "iam_id", "operator": "stringEquals", "value": iam_id}]}


def control(role_crns: Sequence[str]) -> Json:
    """Return the roles that are granted."""
    return {"grant": {"roles": [{"role_id": crn} for crn in role_crns]}}


def role_crns(policy: Json) -> list[str]:
    """Return the CRNs of the roles that a policy grants."""
    return [
        text(each, "role_id") for each in objects(mapping(mapping(policy.get("control")).get("grant")).get("roles"))
    ]


def names_role(role: str, crn: str) -> bool:
    """Tell whether `role`, a name or a CRN, means the role of this CRN.

    A name is the CRN's last part, and its kind tells a service's roles from the platform's and the account's own:
    display names are translated, and the prefix is `iam` for some services' roles and the service's name for others.
    """
    *_, kind, last = ["", "", *crn.split(":")]
    if role in SERVICE_ROLES:
        return kind == "serviceRole" and last == role
    if role in PLATFORM_ROLES:
        return kind == "role" and last == role
    return role == crn or (kind == "customRole" and last == role)


def find_role(role: str, crns: Iterable[str]) -> str | None:
    """Return the CRN that `role` means among those of a service."""
    return role if role.startswith("crn:") else next((crn for crn in crns if names_role(role, crn)), None)


def actual_inputs(policy: Json, roles: Sequence[str]) -> Outputs:
    """Return the inputs that `policy` would be made with; roles stay spelt as `roles`, if they are the same.

    What the resource can't express (somebody added it by hand) shows in `service`, so that the next update removes it.
    """
    found = {
        text(each, "key"): text(each, "value") for each in objects(mapping(policy.get("resource")).get("attributes"))
    }
    subjects = objects(mapping(policy.get("subject")).get("attributes"))
    return {
        "iam_id": next((text(each, "value") for each in subjects if text(each, "key") == "iam_id"), None),
        "roles": _spelt_as(role_crns(policy), roles),
        "region": "global" if found.get("geography") == "global" else found.get("region"),
        "namespace": found.get("resource"),
        "resource_group": found.get("resourceGroupId"),
        "service": found.get("serviceName", "") + "".join(f" and {extra}" for extra in extras(policy)),
    }


def extras(policy: Json) -> list[str]:
    """Return what limits a policy beyond what the resource can express, for a person."""
    found = objects(mapping(policy.get("resource")).get("attributes"))
    plain = {text(each, "key") for each in found if text(each, "operator") == "stringEquals"}
    odd = [
        f"{text(each, 'key')} {text(each, 'operator')} {each.get('value')}"
        for each in found
        if text(each, "key") not in _KNOWN & plain
    ]
    tags = [
        f"tag {text(each, 'key')} {text(each, 'operator')} {each.get('value')}"
        for each in objects(mapping(policy.get("resource")).get("tags"))
    ]
    return odd + tags + (["a condition"] if policy.get("rule") else [])


def same_roles(roles: Sequence[str], others: Sequence[str]) -> bool:
    """Tell whether two lists of roles, each by name or CRN, mean the same ones."""
    return all(
        any(names_role(role, other) or names_role(other, role) or role == other for other in there)
        for here, there in ((roles, others), (others, roles))
        for role in here
    )


def _spelt_as(crns: Sequence[str], before: Sequence[str]) -> tuple[str, ...]:
    return tuple(before) if same_roles(crns, before) else tuple(_spelt(crn) for crn in crns)


def _spelt(crn: str) -> str:
    names = (*SERVICE_ROLES, *PLATFORM_ROLES, crn.rpartition(":")[2])
    return next((name for name in names if names_role(name, crn)), crn)
