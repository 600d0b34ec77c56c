"""The pricing plan of a region's registry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import pulumi

from ibm_native.cloud.refusals import Job
from ibm_native.cloud.sdk import text
from ibm_native.model import rules
from ibm_native.model.declare import Plain, Prop, Resource
from ibm_native.model.lifecycle import Call
from ibm_native.model.rules import region_of_id
from ibm_native.model.values import Values
from ibm_native.registry.account_setting import Setting, SettingLife

_NEEDS = "the role Manager on container-registry for the whole account"


@dataclass(frozen=True, kw_only=True)
class PlanArgs:
    """Inputs of a registry's plan."""

    region: Annotated[
        pulumi.Input[str], Prop("Region of the registry, such as jp-tok.", replaces=True, rule=rules.region)
    ]
    plan: Annotated[pulumi.Input[str], Prop("Plan: Free or Standard.", rule=rules.plan)]


class Plan(
    Resource,
    token="ibm-native:registry:Plan",
    args=PlanArgs,
    import_id="`region`, such as `jp-tok`",
    refresh="the plan is compared",
    needs=_NEEDS,
):
    """The plan of the account's registry in one region. On delete the plan from before is asked for again.

    IBM describes no way from Standard back to Free: what it refuses stays, with a notice.
    """

    region: pulumi.Output[str]
    plan: pulumi.Output[str]
    previous_plan: Annotated[pulumi.Output[str | None], Prop("Plan that was there before.")]

    def __init__(self, name: str, args: PlanArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args, opts)


class PlanLife(SettingLife):
    """A plan's id is its region."""

    declaration = Plan.declaration
    parts = ("plan",)

    def natural_id(self, inputs: Values) -> str | None:
        """Return the region."""
        return inputs.maybe_text("region")

    def place(self, resource_id: str) -> Mapping[str, Plain]:
        """Return the region."""
        return {"region": region_of_id(resource_id, "registry plan", "region")}

    async def get(self, call: Call, resource_id: str) -> Setting:
        """Return the plan."""
        job = Job(f"read the registry's plan in {resource_id}", _NEEDS)
        reply = await call.cloud.registry(resource_id, job, lambda api: api.get_plans())
        return {"plan": text(reply.fields, "plan")}

    async def put(self, call: Call, resource_id: str, wanted: Setting) -> None:
        """Choose a plan."""
        plan = str(wanted["plan"])
        job = Job(f"change the registry's plan in {resource_id} to {plan}", _NEEDS)
        await call.cloud.registry(resource_id, job, lambda api: api.update_plans(plan=plan))
