"""Function getQuota: limits and usage of the account's registry in one region."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import pulumi

from ibm_native.cloud.client import Cloud
from ibm_native.cloud.refusals import Job
from ibm_native.cloud.sdk import mapping
from ibm_native.model import rules
from ibm_native.model.declare import Prop
from ibm_native.model.function import Answer, Function
from ibm_native.model.values import Values
from ibm_native.registry.quota import NEEDS


@dataclass(frozen=True, kw_only=True)
class GetQuotaArgs:
    """Where to look."""

    region: Annotated[pulumi.Input[str], Prop("Region of the registry, such as jp-tok.", rule=rules.region)]


@dataclass(frozen=True, kw_only=True)
class GetQuotaResult:
    """Limits and usage of the account's registry in one region, in bytes; a limit of -1 is none."""

    storage_limit_bytes: Annotated[int, Prop("Most that images may take.")]
    storage_used_bytes: Annotated[int, Prop("What images take.")]
    traffic_limit_bytes: Annotated[int, Prop("Most that pulls of a month may take.")]
    traffic_used_bytes: Annotated[int, Prop("What pulls took this month.")]


async def _answer(cloud: Cloud, given: Values) -> Answer:
    region = given.text("region")
    job = Job(f"read the registry's quota in {region}", NEEDS)
    reply = await cloud.registry(region, job, lambda api: api.get_quota())
    found: dict[str, int] = {}
    for kind in ("storage", "traffic"):
        for part, name in (("limit", "limit"), ("usage", "used")):
            value = mapping(reply.fields.get(part)).get(f"{kind}_bytes")
            found[f"{kind}_{name}_bytes"] = value if isinstance(value, int) else 0
    return found


get_quota = Function("ibm-native:registry:getQuota", GetQuotaArgs, GetQuotaResult, NEEDS, _answer)
