"""Where IBM Cloud is and who calls it: the defaults, and what the provider's configuration makes of them."""

from __future__ import annotations

from dataclasses import dataclass, field

from ibm_native.cloud.errors import ConfigurationError
from ibm_native.cloud.regions import registry_host
from ibm_native.version import PACKAGE

IAM_ENDPOINT = "https://iam.cloud.ibm.com"
RESOURCE_MANAGER_ENDPOINT = "https://resource-controller.cloud.ibm.com"
WAIT_SECONDS = 60
"""IAM's delay between 201 and 200: seconds to minutes were seen, mostly under ten seconds."""
API_KEY_VARIABLE = "IBMCLOUD_API_KEY"


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
