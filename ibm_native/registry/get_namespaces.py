"""Function getNamespaces: the account's registry namespaces in one region."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import pulumi

from ibm_native.cloud.client import Cloud
from ibm_native.cloud.refusals import Job
from ibm_native.cloud.sdk import objects, text
from ibm_native.model import rules
from ibm_native.model.declare import Prop
from ibm_native.model.function import Answer, Function
from ibm_native.model.values import Values

_NEEDS = "the role Reader or Manager on container-registry"


@dataclass(frozen=True, kw_only=True)
class GetNamespacesArgs:
    """Where to look."""

    region: Annotated[pulumi.Input[str], Prop("Region of the registry, such as jp-tok.", rule=rules.region)]


@dataclass(frozen=True, kw_only=True)
class GetNamespacesResult:
    """The account's registry namespaces in one region."""

    names: Annotated[Sequence[str], Prop("Their names, sorted.")]


async def _answer(cloud: Cloud, given: Values) -> Answer:
    job = Job(f"list the registry namespaces in {given.text('region')}", _NEEDS)
    reply = await cloud.registry(given.text("region"), job, lambda api: api.list_namespace_details())
    return {"names": tuple(sorted(text(each, "name") for each in objects(reply.body)))}


get_namespaces = Function("ibm-native:registry:getNamespaces", GetNamespacesArgs, GetNamespacesResult, _NEEDS, _answer)
