"""The provider's own configuration: what it is, what is wrong with it, and where values come from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

import pulumi

from ibm_native import rules
from ibm_native.declare import Prop, camel, declared_inputs
from ibm_native.errors import ConfigurationError
from ibm_native.regions import registry_host
from ibm_native.version import PACKAGE

IAM_ENDPOINT = "https://iam.cloud.ibm.com"
RESOURCE_MANAGER_ENDPOINT = "https://resource-controller.cloud.ibm.com"
WAIT_SECONDS = 60
"""IAM's delay between 201 and 200: seconds to minutes were seen, mostly under ten seconds."""
API_KEY_VARIABLE = "IBMCLOUD_API_KEY"


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


@dataclass(frozen=True, kw_only=True)
class Connection:
    """Where IBM Cloud is and who calls it; made without a look at the environment or the network."""

    api_key: str | None = field(default=None, repr=False)
    account_id: str | None = None
    region: str | None = None
    iam_endpoint: str = IAM_ENDPOINT
    resource_manager_endpoint: str | None = None
    registry_endpoint: str | None = None
    wait_seconds: int = WAIT_SECONDS

    @property
    def resource_manager_url(self) -> str:
        """Return the endpoint of the Resource Manager: what is not on IBM Cloud has it where its IAM is."""
        elsewhere = self.iam_endpoint if self.iam_endpoint != IAM_ENDPOINT else RESOURCE_MANAGER_ENDPOINT
        return self.resource_manager_endpoint or elsewhere

    def registry_name(self, region: str, what: str) -> str:
        """Return the host (with its port, if any) under which the registry of `region` names its images."""
        return self.registry_url(region, what).partition("://")[2]

    def registry_url(self, region: str, what: str) -> str:
        """Return the endpoint of the registry in `region`; raises ConfigurationError if another's is set."""
        if self.registry_endpoint is None:
            return f"https://{registry_host(region)}"
        if self.region and self.region != region:
            raise ConfigurationError(
                what,
                f"{PACKAGE}:registryEndpoint ({self.registry_endpoint}) is for {PACKAGE}:region {self.region}, but the "
                f"resource is in {region}",
                f"Give the resource region {self.region}, or an explicit provider for {region}.",
            )
        return self.registry_endpoint
