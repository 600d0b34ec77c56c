"""Function getResourceGroup: a resource group of the account, by name or the default one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from ibm_native.cloud.client import Cloud
from ibm_native.cloud.errors import ProviderError
from ibm_native.cloud.sdk import text
from ibm_native.model.function import Function
from ibm_native.model.inputs import Args, In, Prop
from ibm_native.resources.resource_groups import NEEDS, all_groups


class GetResourceGroupArgs(Args):
    """Which resource group."""

    name: In[str | None] = In("Name; the account's default group, if absent.", default=None)


@dataclass(frozen=True, kw_only=True)
class GetResourceGroupResult:
    """A resource group of the account."""

    id: Annotated[str, Prop("Id, 32 hexadecimal digits.")]
    name: Annotated[str, Prop("Name.")]
    crn: Annotated[str, Prop("Cloud resource name.")]


async def _answer(cloud: Cloud, given: GetResourceGroupArgs) -> GetResourceGroupResult:
    name = given.name
    what = f"look up resource group {name!r}" if name else "look up the default resource group"
    groups = await all_groups(cloud, what)
    found = next((one for one in groups if (text(one, "name") == name if name else one.get("default") is True)), None)
    if found is None:
        names = ", ".join(sorted(text(each, "name") for each in groups)) or "none that this credential may see"
        raise ProviderError(what, "the account has no such group", f"It has {names}.")
    return GetResourceGroupResult(id=text(found, "id"), name=text(found, "name"), crn=text(found, "crn"))


get_resource_group = Function(
    "ibm-native:resources:getResourceGroup", GetResourceGroupArgs, GetResourceGroupResult, NEEDS, _answer
)
