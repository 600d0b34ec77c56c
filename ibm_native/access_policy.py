"""IAM access policies, version 2: which roles an identity has on what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import pulumi

from ibm_native import rules
from ibm_native.declare import Prop, Resource

REGISTRY = "container-registry"


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
            "or CRNs.",
            unordered=True,
            rule=rules.role,
        ),
    ]
    region: Annotated[
        pulumi.Input[str] | None,
        Prop("Region that the access is limited to, such as jp-tok; all regions, if absent.", rule=rules.region),
    ] = None
    namespace: Annotated[
        pulumi.Input[str] | None,
        Prop("Registry namespace that the access is limited to; needs `region`.", rule=rules.namespace_name),
    ] = None
    resource_group: Annotated[
        pulumi.Input[str] | None,
        Prop("Id of the resource group that the access is limited to.", rule=rules.resource_group_id),
    ] = None
    service: Annotated[pulumi.Input[str], Prop("Name of the service in IBM's catalogue.", rule=rules.name)] = REGISTRY
    description: Annotated[pulumi.Input[str] | None, Prop("What the policy is for.")] = None


class AccessPolicy(Resource, token="ibm-native:iam:AccessPolicy", args=AccessPolicyArgs):
    """An access policy (v2): roles for one identity, limited to a service, region, namespace or resource group."""

    iam_id: pulumi.Output[str]
    roles: pulumi.Output[Sequence[str]]
    region: pulumi.Output[str | None]
    namespace: pulumi.Output[str | None]
    resource_group: pulumi.Output[str | None]
    service: pulumi.Output[str]
    description: pulumi.Output[str | None]

    def __init__(self, name: str, args: AccessPolicyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args, opts)
