"""The provider's own configuration: what it is, what is wrong with it, and where values come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import pulumi

from ibm_native.cloud.connection import IAM_ENDPOINT, RESOURCE_MANAGER_ENDPOINT, WAIT_SECONDS
from ibm_native.model import rules
from ibm_native.model.declare import Prop, camel, declared_inputs
from ibm_native.version import PACKAGE


@dataclass(frozen=True, kw_only=True)
class ProviderArgs:
    """Inputs of an explicit provider; the default one takes `ibm-native:apiKey` and so on from the config."""

    api_key: Annotated[
        pulumi.Input[str] | None,
        Prop(
            "IAM API key of the deployer; IBMCLOUD_API_KEY of the environment, or the SDK's own IAM_IDENTITY_..., if "
            "absent.",
            secret=True,
        ),
    ] = None
    account_id: Annotated[
        pulumi.Input[str] | None, Prop("Id of the account; the credential's own, if absent.", replaces=True)
    ] = None
    region: Annotated[pulumi.Input[str] | None, Prop("Region that `registryEndpoint` serves.", rule=rules.region)] = (
        None
    )
    iam_endpoint: Annotated[
        pulumi.Input[str] | None, Prop(f"Endpoint of IAM; {IAM_ENDPOINT}, if absent.", rule=rules.endpoint)
    ] = None
    resource_manager_endpoint: Annotated[
        pulumi.Input[str] | None,
        Prop(
            f"Endpoint of the Resource Manager; `iamEndpoint`, if that is set, else {RESOURCE_MANAGER_ENDPOINT}.",
            rule=rules.endpoint,
        ),
    ] = None
    registry_endpoint: Annotated[
        pulumi.Input[str] | None,
        Prop("Endpoint of the registry's API; the region's own, if absent.", rule=rules.endpoint),
    ] = None
    wait_seconds: Annotated[
        pulumi.Input[int],
        Prop(
            "How long IBM Cloud may hide what it has just made, before a create gives up.", rule=rules.timeout_seconds
        ),
    ] = WAIT_SECONDS


PROPERTIES = declared_inputs(ProviderArgs)


class Provider(pulumi.ProviderResource):
    """An explicit instance of the provider, for several accounts or regions in one program."""

    def __init__(self, name: str, args: ProviderArgs | None = None, opts: pulumi.ResourceOptions | None = None) -> None:
        given = args or ProviderArgs()
        props = {camel(each.name): getattr(given, each.name) for each in PROPERTIES}
        if props["apiKey"] is not None:
            props["apiKey"] = pulumi.Output.secret(props["apiKey"])
        super().__init__(PACKAGE, name, props, opts)
