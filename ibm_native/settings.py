"""The provider's own configuration: what it is, what is wrong with it, and where values come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import pulumi

from ibm_native import rules
from ibm_native.declare import Prop, camel, declared_inputs
from ibm_native.version import PACKAGE

IAM_ENDPOINT = "https://iam.cloud.ibm.com"


@dataclass(frozen=True, kw_only=True)
class ProviderArgs:
    """Inputs of an explicit provider; the default one takes `ibm-native:apiKey` and so on from the config."""

    api_key: Annotated[
        pulumi.Input[str] | None,
        Prop("IAM API key of the deployer; IBMCLOUD_API_KEY of the environment, if absent.", secret=True),
    ] = None
    account_id: Annotated[
        pulumi.Input[str] | None, Prop("Id of the account; the API key's own, if absent.", replaces=True)
    ] = None
    region: Annotated[pulumi.Input[str] | None, Prop("Region that `registryEndpoint` serves.", rule=rules.region)] = (
        None
    )
    iam_endpoint: Annotated[
        pulumi.Input[str] | None, Prop(f"Endpoint of IAM; {IAM_ENDPOINT}, if absent.", rule=rules.endpoint)
    ] = None
    registry_endpoint: Annotated[
        pulumi.Input[str] | None,
        Prop("Endpoint of the registry's API; the region's own, if absent.", rule=rules.endpoint),
    ] = None


PROPERTIES = declared_inputs(ProviderArgs)


class Provider(pulumi.ProviderResource):
    """An explicit instance of the provider, for several accounts or regions in one program."""

    def __init__(self, name: str, args: ProviderArgs | None = None, opts: pulumi.ResourceOptions | None = None) -> None:
        given = args or ProviderArgs()
        props = {camel(each.name): getattr(given, each.name) for each in PROPERTIES}
        if props["apiKey"] is not None:
            props["apiKey"] = pulumi.Output.secret(props["apiKey"])
        super().__init__(PACKAGE, name, props, opts)
