"""Roles by name: IAM takes CRNs, and translates display names, so a name is looked up by the last part of the CRN."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ibm_native.cloud.client import Cloud
from ibm_native.cloud.errors import ProviderError
from ibm_native.cloud.refusals import Job
from ibm_native.cloud.sdk import objects, text
from ibm_native.iam import policy_shape

NEEDS = "the role Viewer on the service that the roles are for"


async def role_crns(cloud: Cloud, what: str, account: str, service: str, roles: Sequence[str]) -> list[str]:
    """Return the CRNs of roles, sorted; asks IAM only if one is given by name. An unknown one raises ProviderError."""
    known: list[str] = []
    if not all(role.startswith("crn:") for role in roles):
        known = [crn for crns in (await roles_of(cloud, account, service)).values() for crn in crns]
    found = {role: policy_shape.find_role(role, known) for role in roles}
    missing = [role for role, crn in found.items() if crn is None]
    if missing:
        raise ProviderError(
            what,
            f"{service} has no role {', '.join(missing)}",
            f"It has {', '.join(known) or 'none that this credential may see'}.",
        )
    return sorted({crn for crn in found.values() if crn})


async def roles_of(cloud: Cloud, account: str, service: str) -> Mapping[str, list[str]]:
    """Return the CRNs of a service's roles by kind: `service_roles`, `system_roles`, `custom_roles`; asked once."""
    job = Job(f"look up the roles of {service}", NEEDS)

    async def fetch() -> Mapping[str, list[str]]:
        reply = await cloud.policies(job, lambda api: api.list_roles(account_id=account, service_name=service))
        kinds = ("service_roles", "system_roles", "custom_roles")
        return {kind: [text(each, "crn") for each in objects(reply.fields.get(kind))] for kind in kinds}

    return await cloud.once(f"roles of {service}", fetch)
