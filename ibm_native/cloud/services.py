"""The SDKs' service clients, each made once and on its first use: the SDKs are slow to load.

Not safe for threads by itself: client.py locks.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Protocol, cast

from ibm_native.cloud.regions import proxies
from ibm_native.cloud.sdk import AccessGroups, Advisor, Groups, Identity, Policies, Registry

_TIMEOUTS = (10.0, 60.0)
"""Seconds to connect, and to wait for an answer."""


class Services:
    """The clients that are in use; all share one authenticator until `close`."""

    def __init__(self) -> None:
        self._made: dict[str, _Service] = {}

    def close(self) -> None:
        """Let go of the clients, and of the connections that they keep open."""
        for each in self._made.values():
            each.get_http_client().close()
        self._made.clear()

    def identity(self, authenticator: object, endpoint: str) -> Identity:
        """Return the client of IAM Identity."""
        from ibm_platform_services.iam_identity_v1 import IamIdentityV1  # noqa: PLC0415  # slow to load

        return cast("Identity", self._service("identity", IamIdentityV1, authenticator, endpoint))

    def policies(self, authenticator: object, endpoint: str) -> Policies:
        """Return the client of IAM Policy Management."""
        from ibm_platform_services.iam_policy_management_v1 import IamPolicyManagementV1  # noqa: PLC0415

        return cast("Policies", self._service("policies", IamPolicyManagementV1, authenticator, endpoint))

    def access_groups(self, authenticator: object, endpoint: str) -> AccessGroups:
        """Return the client of IAM Access Groups."""
        from ibm_platform_services.iam_access_groups_v2 import IamAccessGroupsV2  # noqa: PLC0415

        return cast("AccessGroups", self._service("access groups", IamAccessGroupsV2, authenticator, endpoint))

    def registry(self, authenticator: object, endpoint: str, account: str) -> Registry:
        """Return the client of the Container Registry at `endpoint`."""
        from ibm_container_registry.container_registry_v1 import ContainerRegistryV1  # noqa: PLC0415

        return cast(
            "Registry",
            self._service(endpoint, partial(ContainerRegistryV1, account), authenticator, endpoint),
        )

    def advisor(self, authenticator: object, endpoint: str, account: str) -> Advisor:
        """Return the client of the Vulnerability Advisor at `endpoint`."""
        from ibm_container_registry.vulnerability_advisor_v4 import VulnerabilityAdvisorV4  # noqa: PLC0415

        make = partial(VulnerabilityAdvisorV4, account)
        return cast("Advisor", self._service(f"advisor {endpoint}", make, authenticator, endpoint))

    def groups(self, authenticator: object, endpoint: str) -> Groups:
        """Return the client of the Resource Manager."""
        from ibm_platform_services.resource_manager_v2 import ResourceManagerV2  # noqa: PLC0415

        return cast("Groups", self._service("groups", ResourceManagerV2, authenticator, endpoint))

    def _service(self, name: str, make: Callable[..., object], authenticator: object, endpoint: str) -> object:
        found = self._made.get(name)
        if found is None:
            service = cast("_Service", make(authenticator=authenticator))
            service.set_service_url(endpoint)
            service.set_http_config({"timeout": _TIMEOUTS, "proxies": proxies(endpoint)})
            found = self._made[name] = service
        return found


class _Session(Protocol):
    def close(self) -> None: ...


class _Service(Protocol):
    def get_http_client(self) -> _Session: ...
    def set_service_url(self, service_url: str) -> None: ...
    def set_http_config(self, http_config: dict[str, object]) -> None: ...
