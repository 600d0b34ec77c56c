"""Where IBM Cloud is and who calls it: the defaults, and what the provider's configuration makes of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from ibm_native.cloud.errors import ConfigurationError
from ibm_native.cloud.regions import region_of_url, registry_host
from ibm_native.version import PACKAGE

IAM_ENDPOINT = "https://iam.cloud.ibm.com"
RESOURCE_MANAGER_ENDPOINT = "https://resource-controller.cloud.ibm.com"
WAIT_SECONDS = 60
"""IAM's delay between 201 and 200: seconds to minutes were seen, mostly under ten seconds."""
API_KEY_VARIABLE = "IBMCLOUD_API_KEY"
DEFAULT_REGION = "jp-tok"
"""Region of a registry endpoint of which neither the configuration nor its host says any."""


@dataclass(frozen=True, kw_only=True)
class Connection:
    """Where IBM Cloud is and who calls it; made without a look at the environment or the network."""

    api_key: str | None = field(default=None, repr=False)
    account_id: str | None = None
    region: str | None = None
    iam_endpoint: str = IAM_ENDPOINT
    resource_manager_endpoint: str | None = None
    registry_endpoint: str | None = None
    registry_endpoints: Mapping[str, str] = field(default_factory=dict[str, str])
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
        """Return the endpoint of the registry in `region`; raises ConfigurationError if only others' are set."""
        problem = self.region_problem(region)
        if problem:
            raise ConfigurationError(what, *problem)
        return self.registries.get(region) or f"https://{registry_host(region)}"

    def region_problem(self, region: str) -> tuple[str, str] | None:
        """Return why the registry of `region` can't be reached, and the remedy; None if it can.

        Where any endpoint is set, the others aren't guessed: a call, and the key with it, would go to another cloud.
        """
        if region in self.registries or not self.registries:
            return None
        known = ", ".join(f"{name} at {url}" for name, url in sorted(self.registries.items()))
        remedy = f"Name it: `pulumi config set --path '{PACKAGE}:registryEndpoints.{region}' <URL>`."
        if self.registry_endpoint and not self._says_its_region:
            remedy += f" If it is {self.registry_endpoint}: `pulumi config set {PACKAGE}:region {region}`."
        return f"the provider's configuration names no registry of {region}; it has {known}", remedy

    @cached_property
    def registries(self) -> Mapping[str, str]:
        """Return the configured endpoints by region; empty if each region's own one is meant."""
        single = {self._region_of_the_endpoint: self.registry_endpoint} if self.registry_endpoint else {}
        return {**single, **self.registry_endpoints}

    @property
    def _says_its_region(self) -> bool:
        return bool(self.region or region_of_url(self.registry_endpoint or ""))

    @property
    def _region_of_the_endpoint(self) -> str:
        return self.region or region_of_url(self.registry_endpoint or "") or DEFAULT_REGION
