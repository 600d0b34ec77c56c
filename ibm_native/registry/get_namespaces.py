"""Function getNamespaces: the account's registry namespaces in one region."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from ibm_native.cloud.client import Cloud
from ibm_native.cloud.refusals import Job
from ibm_native.cloud.sdk import objects, text
from ibm_native.model import rules
from ibm_native.model.function import Function
from ibm_native.model.inputs import Args, In, Prop

_NEEDS = "the role Reader or Manager on container-registry"


class GetNamespacesArgs(Args):
    """Where to look."""

    region: In[str] = In("Region of the registry, such as jp-tok.", rule=rules.region)


@dataclass(frozen=True, kw_only=True)
class GetNamespacesResult:
    """The account's registry namespaces in one region."""

    names: Annotated[Sequence[str], Prop("Their names, sorted.")]


async def _answer(cloud: Cloud, given: GetNamespacesArgs) -> GetNamespacesResult:
    job = Job(f"list the registry namespaces in {given.region}", _NEEDS)
    reply = await cloud.registry(given.region, job, lambda api: api.list_namespace_details())
    return GetNamespacesResult(names=tuple(sorted(text(each, "name") for each in objects(reply.body))))


get_namespaces = Function("ibm-native:registry:getNamespaces", GetNamespacesArgs, GetNamespacesResult, _NEEDS, _answer)
