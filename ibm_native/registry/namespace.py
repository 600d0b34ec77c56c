"""Namespaces of IBM Cloud Container Registry."""

from __future__ import annotations

from typing import Annotated

import pulumi

from ibm_native.cloud.errors import ConflictError, LostAnswerError, ProviderError, TimedOutError
from ibm_native.cloud.refusals import Job
from ibm_native.cloud.sdk import Json, objects, text
from ibm_native.model import rules
from ibm_native.model.declare import resource
from ibm_native.model.inputs import Args, In, Known, Outputs, Prop
from ibm_native.model.lifecycle import LOST_ANSWER_SECONDS, Call, Found, LifeCycle, gone, undone_by
from ibm_native.resources.resource_groups import group_id, spelt_as

_NEEDS = (
    "the role Manager on container-registry for the whole account (one namespace or resource group isn't enough), and "
    "Viewer on the resource group"
)
_NEEDS_READER = "the role Reader or Manager on container-registry"


class NamespaceArgs(Args):
    """Inputs of a registry namespace."""

    name: In[str] = In(
        "Name, 4-30 characters; unique in its region across all IBM Cloud accounts.",
        replaces=True,
        rule=rules.namespace_name,
    )
    region: In[str] = In("Region of the registry, such as jp-tok.", replaces=True, rule=rules.region)
    resource_group: In[str | None] = In(
        "Name or id of the resource group; the account's default one, if absent. Can't change.",
        replaces=True,
        rule=rules.resource_group,
        default=None,
    )
    adopt: In[bool] = In("Take over a namespace that exists in the account already, rather than refuse.", default=False)
    delete_adopted: In[bool] = In(
        "Delete the namespace, with its images, on destroy even if it was there before (see `adopt`).", default=False
    )


class Namespace(
    resource(NamespaceArgs),
    token="ibm-native:registry:Namespace",
    import_id="`region/name`, such as `jp-tok/my-images`",
    refresh=(
        "that it is there, and `resourceGroup` where it is given; images, tags put on it and its retention "
        "policy are left alone"
    ),
    needs=_NEEDS,
):
    """A registry namespace. Deleting it deletes its images; one adopted or imported stays, unless asked otherwise."""

    name: pulumi.Output[str]
    region: pulumi.Output[str]
    resource_group: pulumi.Output[str | None]
    adopt: pulumi.Output[bool]
    delete_adopted: pulumi.Output[bool]
    crn: Annotated[pulumi.Output[str], Prop("Cloud resource name; empty if the namespace is in no resource group.")]
    adopted: Annotated[pulumi.Output[bool], Prop("Whether the namespace was there before this resource.")]


