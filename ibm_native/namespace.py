"""Namespaces of IBM Cloud Container Registry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import pulumi

from ibm_native import rules
from ibm_native.declare import Prop, Resource


@dataclass(frozen=True, kw_only=True)
class NamespaceArgs:
    """Inputs of a registry namespace."""

    name: Annotated[
        pulumi.Input[str],
        Prop(
            "Name, 4-30 characters; unique in its region across all IBM Cloud accounts.",
            replaces=True,
            rule=rules.namespace_name,
        ),
    ]
    region: Annotated[
        pulumi.Input[str], Prop("Region of the registry, such as jp-tok.", replaces=True, rule=rules.region)
    ]
    resource_group: Annotated[
        pulumi.Input[str] | None,
        Prop(
            "Id of the resource group; the account's default one, if absent. Can't change.",
            replaces=True,
            rule=rules.resource_group_id,
        ),
    ] = None
    adopt: Annotated[
        pulumi.Input[bool], Prop("Take over a namespace that exists in the account already, rather than refuse.")
    ] = False
    delete_adopted: Annotated[
        pulumi.Input[bool],
        Prop("Delete the namespace, with its images, on destroy even if it was there before (see `adopt`)."),
    ] = False


class Namespace(Resource, token="ibm-native:registry:Namespace", args=NamespaceArgs):
    """A registry namespace. Deleting it deletes its images; one that was adopted stays, unless asked otherwise."""

    name: pulumi.Output[str]
    region: pulumi.Output[str]
    resource_group: pulumi.Output[str | None]
    adopt: pulumi.Output[bool]
    delete_adopted: pulumi.Output[bool]
    crn: Annotated[pulumi.Output[str], Prop("Cloud resource name; empty if the namespace is in no resource group.")]
    adopted: Annotated[pulumi.Output[bool], Prop("Whether the namespace was there before this resource.")]

    def __init__(self, name: str, args: NamespaceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args, opts)
