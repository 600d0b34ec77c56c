"""IAM service IDs: the identity of something that is not a person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import pulumi

from ibm_native import rules
from ibm_native.declare import Prop, Resource


@dataclass(frozen=True, kw_only=True)
class ServiceIdArgs:
    """Inputs of a service ID."""

    name: Annotated[pulumi.Input[str], Prop("Name of the service ID; need not be unique.", rule=rules.name)]
    description: Annotated[pulumi.Input[str] | None, Prop("What the service ID is for.")] = None


class ServiceId(Resource, token="ibm-native:iam:ServiceId", args=ServiceIdArgs):
    """An IAM service ID: an identity for a program, with its own policies and API keys."""

    name: pulumi.Output[str]
    description: pulumi.Output[str | None]
    iam_id: Annotated[pulumi.Output[str], Prop("IAM ID, `iam-ServiceId-<uuid>`: what policies and API keys name.")]
    crn: Annotated[pulumi.Output[str], Prop("Cloud resource name of the service ID.")]

    def __init__(self, name: str, args: ServiceIdArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args, opts)
