"""IAM access policies, version 2: which roles an identity has on what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, cast

import pulumi

from ibm_native.cloud.client import PAGE
from ibm_native.cloud.errors import ConflictError, LostAnswerError, ProviderError
from ibm_native.cloud.refusals import Job
from ibm_native.cloud.sdk import Json, mapping, text
from ibm_native.iam import policy_shape
from ibm_native.iam.roles import role_crns
from ibm_native.iam.service_id import unlock_command
from ibm_native.model import rules
from ibm_native.model.declare import Plain, Prop, Resource
from ibm_native.model.derive import Problem
from ibm_native.model.lifecycle import (
    LOST_ANSWER_SECONDS,
    Attempt,
    Call,
    Found,
    LifeCycle,
    gone,
    once_known,
    or_none,
    undone_by,
    unless_refused,
    unless_stale,
    until_listed,
)
from ibm_native.model.marker import Mark, remarked, without_mark
from ibm_native.model.values import Values
from ibm_native.resources.resource_groups import group_id, spelt_as

REGISTRY = "container-registry"

_NEEDS = "the role Administrator on the service (or the namespace) that the policy is about"
_NEEDS_VIEWER = "the role Viewer on the service that the policy is about"


@dataclass(frozen=True, kw_only=True)
class AccessPolicyArgs:
    """Inputs of an access policy."""

    iam_id: Annotated[
        pulumi.Input[str],
        Prop("IAM ID of the identity that gets access (output `iamId`).", replaces=True, rule=rules.iam_id),
    ]
    roles: Annotated[
        pulumi.Input[Sequence[pulumi.Input[str]]],
        Prop(
            "Roles: Reader, Writer, Manager (the service's), Viewer, Operator, Editor, Administrator (the platform's), "
            "custom roles by the name in their CRN, or CRNs.",
            same=policy_shape.same_roles,
            rule=rules.role,
        ),
    ]
    region: Annotated[
        pulumi.Input[str] | None,
        Prop("Region that the access is limited to, such as jp-tok; all regions, if absent.", rule=rules.name),
    ] = None
    namespace: Annotated[
        pulumi.Input[str] | None,
        Prop("Registry namespace that the access is limited to; needs `region`.", rule=rules.namespace_name),
    ] = None
    resource_group: Annotated[
        pulumi.Input[str] | None,
        Prop("Name or id of the resource group that the access is limited to.", rule=rules.resource_group),
    ] = None
    service: Annotated[pulumi.Input[str], Prop("Name of the service in IBM's catalogue.", rule=rules.name)] = REGISTRY
    description: Annotated[pulumi.Input[str] | None, Prop("What the policy is for.")] = None


class AccessPolicy(
    Resource,
    token="ibm-native:iam:AccessPolicy",
    args=AccessPolicyArgs,
    import_id="the policy's id, a UUID",
    refresh=(
        "all that it grants is compared, and the description; what the inputs can't express (tags, "
        "conditions, other attributes) shows in `service`, and the next update removes it"
    ),
    needs=_NEEDS,
):
    """An access policy (v2): roles for one identity, limited to a service, region, namespace or resource group."""

    iam_id: pulumi.Output[str]
    roles: pulumi.Output[Sequence[str]]
    region: pulumi.Output[str | None]
    namespace: pulumi.Output[str | None]
    resource_group: pulumi.Output[str | None]
    service: pulumi.Output[str]
    description: pulumi.Output[str | None]
    last_modified_at: Annotated[
        pulumi.Output[str | None],
        Prop("When it was changed last; as `policyModifiedAt` of a proof of access, a change asks for a new proof."),
    ]

    def __init__(self, name: str, args: AccessPolicyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args, opts)


class AccessPolicyLife(LifeCycle):
    """Version 2 of IAM's policies throughout; deletes are soft there, so a policy in state `deleted` counts as gone."""

    declaration = AccessPolicy.declaration

    def problems(self, given: frozenset[str], inputs: Values) -> list[Problem]:
        """Refuse a region that the registry doesn't have, and a namespace without its region or of another service."""
        found: list[Problem] = []
        region, service = inputs.maybe_text("region"), inputs.maybe_text("service")
        expected = rules.region(region) if region and service == REGISTRY else None
        if expected:
            found.append(Problem("region", repr(region), expected))
        if "namespace" not in given:
            return found
        if "region" not in given:
            found.append(Problem("region", "nothing", "the namespace's region: its name can exist in several"))
        if service not in {REGISTRY, None}:
            found.append(Problem("namespace", "a namespace for another service", f"service {REGISTRY}, or none"))
        return found

    def kept(self, call: Call, old: Values, new: Values) -> frozenset[str]:
        """Keep nothing: each update has its time."""
        del call, old, new
        return frozenset()

    async def create(self, call: Call, inputs: Values) -> tuple[str, Mapping[str, Plain | None]]:
        """Make the policy, then remove what an earlier, broken-off create of it left.

        IAM refuses a policy that gives what another one gives: one of this resource goes before in that case.
        """
        iam_id = inputs.text("iam_id")
        what = f"create access policy for {iam_id}"
        account = await call.cloud.account(what)
        crns = await role_crns(call.cloud, what, account, inputs.text("service"), inputs.texts("roles"))
        group = await group_id(call.cloud, what, inputs.maybe_text("resource_group"))
        attempt = Attempt.begin(call, account)
        wanted = _Wanted(what, crns, policy_shape.attributes(account, inputs, group), attempt.mark)
        try:
            body = await unless_refused(attempt, lambda: self._make(attempt, inputs, wanted))
        except LostAnswerError:
            found = await call.pace.until(
                lambda: self._attempt(call, account, iam_id, attempt.mark), within=LOST_ANSWER_SECONDS, why=what
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
                lambda: self._of_subject(call, account, iam_id),
                lambda: self._get(call, resource_id),
            )
            for each in left:
                await self.undo(call, each, inputs)
        return resource_id, _computed(body)

    async def read(self, call: Call, resource_id: str, inputs: Values, state: Values) -> Found | None:
        """Return the policy, its roles spelt as the inputs spell them."""
        del state
        reply = await or_none(lambda: self._get(call, resource_id))
        if reply is None or text(reply[0], "state") == "deleted":
            return None
        body = reply[0]
        if not inputs and policy_shape.extras(body):
            raise ProviderError(
                f"import access policy {resource_id}",
                f"it is limited by {', '.join(policy_shape.extras(body))}, which this resource can't express",
            )
        description = without_mark(text(body, "description")) or None
        actual = dict(policy_shape.actual_inputs(body, inputs))
        group, before = cast("str | None", actual["resource_group"]), inputs.maybe_text("resource_group")
        actual["resource_group"] = await spelt_as(call.cloud, f"read access policy {resource_id}", group, before)
        return Found({**actual, "description": description}, _computed(body))

    async def update(self, call: Call, resource_id: str, inputs: Values, state: Values) -> Mapping[str, Plain | None]:
        """Replace roles, resource and description in place; the subject stays."""
        del state
        what = f"update access policy {resource_id}"
        account = await call.cloud.account(what)
        crns = await role_crns(call.cloud, what, account, inputs.text("service"), inputs.texts("roles"))
        group = await group_id(call.cloud, what, inputs.maybe_text("resource_group"))
        attributes = policy_shape.attributes(account, inputs, group)
        job = Job(what, _NEEDS, conditional=True, unlock=unlock_command(inputs.text("iam_id")))

        async def write(body: Json, etag: str) -> Json:
            reply = await call.cloud.policies(
                job,
                lambda api: api.replace_v2_policy(
                    resource_id,
                    etag,
                    policy_shape.control(crns),
                    "access",
                    description=remarked(inputs.maybe_text("description"), text(body, "description")),
                    subject=policy_shape.subject(inputs.text("iam_id")),
                    resource={"attributes": attributes},
                ),
            )
            return reply.fields

        try:
            return _computed(await unless_stale(lambda: self._get(call, resource_id), write))
        except ConflictError as error:
            raise _named(error, call) from None

    async def delete(self, call: Call, resource_id: str, state: Values) -> None:
        """Remove the policy; IAM removes it by itself when its service ID goes."""
        what = f"delete access policy {resource_id}"
        job = Job(what, _NEEDS, unlock=unlock_command(state.text("iam_id")))
        await gone(call, what, lambda: call.cloud.policies(job, lambda api: api.delete_v2_policy(resource_id)))

    async def _make(self, attempt: Attempt, inputs: Values, wanted: _Wanted) -> Json:
        """Post; once more after removing what an earlier attempt left, if that is in the way."""
        try:
            return await self._post(attempt.call, inputs, wanted)
        except ConflictError as error:
            await self.undo(attempt.call, _left_over(error, attempt), inputs)
        return await self._post(attempt.call, inputs, wanted)

    async def _post(self, call: Call, inputs: Values, wanted: _Wanted) -> Json:
        reply = await once_known(
            call,
            wanted.what,
            lambda: call.cloud.policies(
                Job(wanted.what, _NEEDS, repeatable=False, unlock=unlock_command(inputs.text("iam_id"))),
                lambda api: api.create_v2_policy(
                    policy_shape.control(wanted.roles),
                    "access",
                    description=wanted.mark.on(inputs.maybe_text("description")),
                    subject=policy_shape.subject(inputs.text("iam_id")),
                    resource={"attributes": wanted.attributes},
                ),
            ),
        )
        return reply.fields

    async def _get(self, call: Call, resource_id: str) -> tuple[Json, str]:
        job = Job(f"read access policy {resource_id}", _NEEDS_VIEWER)
        reply = await call.cloud.policies(job, lambda api: api.get_v2_policy(resource_id))
        return reply.fields, reply.etag

    async def _of_subject(self, call: Call, account: str, iam_id: str) -> list[Json]:
        job = Job(f"look for access policies of {iam_id}", _NEEDS_VIEWER)
        pages = call.cloud.pages(
            "policies",
            lambda start: call.cloud.policies(
                job,
                lambda api: api.list_v2_policies(account, iam_id=iam_id, type="access", limit=PAGE, start=start),
            ),
        )
        return [body async for body in pages if text(body, "state") != "deleted"]

    async def _attempt(self, call: Call, account: str, iam_id: str, mark: Mark) -> Json | None:
        found = await self._of_subject(call, account, iam_id)
        return next((one for one in found if Mark.found_in(text(one, "description")) == mark), None)


@dataclass(frozen=True)
class _Wanted:
    """What a create asks for, with everything looked up."""

    what: str
    roles: Sequence[str]
    attributes: list[Json]
    mark: Mark


def _computed(body: Json) -> Mapping[str, Plain | None]:
    return {"last_modified_at": text(body, "last_modified_at") or None}


def _left_over(error: ConflictError, attempt: Attempt) -> str:
    """Return the id of the policy that a create ran into, if an earlier attempt left it; raises otherwise."""
    policy = mapping(error.conflicting)
    if not attempt.left_by_another(policy):
        raise _named(error, attempt.call)
    return text(policy, "id")


def _named(error: ConflictError, call: Call) -> ConflictError:
    """Return a conflict with the policy that is in the way and the way out; another limit is told in IBM's words."""
    if error.conflicting is None:
        return error
    other = text(mapping(error.conflicting), "id") or str(error.conflicting)
    return ConflictError(
        error.what,
        f"the same access is given already by policy {other}. {error.why}",
        f"Bring it under Pulumi with `{call.import_command(other)}`, or remove it.",
        code=error.code,
        conflicting=error.conflicting,
    )
