"""The limits of a region's registry: how much may be stored, and pulled in a month."""

from __future__ import annotations

from typing import Annotated, cast

import pulumi

from ibm_native.cloud.refusals import Job
from ibm_native.cloud.sdk import Json, mapping
from ibm_native.model import rules
from ibm_native.model.declare import resource
from ibm_native.model.derive import Problem
from ibm_native.model.inputs import Args, In, Known, Prop
from ibm_native.model.lifecycle import Call
from ibm_native.registry.account_setting import Setting, SettingLife

NEEDS = "the role Manager on container-registry for the whole account (Reader is enough to read)"
UNLIMITED = -1
_MEGABYTE = 1 << 20
"""What IBM calls a megabyte: 500 of them are 524288000 bytes."""


class QuotaArgs(Args):
    """Inputs of a registry's quota."""

    region: In[str] = In("Region of the registry, such as jp-tok.", replaces=True, rule=rules.region)
    storage_megabytes: In[int | None] = In(
        "Most that images may take, in MiB; -1 is no limit. Left as it is, if absent.",
        rule=rules.megabytes,
        default=None,
    )
    traffic_megabytes: In[int | None] = In(
        "Most that pulls of a month may take, in MiB; -1 is no limit. Left as it is, if absent.",
        rule=rules.megabytes,
        default=None,
    )


class Quota(
    resource(QuotaArgs),
    token="ibm-native:registry:Quota",
    import_id="`region`, such as `jp-tok`",
    refresh="the limits that are given are compared; a limit that isn't, and what is used, are left alone",
    needs=NEEDS,
):
    """The limits of the account's registry in one region. On delete the limits from before are set again.

    The Free plan's limits can be lowered, not raised.
    """

    region: pulumi.Output[str]
    storage_megabytes: pulumi.Output[int | None]
    traffic_megabytes: pulumi.Output[int | None]
    previous_storage_megabytes: Annotated[pulumi.Output[int | None], Prop("Storage limit that was there before, MiB.")]
    previous_traffic_megabytes: Annotated[pulumi.Output[int | None], Prop("Traffic limit that was there before, MiB.")]


class QuotaLife(SettingLife[QuotaArgs]):
    """A quota's id is its region."""

    declaration = Quota.declaration
    kind = "quota"
    parts = ("storage_megabytes", "traffic_megabytes")

    def problems(self, given: frozenset[str], inputs: Known) -> list[Problem]:
        """Refuse a quota that limits nothing."""
        del inputs
        nothing = "storage_megabytes" not in given and "traffic_megabytes" not in given
        return [Problem("storageMegabytes", "nothing", "a limit here, or trafficMegabytes")] if nothing else []

    async def get(self, call: Call, resource_id: str) -> Setting:
        """Return the limits in MiB."""
        job = Job(f"read the registry's quota in {resource_id}", NEEDS)
        reply = await call.cloud.registry(resource_id, job, lambda api: api.get_quota())
        limit = mapping(reply.fields.get("limit"))
        return {part: _megabytes(limit, part) for part in self.parts}

    async def put(self, call: Call, resource_id: str, wanted: Setting) -> None:
        """Set the limits that are named."""
        storage, traffic = (cast("int | None", wanted.get(part)) for part in self.parts)
        job = Job(f"set the registry's quota in {resource_id}", NEEDS)
        await call.cloud.registry(
            resource_id, job, lambda api: api.update_quota(storage_megabytes=storage, traffic_megabytes=traffic)
        )


def _megabytes(limit: Json, part: str) -> int:
    found = limit.get(part.replace("_megabytes", "_bytes"))
    return found // _MEGABYTE if isinstance(found, int) and found >= 0 else UNLIMITED