class NamespaceLife(LifeCycle[NamespaceArgs]):
    """A namespace's id is `region/name`: the name alone can exist in several regions."""

    declaration = Namespace.declaration

    def delete_first(self, old: Known, new: Known) -> bool:
        """Tell whether the new namespace needs the old one's name."""
        return all(old.get(each) == new.get(each) for each in ("name", "region"))

    def natural_id(self, inputs: Known) -> str | None:
        """Return `region/name`."""
        return f"{inputs['region']}/{inputs['name']}" if {"region", "name"} <= inputs.keys() else None

    def kept(self, call: Call, old: Known, new: Known) -> frozenset[str]:
        """Keep all: nothing of a namespace itself can change."""
        del call, old, new
        return frozenset({"crn", "adopted"})

    async def create(self, call: Call, inputs: NamespaceArgs) -> tuple[str, Outputs]:
        """Make the namespace, or take over one that is there if that was asked for.

        One that a broken-off create of the same resource made on this machine is no stranger.
        """
        name, region = inputs.name, inputs.region
        what = f"create registry namespace {name!r} in {region}"
        account = await call.cloud.account(what)
        there = await self._find(call, region, name)
        if there is not None and call.journal.begun(call.urn, f"{region}/{name}", account):
            return f"{region}/{name}", _computed(there, adopted=False)
        if there is None and await self._put(call, what, account, inputs):
            async with undone_by(lambda: self._undo(call, region, name)):
                made = await call.pace.until(
                    lambda: self._find(call, region, name), within=call.cloud.connection.wait_seconds, why=what
                )
                if made is None:
                    raise TimedOutError(what, "it was made, but the registry still doesn't list it")
                _require_region(what, made, region)
            return f"{region}/{name}", _computed(made, adopted=False)
        if not inputs.adopt:
            raise ConflictError(
                what,
                "the account has a namespace of this name there already, which this stack didn't make",
                "Choose another name, or take it over; it then survives a destroy: input `adopt` (in icr-private-image "
                "`pulumi config set registryNamespaceMode adopt`, or `use` to only read it), "
                f"or `{call.import_command(f'{region}/{name}')}`.",
            )
        there = there or await self._find(call, region, name) or {}
        _require_region(what, there, region)
        return f"{region}/{name}", _computed(there, adopted=True)

    async def read(self, call: Call, resource_id: str, inputs: NamespaceArgs | None, state: Known) -> Found | None:
        """Return the namespace; one that no state knew, as in an import, was there before and counts as adopted.

        Its resource group is an input only where it was one: all have one in the end.
        """
        region, slash, name = resource_id.partition("/")
        if not slash or rules.region(region):
            raise ProviderError(
                f"read registry namespace {resource_id!r}", "that is no id of a namespace", "An id is region/name."
            )
        listed = await call.cloud.shared(f"namespaces in {region}", lambda: self._list(call, region))
        body = next((each for each in listed if text(each, "name") == name), None)
        if body is None:
            return None
        group = text(body, "resource_group") or None
        flags = {"adopt": inputs is not None and inputs.adopt, "delete_adopted": bool(inputs and inputs.delete_adopted)}
        kept = None
        if inputs and inputs.resource_group:
            kept = await spelt_as(call.cloud, f"read registry namespace {resource_id!r}", group, inputs.resource_group)
        return Found(
            {"name": name, "region": region, "resource_group": kept, **flags},
            _computed(body, adopted=state.get("adopted") is not False),
        )

    async def update(self, call: Call, resource_id: str, inputs: NamespaceArgs, state: Known) -> Outputs:
        """Take note of `adopt` and `delete_adopted`: nothing of a namespace itself can change."""
        del call, resource_id, inputs
        return {"crn": state.get("crn"), "adopted": state.get("adopted") is True}

    async def delete(self, call: Call, resource_id: str, state: Known) -> None:
        """Remove the namespace and its images, unless it was adopted and may not be removed."""
        if state.get("adopted") is True and state.get("delete_adopted") is not True:
            return
        region, _, name = resource_id.partition("/")
        await self._undo(call, region, name)

    async def _put(self, call: Call, what: str, account: str, inputs: NamespaceArgs) -> bool:
        """Return True if this call made the namespace, False if it was there."""
        name, region = inputs.name, inputs.region
        job = Job(what, _NEEDS, repeatable=False)
        resource_id = f"{region}/{name}"
        group = await group_id(call.cloud, what, inputs.resource_group)
        call.journal.begin(call.urn, resource_id, account)
        try:
            reply = await call.cloud.registry(
                region,
                job,
                lambda api: api.create_namespace(name, x_auth_resource_group=group),
            )
        except LostAnswerError:
            # It wasn't there a moment ago: if it is now, the lost call made it.
            if not await call.pace.until(lambda: self._find(call, region, name), within=LOST_ANSWER_SECONDS, why=what):
                raise
            return True
        except ProviderError as error:
            call.journal.end(call.urn, resource_id)
            if not isinstance(error, ConflictError):
                raise
            raise ConflictError(
                what,
                error.why,
                f"Names are unique in a region across all accounts: another one has {name!r}. Choose another name.",
                code=error.code,
            ) from None
        if reply.status != 201:
            call.journal.end(call.urn, resource_id)
        return reply.status == 201

    async def _find(self, call: Call, region: str, name: str) -> Json | None:
        return next((each for each in await self._list(call, region) if text(each, "name") == name), None)

    async def _list(self, call: Call, region: str) -> list[Json]:
        job = Job(f"read the registry namespaces in {region}", _NEEDS_READER)
        reply = await call.cloud.registry(region, job, lambda api: api.list_namespace_details())
        return objects(reply.body)

    async def _undo(self, call: Call, region: str, name: str) -> None:
        await self._remove(call, region, name)
        call.journal.end(call.urn, f"{region}/{name}")

    async def _remove(self, call: Call, region: str, name: str) -> None:
        what = f"delete registry namespace {name!r} in {region}"
        job = Job(what, _NEEDS)
        await gone(call, what, lambda: call.cloud.registry(region, job, lambda api: api.delete_namespace(name)))


def _computed(body: Json, *, adopted: bool) -> Outputs:
    return {"crn": text(body, "crn"), "adopted": adopted}


def _require_region(what: str, body: Json, region: str) -> None:
    """Refuse a registry that serves another region than asked for: the CRN tells."""
    parts = text(body, "crn").split(":")
    actual = parts[5] if len(parts) > 5 else ""
    if actual and actual != region:
        raise ProviderError(
            what,
            f"the registry endpoint serves {actual}, not {region}",
            "Set ibm-native:registryEndpoint to the region's own endpoint, or ibm-native:region to the endpoint's.",
        )
