"""IAM access policies, version 2: which roles an identity has on what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, cast

import pulumi

from ibm_native.cloud.errors import ConflictError, ProviderError
from ibm_native.cloud.refusals import Job
from ibm_native.cloud.sdk import Json, mapping, text
from ibm_native.iam import lists, policy_shape
from ibm_native.iam.roles import role_crns
from ibm_native.iam.service_id import unlock_command
from ibm_native.model import rules
from ibm_native.model.declare import resource
from ibm_native.model.derive import Problem
from ibm_native.model.inputs import Args, In, Known, Outputs, Prop, Texts
from ibm_native.model.lifecycle import Call, Found, once_known, or_none
from ibm_native.model.marked import Attempt, MarkedLife, Put, Send, described
from ibm_native.resources.resource_groups import group_id, spelt_as

REGISTRY = "container-registry"

_NEEDS = "the role Administrator on the service (or the namespace) that the policy is about"
_NEEDS_VIEWER = "the role Viewer on the service that the policy is about"


class AccessPolicyArgs(Args):
    """Inputs of an access policy."""

    iam_id: In[str] = In("IAM ID of the identity that gets access (output `iamId`).", replaces=True, rule=rules.iam_id)
    roles: Texts = Texts(
        "Roles: Reader, Writer, Manager (the service's), Viewer, Operator, Editor, Administrator (the platform's), "
        "custom roles by the name in their CRN, or CRNs.",
        same=policy_shape.same_roles,
        rule=rules.role,
    )
    region: In[str | None] = In(
        "Region that the access is limited to, such as jp-tok; all regions, if absent.", rule=rules.name, default=None
    )
    namespace: In[str | None] = In(
        "Registry namespace that the access is limited to; needs `region`.", rule=rules.namespace_name, default=None
    )
    resource_group: In[str | None] = In(
        "Name or id of the resource group that the access is limited to.", rule=rules.resource_group, default=None
    )
    service: In[str] = In("Name of the service in IBM's catalogue.", rule=rules.name, default=REGISTRY)
    description: In[str | None] = In("What the policy is for.", default=None)


class AccessPolicy(
    resource(AccessPolicyArgs),
    token="ibm-native:iam:AccessPolicy",
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


class AccessPolicyLife(MarkedLife[AccessPolicyArgs]):
    """Version 2 of IAM's policies throughout; deletes are soft there, so a policy in state `deleted` counts as gone."""

    declaration = AccessPolicy.declaration
    kind = "access policy"

    def named(self, inputs: AccessPolicyArgs) -> str:
        """Return whose it is."""
        return f"for {inputs.iam_id}"

    def problems(self, given: frozenset[str], inputs: Known) -> list[Problem]:
        """Refuse a region that the registry doesn't have, and a namespace without its region or of another service."""
        found: list[Problem] = []
        region, service = inputs.get("region"), inputs.get("service")
        expected = rules.region(str(region)) if region and service == REGISTRY else None
        if expected:
            found.append(Problem("region", repr(region), expected))
        if "namespace" not in given:
            return found
        if "region" not in given:
            found.append(Problem("region", "nothing", "the namespace's region: its name can exist in several"))
        if service not in {REGISTRY, None}:
            found.append(Problem("namespace", "a namespace for another service", f"service {REGISTRY}, or none"))
        return found

    def kept(self, call: Call, old: Known, new: Known) -> frozenset[str]:
        """Keep nothing: each update has its time."""
        del call, old, new
        return frozenset()

    async def sender(self, call: Call, what: str, account: str, inputs: AccessPolicyArgs) -> Send:
        """Look up roles and group; return what makes the policy.

        IAM refuses a policy that gives what another one gives: what an earlier attempt left goes first in that case.
        """
        roles, attributes = await self._looked_up(call, what, account, inputs)
        job = Job(what, _NEEDS, repeatable=False, unlock=unlock_command(inputs.iam_id))

        async def post(attempt: Attempt) -> Json:
            reply = await once_known(
                call,
                what,
                lambda: call.cloud.policies(
                    job,
                    lambda api: api.create_v2_policy(
                        policy_shape.control(roles),
                        "access",
                        description=attempt.mark.on(inputs.description),
                        subject=policy_shape.subject(inputs.iam_id),
                        resource={"attributes": attributes},
                    ),
                ),
            )
            return reply.fields

        async def send(attempt: Attempt) -> Json:
            try:
                return await post(attempt)
            except ConflictError as error:
                await self.undo(call, _left_over(error, attempt), inputs)
            return await post(attempt)

        return send

    async def read(self, call: Call, resource_id: str, inputs: AccessPolicyArgs | None, state: Known) -> Found | None:
        """Return the policy, its roles spelt as the inputs spell them."""
        del state
        found = await or_none(lambda: self.get(call, resource_id))
        if found is None or text(found[0], "state") == "deleted":
            return None
        body = found[0]
        if inputs is None and policy_shape.extras(body):
            raise ProviderError(
                f"import access policy {resource_id}",
                f"it is limited by {', '.join(policy_shape.extras(body))}, which this resource can't express",
            )
        actual = dict(policy_shape.actual_inputs(body, inputs.roles if inputs else ()))
        group, before = cast("str | None", actual["resource_group"]), inputs.resource_group if inputs else None
        actual["resource_group"] = await spelt_as(call.cloud, f"read access policy {resource_id}", group, before)
        return Found({**actual, "description": described(body)}, self.computed(body, {}))

    async def put(self, call: Call, what: str, resource_id: str, inputs: AccessPolicyArgs, state: Known) -> Put:
        """Replace roles, resource and description; the subject stays."""
        del state
        roles, attributes = await self._looked_up(call, what, await call.cloud.account(what), inputs)
        job = Job(what, _NEEDS, conditional=True, unlock=unlock_command(inputs.iam_id))

        async def put(description: str, tag: str) -> Json:
            try:
                reply = await call.cloud.policies(
                    job,
                    lambda api: api.replace_v2_policy(
                        resource_id,
                        tag,
                        policy_shape.control(roles),
                        "access",
                        description=description,
                        subject=policy_shape.subject(inputs.iam_id),
                        resource={"attributes": attributes},
                    ),
                )
            except ConflictError as error:
                raise _named(error, call) from None
            return reply.fields

        return put

    async def remove(self, call: Call, what: str, resource_id: str, state: Known) -> object:
        """Remove the policy; IAM removes it by itself when its service ID goes."""
        job = Job(what, _NEEDS, unlock=unlock_command(str(state.get("iam_id", ""))))
        return await call.cloud.policies(job, lambda api: api.delete_v2_policy(resource_id))

    async def get(self, call: Call, resource_id: str) -> tuple[Json, str]:
        """Return the policy as IAM has it."""
        job = Job(f"read access policy {resource_id}", _NEEDS_VIEWER)
        reply = await call.cloud.policies(job, lambda api: api.get_v2_policy(resource_id))
        return reply.fields, reply.etag

    async def alike(self, call: Call, account: str, inputs: AccessPolicyArgs) -> list[Json]:
        """Return the identity's policies."""
        job = Job(f"look for access policies of {inputs.iam_id}", _NEEDS_VIEWER)
        return [body async for body in lists.policies(call.cloud, job, account, iam_id=inputs.iam_id)]

    def computed(self, body: Json, state: Known) -> Outputs:
        """Return when it was changed last."""
        del state
        return {"last_modified_at": text(body, "last_modified_at") or None}

    async def _looked_up(
        self, call: Call, what: str, account: str, inputs: AccessPolicyArgs
    ) -> tuple[list[str], list[Json]]:
        """Return the CRNs of the roles, and what the policy gives access to."""
        crns = await role_crns(call.cloud, what, account, inputs.service, inputs.roles)
        group = await group_id(call.cloud, what, inputs.resource_group)
        return crns, policy_shape.attributes(account, inputs.service, inputs.region, inputs.namespace, group)


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
