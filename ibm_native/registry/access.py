"""Proof by use: an API key can pull one image from a registry, before anything depends on it."""

from __future__ import annotations

import asyncio
from typing import Annotated

import pulumi

from ibm_native.cloud.errors import ProviderError, TimedOutError, conceal
from ibm_native.model import rules
from ibm_native.model.declare import resource
from ibm_native.model.inputs import Args, In, Known, Outputs, Prop
from ibm_native.model.lifecycle import Call, Found, LifeCycle
from ibm_native.model.notices import notice
from ibm_native.registry import login

_TRIAL_SECONDS = 20.0
"""How long a refresh waits for the registry."""


class AccessArgs(Args):
    """Inputs of a proof of access."""

    registry_host: In[str] = In(
        "Host of the registry, such as jp.icr.io; a loopback host is spoken to over plain HTTP.",
        rule=rules.registry_host,
    )
    repository: In[str] = In("Repository as `namespace/name`.", rule=rules.repository)
    digest: In[str] = In(
        "Digest of the image that must be readable; rights don't depend on it.", quiet=True, rule=rules.digest
    )
    api_key: In[str] = In("The API key to prove.", secret=True, rule=rules.api_key)
    policy_id: In[str] = In("Id of the policy that gives the right; another policy asks for a new proof.")
    policy_modified_at: In[str | None] = In(
        "`lastModifiedAt` of the policy; a change of the policy in place asks for a new proof.",
        came_later=True,
        default=None,
    )
    timeout_seconds: In[int] = In(
        "How long IAM may take until the key works.", quiet=True, rule=rules.timeout_seconds, default=30
    )


class Access(
    resource(AccessArgs),
    token="ibm-native:registry:Access",
    refresh=(
        "the key is used once: where the registry refuses it, `unproved` says why; a registry that doesn't "
        "answer tells nothing"
    ),
    needs="none of its own: the key under proof needs the role Reader on the namespace",
):
    """A check by use: the key is exchanged for a registry token and the image's manifest is read.

    IAM's delays are waited out; then the deployment fails with the cause, minutes before a Pod would. What depends on
    `apiKey` of this resource gets a key that was seen to work.
    """

    registry_host: pulumi.Output[str]
    repository: pulumi.Output[str]
    policy_id: pulumi.Output[str]
    policy_modified_at: pulumi.Output[str | None]
    api_key: Annotated[pulumi.Output[str], Prop("The key, proved.", secret=True)]
    unproved: Annotated[
        pulumi.Output[str | None],
        Prop("Set by a refresh where the key can't pull any longer: why. The next update proves it anew.", drift=True),
    ]


class AccessLife(LifeCycle[AccessArgs]):
    """Nothing lies in the cloud: making and updating it is a proof, reading it is one try, deleting it is nothing."""

    declaration = Access.declaration

    def kept(self, call: Call, old: Known, new: Known) -> frozenset[str]:
        """Keep nothing: there is nothing but inputs."""
        del call, old, new
        return frozenset()

    async def create(self, call: Call, inputs: AccessArgs) -> tuple[str, Outputs]:
        """Prove that the key can pull."""
        await self._prove(call, inputs)
        return f"{inputs.registry_host}/{inputs.repository}", {}

    async def read(self, call: Call, resource_id: str, inputs: AccessArgs | None, state: Known) -> Found | None:
        """Use the key once: whether it still pulls is what a refresh tells."""
        if inputs is None:
            raise ProviderError(
                f"import proof of access {resource_id}", "a proof is made, not imported", "Run `pulumi up` to make it."
            )
        pull = _pull(inputs)
        what = f"see whether the API key still pulls {pull.repository} from {pull.host}"
        trial = call.pace.watch(asyncio.to_thread(login.attempt, pull), within=_TRIAL_SECONDS, why=what)
        found = await trial or login.silent(pull)
        unproved = state.get("unproved")
        if isinstance(found, login.Proved):
            unproved = None
        elif found.of_key:
            unproved = found.why
        else:
            notice(f"{what}: nothing tells. {found.why[:1].upper()}{found.why[1:]}.")
        return Found(inputs.given(), {"unproved": unproved})

    async def update(self, call: Call, resource_id: str, inputs: AccessArgs, state: Known) -> Outputs:
        """Prove it again."""
        del resource_id, state
        await self._prove(call, inputs)
        return {}

    async def delete(self, call: Call, resource_id: str, state: Known) -> None:
        """Do nothing."""

    async def _prove(self, call: Call, inputs: AccessArgs) -> None:
        pull = _pull(inputs)
        seconds = inputs.timeout_seconds
        what = f"prove that the API key can pull {pull.repository} from {pull.host}"
        end = call.pace.now() + seconds
        last = [login.silent(pull)]

        async def proved() -> bool | None:
            attempt = asyncio.to_thread(login.attempt, pull)
            result = await call.pace.watch(attempt, within=max(end - call.pace.now(), 1.0), why=what)
            if isinstance(result, login.Proved):
                return True
            if result is not None:
                last[:] = [result]
                if result.final:
                    raise ProviderError(what, result.why, result.remedy)
            return None

        if await call.pace.until(proved, within=seconds, why=what) is None:
            waited = f"after {seconds} s of attempts: {last[0].why}"
            raise TimedOutError(what, waited, last[0].remedy)


def _pull(inputs: AccessArgs) -> login.Pull:
    conceal(inputs.api_key)
    return login.Pull(inputs.registry_host, inputs.repository, inputs.digest, inputs.api_key)
