"""Resource groups by name or id: IAM and the registry take ids, people know names."""

from __future__ import annotations

from ibm_native.cloud.client import Cloud
from ibm_native.cloud.errors import ProviderError
from ibm_native.cloud.refusals import Job
from ibm_native.cloud.sdk import Json, objects, text
from ibm_native.model import rules

NEEDS = "the role Viewer on the resource group"


async def all_groups(cloud: Cloud, what: str) -> list[Json]:
    """Return the account's resource groups that the caller may see; asked for once a process."""
    account = await cloud.account(what)
    job = Job("list the resource groups", NEEDS)

    async def fetch() -> list[Json]:
        reply = await cloud.groups(job, lambda api: api.list_resource_groups(account_id=account))
        return objects(reply.fields.get("resources"))

    return await cloud.once("resource groups", fetch)


async def group_id(cloud: Cloud, what: str, wanted: str | None) -> str | None:
    """Return the id of a resource group given by name or id; raises ProviderError if none has the name."""
    if wanted is None or rules.is_resource_group_id(wanted):
        return wanted
    groups = await all_groups(cloud, what)
    found = next((text(each, "id") for each in groups if text(each, "name") == wanted), None)
    if found is None:
        names = ", ".join(sorted(text(each, "name") for each in groups)) or "none that this credential may see"
        raise ProviderError(what, f"the account has no resource group {wanted!r}", f"It has {names}.")
    return found


async def spelt_as(cloud: Cloud, what: str, actual: str | None, before: str | None) -> str | None:
    """Return the group with this id as the inputs spell it, or its id if they mean another one."""
    if not actual or not before or rules.is_resource_group_id(before):
        return actual
    groups = await all_groups(cloud, what)
    same = any(text(each, "id") == actual and text(each, "name") == before for each in groups)
    return before if same else actual
