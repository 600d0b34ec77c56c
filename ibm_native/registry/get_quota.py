"""Function getQuota: limits and usage of the account's registry in one region."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from ibm_native.cloud.client import Cloud
from ibm_native.cloud.refusals import Job
from ibm_native.cloud.sdk import mapping
from ibm_native.model import rules
from ibm_native.model.function import Function
from ibm_native.model.inputs import Args, In, Prop
from ibm_native.registry.quota import NEEDS


class GetQuotaArgs(Args):
    """Where to look."""

    region: In[str] = In("Region of the registry, such as jp-tok.", rule=rules.region)


@dataclass(frozen=True, kw_only=True)
class GetQuotaResult:
    """Limits and usage of the account's registry in one region, in bytes; a limit of -1 is none."""

    storage_limit_bytes: Annotated[int, Prop("Most that images may take.")]
    storage_used_bytes: Annotated[int, Prop("What images take.")]
    traffic_limit_bytes: Annotated[int, Prop("Most that pulls of a month may take.")]
    traffic_used_bytes: Annotated[int, Prop("What pulls took this month.")]


async def _answer(cloud: Cloud, given: GetQuotaArgs) -> GetQuotaResult:
    region = given.region
    job = Job(f"read the registry's quota in {region}", NEEDS)
    reply = await cloud.registry(region, job, lambda api: api.get_quota())

    def in_bytes(part: str, kind: str) -> int:
        value = mapping(reply.fields.get(part)).get(f"{kind}_bytes")
        return value if isinstance(value, int) else 0

    return GetQuotaResult(
        storage_limit_bytes=in_bytes("limit", "storage"),
        storage_used_bytes=in_bytes("usage", "storage"),
        traffic_limit_bytes=in_bytes("limit", "traffic"),
        traffic_used_bytes=in_bytes("usage", "traffic"),
    )


get_quota = Function("ibm-native:registry:getQuota", GetQuotaArgs, GetQuotaResult, NEEDS, _answer)
