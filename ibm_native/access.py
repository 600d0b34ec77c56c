"""Proof by use: an API key can pull one image from a registry, before anything depends on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import pulumi

from ibm_native import rules
from ibm_native.declare import Prop, Resource


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
    api_key: Annotated[pulumi.Input[str], Prop("The API key to prove.", secret=True, rule=rules.name)]
    policy_id: Annotated[
        pulumi.Input[str], Prop("Id of the policy that gives the right; another policy asks for a new proof.")
    ]
    timeout_seconds: Annotated[
        pulumi.Input[int],
        Prop("How long IAM may take until the key works.", quiet=True, rule=rules.timeout_seconds),
    ] = 30


class Access(Resource, token="ibm-native:registry:Access", args=AccessArgs):
    """A check by use: the key is exchanged for a registry token and the image's manifest is read.

    IAM's delays are waited out; then the deployment fails with the cause, minutes before a Pod would. What depends on
    `apiKey` of this resource gets a key that was seen to work.
    """

    registry_host: pulumi.Output[str]
    repository: pulumi.Output[str]
    policy_id: pulumi.Output[str]
    api_key: Annotated[pulumi.Output[str], Prop("The key, proved.", secret=True)]

    def __init__(self, name: str, args: AccessArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args, opts)
