"""The pricing plan of a region's registry."""

from __future__ import annotations

from typing import Annotated

import pulumi

from ibm_native.cloud.refusals import Job
from ibm_native.cloud.sdk import text
from ibm_native.model import rules
from ibm_native.model.declare import resource
from ibm_native.model.inputs import Args, In, Prop
from ibm_native.model.lifecycle import Call
from ibm_native.registry.account_setting import Setting, SettingLife

_NEEDS = "the role Manager on container-registry for the whole account"


class PlanArgs(Args):
    """Inputs of a registry's plan."""

    region: In[str] = In("Region of the registry, such as jp-tok.", replaces=True, rule=rules.region)
    plan: In[str] = In("Plan: Free or Standard.", rule=rules.plan)


class Plan(
    resource(PlanArgs),
    token="ibm-native:registry:Plan",
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


class PlanLife(SettingLife[PlanArgs]):
    """A plan's id is its region."""

    declaration = Plan.declaration
    kind = "plan"
    parts = ("plan",)

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
