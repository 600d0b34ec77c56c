"""The provider's own configuration: what it is, what is wrong with it, and where values come from."""

from __future__ import annotations

from typing import Any

import pulumi

from ibm_native.cloud.connection import DEFAULT_REGION, IAM_ENDPOINT, RESOURCE_MANAGER_ENDPOINT, WAIT_SECONDS
from ibm_native.cloud.regions import region_of_url
from ibm_native.model import rules
from ibm_native.model.derive import Problem
from ibm_native.model.inputs import Args, In, TextsByName
from ibm_native.version import PACKAGE


class ProviderArgs(Args):
    """Inputs of an explicit provider; the default one takes `ibm-native:apiKey` and so on from the config."""

    api_key: In[str | None] = In(
        "IAM API key of the deployer; IBMCLOUD_API_KEY of the environment, or the SDK's own IAM_IDENTITY_..., if "
        "absent.",
        secret=True,
        default=None,
    )
    account_id: In[str | None] = In("Id of the account; the credential's own, if absent.", replaces=True, default=None)
    region: In[str | None] = In(
        f"Region that `registryEndpoint` serves; what its host says, or {DEFAULT_REGION}, if absent.",
        rule=rules.region,
        default=None,
    )
    iam_endpoint: In[str | None] = In(f"Endpoint of IAM; {IAM_ENDPOINT}, if absent.", rule=rules.endpoint, default=None)
    resource_manager_endpoint: In[str | None] = In(
        f"Endpoint of the Resource Manager; `iamEndpoint`, if that is set, else {RESOURCE_MANAGER_ENDPOINT}.",
        rule=rules.endpoint,
        default=None,
    )
    registry_endpoint: In[str | None] = In(
        "Endpoint of the registry of `region`; each region's own, if absent. No resource of another region reaches it.",
        rule=rules.endpoint,
        default=None,
    )
    registry_endpoints: TextsByName = TextsByName(
        "Endpoints of further registries by region, such as `us-south`.", rule=rules.endpoint, default=None
    )
    wait_seconds: In[int] = In(
        "How long IBM Cloud may hide what it has just made, before a create gives up.",
        rule=rules.timeout_seconds,
        default=WAIT_SECONDS,
    )


PROPERTIES = ProviderArgs.properties()


def endpoint_problems(given: ProviderArgs) -> list[Problem]:
    """Return what is wrong with the registries' endpoints together: each has one region, and each region one."""
    found: list[Problem] = []
    region, single = given.region, given.registry_endpoint
    by_region = given.registry_endpoints
    placed = [("registryEndpoint", region, single)] if region and single else []
    placed += [(f"registryEndpoints.{each}", each, url) for each, url in by_region.items()]
    for path, wanted, url in placed:
        expected = rules.region(wanted)
        actual = region_of_url(url)
        if expected:
            found.append(Problem(path, f"region {wanted!r}", expected))
        elif actual not in {None, wanted}:
            found.append(Problem(path, f"{url!r}, which is the registry of {actual}", f"an endpoint of {wanted}"))
    if region and single and by_region.get(region, single) != single:
        found.append(
            Problem(f"registryEndpoints.{region}", "a second endpoint", "the one of registryEndpoint, or none")
        )
    return found


class Provider(pulumi.ProviderResource):
    """An explicit instance of the provider, for several accounts or regions in one program."""

    def __init__(self, name: str, args: ProviderArgs | None = None, opts: pulumi.ResourceOptions | None = None) -> None:
        given = args or ProviderArgs()
        props: dict[str, Any] = {each.wire: vars(given).get(each.name) for each in PROPERTIES}
        if props["apiKey"] is not None:
            props["apiKey"] = pulumi.Output.secret(props["apiKey"])
        super().__init__(PACKAGE, name, props, opts)
