"""IAM service IDs: the identity of something that is not a person."""

from __future__ import annotations

from typing import Annotated

import pulumi

from ibm_native.cloud.client import PAGE
from ibm_native.cloud.refusals import Job
from ibm_native.cloud.sdk import Json, text
from ibm_native.iam import lists
from ibm_native.model import rules
from ibm_native.model.declare import resource
from ibm_native.model.inputs import Args, In, Known, Outputs, Prop
from ibm_native.model.lifecycle import Call, Found, or_none
from ibm_native.model.marked import Attempt, MarkedLife, Put, Send, described

_NEEDS = "the role Operator or Administrator on the service ID (IAM Identity)"
_NEEDS_VIEWER = "the role Viewer on the account's service IDs (IAM Identity)"
NEEDS_TO_SEE_KEYS = (
    "the role Editor or Operator on the service ID (IAM Identity), or a custom role with iam-identity.apikey.get and "
    "iam-identity.apikey.list: a Viewer sees no keys"
)
_NEEDS_CREATOR = (
    "the role Operator or Administrator on IAM Identity, and Service ID creator where the account restricts creation"
)


class ServiceIdArgs(Args):
    """Inputs of a service ID."""

    name: In[str] = In("Name of the service ID; need not be unique.", rule=rules.name)
    description: In[str | None] = In("What the service ID is for.", default=None)


class ServiceId(
    resource(ServiceIdArgs),
    token="ibm-native:iam:ServiceId",
    import_id="`ServiceId-<uuid>`",
    refresh=("name and description are compared; lock, group, unique instance CRNs and tags put on it are left alone"),
    needs=_NEEDS_CREATOR,
):
    """An IAM service ID: an identity for a program, with its own policies and API keys."""

    name: pulumi.Output[str]
    description: pulumi.Output[str | None]
    iam_id: Annotated[pulumi.Output[str], Prop("IAM ID, `iam-ServiceId-<uuid>`: what policies and API keys name.")]
    crn: Annotated[pulumi.Output[str], Prop("Cloud resource name of the service ID.")]


class ServiceIdLife(MarkedLife[ServiceIdArgs]):
    """IAM removes a service ID's keys and policies with it."""

    declaration = ServiceId.declaration
    kind = "service ID"

    def named(self, inputs: ServiceIdArgs) -> str:
        """Return its name."""
        return repr(inputs.name)

    def kept(self, call: Call, old: Known, new: Known) -> frozenset[str]:
        """Keep what IAM gave it."""
        del call, old, new
        return frozenset({"iam_id", "crn"})

    async def sender(self, call: Call, what: str, account: str, inputs: ServiceIdArgs) -> Send:
        """Return what makes it."""
        job = Job(what, _NEEDS_CREATOR, repeatable=False)

        async def send(attempt: Attempt) -> Json:
            description = attempt.mark.on(inputs.description)
            reply = await call.cloud.identity(
                job, lambda api: api.create_service_id(account, inputs.name, description=description)
            )
            return reply.fields

        return send

    async def read(self, call: Call, resource_id: str, inputs: ServiceIdArgs | None, state: Known) -> Found | None:
        """Return the service ID without the mark."""
        del inputs, state
        found = await or_none(lambda: self.get(call, resource_id))
        if found is None:
            return None
        body = found[0]
        return Found({"name": text(body, "name"), "description": described(body)}, self.computed(body, {}))

    async def put(self, call: Call, what: str, resource_id: str, inputs: ServiceIdArgs, state: Known) -> Put:
        """Change name and description."""
        del state
        job = Job(what, _NEEDS, conditional=True, unlock=unlock_command(resource_id))

        async def put(description: str, tag: str) -> Json:
            reply = await call.cloud.identity(
                job, lambda api: api.update_service_id(resource_id, tag, name=inputs.name, description=description)
            )
            return reply.fields

        return put

    async def remove(self, call: Call, what: str, resource_id: str, state: Known) -> object:
        """Remove it, with its keys and policies."""
        del state
        job = Job(what, _NEEDS, unlock=unlock_command(resource_id))
        return await call.cloud.identity(job, lambda api: api.delete_service_id(resource_id))

    async def get(self, call: Call, resource_id: str) -> tuple[Json, str]:
        """Return the service ID as IAM has it."""
        job = Job(f"read service ID {resource_id}", _NEEDS_VIEWER)
        body = (await call.cloud.identity(job, lambda api: api.get_service_id(resource_id))).fields
        return body, text(body, "entity_tag")

    async def alike(self, call: Call, account: str, inputs: ServiceIdArgs) -> list[Json]:
        """Return the account's service IDs of the same name."""
        job = Job(f"look for service IDs called {inputs.name!r}", _NEEDS_VIEWER)
        return [body async for body in lists.service_ids(call.cloud, job, account, inputs.name)]

    async def in_use(self, call: Call, account: str, resource_id: str) -> bool:
        """Tell whether something was built on a service ID, which a create that broke off never lives to see."""
        iam_id = f"iam-{resource_id}"
        job = Job(f"look for API keys and policies of {iam_id}", NEEDS_TO_SEE_KEYS)
        keys = await call.cloud.identity(
            job, lambda api: api.list_api_keys(account_id=account, iam_id=iam_id, pagesize=PAGE, pagetoken=None)
        )
        policies = await call.cloud.policies(
            job, lambda api: api.list_v2_policies(account, iam_id=iam_id, type="access", limit=PAGE, start=None)
        )
        return bool(keys.fields.get("apikeys") or policies.fields.get("policies"))

    def computed(self, body: Json, state: Known) -> Outputs:
        """Return what IAM gave it."""
        del state
        return {"iam_id": text(body, "iam_id"), "crn": text(body, "crn")}


def unlock_command(identity: str) -> str:
    """Return the command that unlocks a service ID, given by its id or its IAM ID; empty for what can't be locked."""
    service_id = identity.removeprefix("iam-")
    return f"`ibmcloud iam service-id-unlock {service_id}`" if service_id.startswith("ServiceId-") else ""
