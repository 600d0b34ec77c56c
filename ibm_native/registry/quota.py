"""The limits of a region's registry: how much may be stored, and pulled in a month."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, cast

import pulumi

from ibm_native.cloud.refusals import Job
from ibm_native.cloud.sdk import Json, mapping
from ibm_native.model import rules
from ibm_native.model.declare import Plain, Prop, Resource
from ibm_native.model.derive import Problem
from ibm_native.model.lifecycle import Call
from ibm_native.model.rules import region_of_id
from ibm_native.model.values import Values
from ibm_native.registry.account_setting import Setting, SettingLife

NEEDS = "the role Manager on container-registry for the whole account (Reader is enough to read)"
UNLIMITED = -1
_MEGABYTE = 1 << 20
"""What IBM calls a megabyte: 500 of them are 524288000 bytes."""


@dataclass(frozen=True, kw_only=True)
class QuotaArgs:
    """Inputs of a registry's quota."""

    region: Annotated[
        pulumi.Input[str], Prop("Region of the registry, such as jp-tok.", replaces=True, rule=rules.region)
    ]
    storage_megabytes: Annotated[
        pulumi.Input[int] | None,
        Prop("Most that images may take, in MiB; -1 is no limit. Left as it is, if absent.", rule=rules.megabytes),
    ] = None
    traffic_megabytes: Annotated[
        pulumi.Input[int] | None,
        Prop(
            "Most that pulls of a month may take, in MiB; -1 is no limit. Left as it is, if absent.",
            rule=rules.megabytes,
        ),
    ] = None


class Quota(
    Resource,
    token="ibm-native:registry:Quota",
    args=QuotaArgs,
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

    def __init__(self, name: str, args: QuotaArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args, opts)


class QuotaLife(SettingLife):
    """A quota's id is its region."""

    declaration = Quota.declaration
    parts = ("storage_megabytes", "traffic_megabytes")

    def problems(self, given: frozenset[str], inputs: Values) -> list[Problem]:
        """Refuse a quota that limits nothing."""
        del inputs
        nothing = "storage_megabytes" not in given and "traffic_megabytes" not in given
        return [Problem("storageMegabytes", "nothing", "a limit here, or trafficMegabytes")] if nothing else []

    def natural_id(self, inputs: Values) -> str | None:
        """Return the region."""
        return inputs.maybe_text("region")

    def place(self, resource_id: str) -> Mapping[str, Plain]:
        """Return the region."""
        return {"region": region_of_id(resource_id, "registry quota", "region")}

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
