"""IAM service IDs: the identity of something that is not a person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import pulumi

from ibm_native.cloud.client import PAGE
from ibm_native.cloud.errors import LostAnswerError
from ibm_native.cloud.refusals import Job
from ibm_native.cloud.sdk import Json, text
from ibm_native.model import rules
from ibm_native.model.declare import Plain, Prop, Resource
from ibm_native.model.lifecycle import (
    LOST_ANSWER_SECONDS,
    Attempt,
    Call,
    Found,
    LifeCycle,
    gone,
    or_none,
    undone_by,
    unless_refused,
    unless_stale,
    until_listed,
)
from ibm_native.model.marker import Mark, remarked, without_mark
from ibm_native.model.values import Values

_NEEDS = "the role Operator or Administrator on the service ID (IAM Identity)"
_NEEDS_VIEWER = "the role Viewer on the account's service IDs (IAM Identity)"
_NEEDS_CREATOR = (
    "the role Operator or Administrator on IAM Identity, and Service ID creator where the account restricts creation"
)


@dataclass(frozen=True, kw_only=True)
class ServiceIdArgs:
    """Inputs of a service ID."""

    name: Annotated[pulumi.Input[str], Prop("Name of the service ID; need not be unique.", rule=rules.name)]
    description: Annotated[pulumi.Input[str] | None, Prop("What the service ID is for.")] = None


class ServiceId(
    Resource,
    token="ibm-native:iam:ServiceId",
    args=ServiceIdArgs,
    import_id="`ServiceId-<uuid>`",
    refresh=("name and description are compared; lock, group, unique instance CRNs and tags put on it are left alone"),
    needs=_NEEDS_CREATOR,
):
    """An IAM service ID: an identity for a program, with its own policies and API keys."""

    name: pulumi.Output[str]
    description: pulumi.Output[str | None]
    iam_id: Annotated[pulumi.Output[str], Prop("IAM ID, `iam-ServiceId-<uuid>`: what policies and API keys name.")]
    crn: Annotated[pulumi.Output[str], Prop("Cloud resource name of the service ID.")]

    def __init__(self, name: str, args: ServiceIdArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args, opts)


class ServiceIdLife(LifeCycle):
    """Names aren't unique in IAM, so what a create may have left behind is known by its mark."""

    declaration = ServiceId.declaration

    def kept(self, call: Call, old: Values, new: Values) -> frozenset[str]:
        """Keep what IAM gave it."""
        del call, old, new
        return frozenset({"iam_id", "crn"})

    async def create(self, call: Call, inputs: Values) -> tuple[str, Mapping[str, Plain | None]]:
        """Make the service ID, then remove what an earlier, broken-off create of it left."""
        name = inputs.text("name")
        what = f"create service ID {name!r}"
        account = await call.cloud.account(what)
        attempt = Attempt.begin(call, account)
        description = attempt.mark.on(inputs.maybe_text("description"))
        job = Job(what, _NEEDS_CREATOR, repeatable=False)
        try:
            made = await unless_refused(
                attempt,
                lambda: call.cloud.identity(
                    job, lambda api: api.create_service_id(account, name, description=description)
                ),
            )
            body = made.fields
        except LostAnswerError:
            found = await call.pace.until(
                lambda: self._attempt(call, account, name, attempt.mark), within=LOST_ANSWER_SECONDS, why=what
            )
            if found is None:
                raise
            body = found
        resource_id = text(body, "id")
        attempt.made(resource_id)
        async with undone_by(lambda: self.undo(call, resource_id, inputs)):
            left = await until_listed(
                attempt,
                what,
                resource_id,
                lambda: self._named(call, account, name),
                lambda: self._get(call, resource_id),
            )
            for each in left:
                if not await self._in_use(call, account, f"iam-{each}"):
                    await self.undo(call, each, inputs)
        return resource_id, _computed(body)

    async def read(self, call: Call, resource_id: str, inputs: Values, state: Values) -> Found | None:
        """Return the service ID without the mark."""
        del inputs, state
        body = await or_none(lambda: self._get(call, resource_id))
        if body is None:
            return None
        description = without_mark(text(body, "description")) or None
        return Found({"name": text(body, "name"), "description": description}, _computed(body))

    async def update(self, call: Call, resource_id: str, inputs: Values, state: Values) -> Mapping[str, Plain | None]:
        """Change name and description in place."""
        del state
        job = Job(f"update service ID {resource_id}", _NEEDS, conditional=True, unlock=unlock_command(resource_id))

        async def write(body: Json, tag: str) -> Mapping[str, Plain | None]:
            description = remarked(inputs.maybe_text("description"), text(body, "description"))
            reply = await call.cloud.identity(
                job,
                lambda api: api.update_service_id(resource_id, tag, name=inputs.text("name"), description=description),
            )
            return _computed(reply.fields)

        return await unless_stale(lambda: self._tagged(call, resource_id), write)

    async def delete(self, call: Call, resource_id: str, state: Values) -> None:
        """Remove the service ID; IAM removes its keys and policies with it."""
        del state
        what = f"delete service ID {resource_id}"
        job = Job(what, _NEEDS, unlock=unlock_command(resource_id))
        await gone(call, what, lambda: call.cloud.identity(job, lambda api: api.delete_service_id(resource_id)))

    async def _get(self, call: Call, resource_id: str) -> Json:
        job = Job(f"read service ID {resource_id}", _NEEDS_VIEWER)
        return (await call.cloud.identity(job, lambda api: api.get_service_id(resource_id))).fields

    async def _tagged(self, call: Call, resource_id: str) -> tuple[Json, str]:
        body = await self._get(call, resource_id)
        return body, text(body, "entity_tag")

    async def _named(self, call: Call, account: str, name: str) -> list[Json]:
        job = Job(f"look for service IDs called {name!r}", _NEEDS_VIEWER)
        pages = call.cloud.pages(
            "serviceids",
            lambda token: call.cloud.identity(
                job,
                lambda api: api.list_service_ids(account_id=account, name=name, pagesize=PAGE, pagetoken=token),
            ),
        )
        return [body async for body in pages]

    async def _attempt(self, call: Call, account: str, name: str, mark: Mark) -> Json | None:
        found = await self._named(call, account, name)
        return next((body for body in found if Mark.found_in(text(body, "description")) == mark), None)

    async def _in_use(self, call: Call, account: str, iam_id: str) -> bool:
        """Tell whether something was built on a service ID, which a create that broke off never lives to see."""
        job = Job(f"look for API keys and policies of {iam_id}", _NEEDS_VIEWER)
        keys = await call.cloud.identity(
            job, lambda api: api.list_api_keys(account_id=account, iam_id=iam_id, pagesize=PAGE, pagetoken=None)
        )
        policies = await call.cloud.policies(
            job, lambda api: api.list_v2_policies(account, iam_id=iam_id, type="access", limit=PAGE, start=None)
        )
        return bool(keys.fields.get("apikeys") or policies.fields.get("policies"))


def unlock_command(identity: str) -> str:
    """Return the command that unlocks a service ID, given by its id or its IAM ID; empty for what can't be locked."""
    service_id = identity.removeprefix("iam-")
    return f"`ibmcloud iam service-id-unlock {service_id}`" if service_id.startswith("ServiceId-") else ""


def _computed(body: Json) -> Mapping[str, Plain | None]:
    return {"iam_id": text(body, "iam_id"), "crn": text(body, "crn")}
