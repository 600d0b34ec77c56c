"""Proof by use: an API key can pull one image from a registry, before anything depends on it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import pulumi

from ibm_native.cloud.errors import ProviderError, TimedOutError, conceal
from ibm_native.model import rules
from ibm_native.model.declare import Plain, Prop, Resource
from ibm_native.model.lifecycle import Call, Found, LifeCycle
from ibm_native.model.notices import notice
from ibm_native.model.values import Values
from ibm_native.registry import login

_TRIAL_SECONDS = 20.0
"""How long a refresh waits for the registry."""


@dataclass(frozen=True, kw_only=True)
class AccessArgs:
    """Inputs of a proof of access."""

    registry_host: Annotated[
        pulumi.Input[str],
        Prop(
            "Host of the registry, such as jp.icr.io; a loopback host is spoken to over plain HTTP.",
            rule=rules.registry_host,
        ),
    ]
    repository: Annotated[pulumi.Input[str], Prop("Repository as `namespace/name`.", rule=rules.repository)]
    digest: Annotated[
        pulumi.Input[str],
        Prop("Digest of the image that must be readable; rights don't depend on it.", quiet=True, rule=rules.digest),
    ]
    api_key: Annotated[pulumi.Input[str], Prop("The API key to prove.", secret=True, rule=rules.api_key)]
    policy_id: Annotated[
        pulumi.Input[str], Prop("Id of the policy that gives the right; another policy asks for a new proof.")
    ]
    policy_modified_at: Annotated[
        pulumi.Input[str | None],
        Prop("`lastModifiedAt` of the policy; a change of the policy in place asks for a new proof.", came_later=True),
    ] = None
    timeout_seconds: Annotated[
        pulumi.Input[int],
        Prop("How long IAM may take until the key works.", quiet=True, rule=rules.timeout_seconds),
    ] = 30


class Access(
    Resource,
    token="ibm-native:registry:Access",
    args=AccessArgs,
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

    def __init__(self, name: str, args: AccessArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args, opts)


class AccessLife(LifeCycle):
    """Nothing lies in the cloud: making and updating it is a proof, reading it is one try, deleting it is nothing."""

    declaration = Access.declaration

    def kept(self, call: Call, old: Values, new: Values) -> frozenset[str]:
        """Keep nothing: there is nothing but inputs."""
        del call, old, new
        return frozenset()

    async def create(self, call: Call, inputs: Values) -> tuple[str, Mapping[str, Plain | None]]:
        """Prove that the key can pull."""
        await self._prove(call, inputs)
        return f"{inputs.text('registry_host')}/{inputs.text('repository')}", {}

    async def read(self, call: Call, resource_id: str, inputs: Values, state: Values) -> Found | None:
        """Use the key once: whether it still pulls is what a refresh tells."""
        if not inputs:
            raise ProviderError(
                f"import proof of access {resource_id}", "a proof is made, not imported", "Run `pulumi up` to make it."
            )
        pull = _pull(inputs)
        what = f"see whether the API key still pulls {pull.repository} from {pull.host}"
        trial = call.pace.watch(asyncio.to_thread(login.attempt, pull), within=_TRIAL_SECONDS, why=what)
        found = await trial or login.silent(pull)
        unproved = state.maybe_text("unproved")
        if isinstance(found, login.Proved):
            unproved = None
        elif found.of_key:
            unproved = found.why
        else:
            notice(f"{what}: nothing tells. {found.why[:1].upper()}{found.why[1:]}.")
        return Found(dict(inputs), {"unproved": unproved})

    async def update(self, call: Call, resource_id: str, inputs: Values, state: Values) -> Mapping[str, Plain | None]:
        """Prove it again."""
        del resource_id, state
        await self._prove(call, inputs)
        return {}

    async def delete(self, call: Call, resource_id: str, state: Values) -> None:
        """Do nothing."""

    async def _prove(self, call: Call, inputs: Values) -> None:
        pull = _pull(inputs)
        seconds = inputs.whole("timeout_seconds")
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


def _pull(inputs: Values) -> login.Pull:
    conceal(inputs.text("api_key"))
    return login.Pull(
        inputs.text("registry_host"), inputs.text("repository"), inputs.text("digest"), inputs.text("api_key")
    )
