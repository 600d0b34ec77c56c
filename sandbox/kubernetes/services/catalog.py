"""What the API server says of Services: which name has which addresses, and which address leads to which Pods."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sandbox.kubernetes import network

Object = dict[str, Any]
Address = tuple[str, int]
_CLUSTER = ".svc.cluster.local"
_API = "kubernetes.default"


@dataclass
class Catalog:
    """Services and their EndpointSlices by uid, as they are now.

    The Service `kubernetes` has no endpoint that Kubernetes would take, since the API server (`api`, host and port)
    listens on loopback: it is known here.
    """

    api_service: str
    api: str
    services: dict[str, Object] = field(default_factory=dict[str, Object])
    slices: dict[str, Object] = field(default_factory=dict[str, Object])

    def addresses(self, name: str) -> list[str] | None:
        """Return the IPv4 addresses of a name in lower case without the last dot, or None if there is no such name."""
        if name == network.DOMAIN or name.endswith(f".{network.DOMAIN}"):
            return [network.GATEWAY]
        service = name.removesuffix(_CLUSTER)
        if service == name:
            return None
        if service == _API:
            return [self.api_service]
        for each in [*self.services.values()]:
            if service == _name(each):
                return [_address(each)] if _address(each) else sorted(self._ready(service))
        host, _, rest = service.partition(".")
        of_pod = [address for address, name in self._ready(rest).items() if name == host]
        return of_pod or None

    def routes(self) -> dict[Address, list[Address]]:
        """Return where what comes to each Service's TCP ports is to go: to any of these, or to nobody."""
        host, _, port = self.api.partition(":")
        found = {(self.api_service, 443): [(host, int(port))]}
        for service in self.services.values():
            for each in _listed(service["spec"], "ports"):
                if _address(service) and _name(service) != _API and each.get("protocol", "TCP") == "TCP":
                    found[_address(service), each["port"]] = self._targets(_name(service), each.get("name", ""))
        return found

    def _targets(self, service: str, port: str) -> list[Address]:
        return [
            (address, each["port"])
            for slice_ in self._slices(service)
            for each in _listed(slice_, "ports")
            if each.get("name", "") == port
            for address in _ready(slice_)
        ]

    def _ready(self, service: str) -> dict[str, str]:
        """Return the addresses of a Service's ready Pods, each with the Pod's host name where it has one."""
        return {address: name for slice_ in self._slices(service) for address, name in _ready(slice_).items()}

    def _slices(self, service: str) -> Iterator[Object]:
        for slice_ in [*self.slices.values()]:
            about = slice_["metadata"]
            of = about.get("labels", {}).get("kubernetes.io/service-name")
            if f"{of}.{about['namespace']}" == service and slice_["addressType"] == "IPv4":
                yield slice_


def _ready(slice_: Object) -> dict[str, str]:
    return {
        address: each.get("hostname", "")
        for each in _listed(slice_, "endpoints")
        if each.get("conditions", {}).get("ready")
        for address in each["addresses"]
    }


def _listed(of: Object, key: str) -> list[Object]:
    return of.get(key) or []


def _name(service: Object) -> str:
    return f"{service['metadata']['name']}.{service['metadata']['namespace']}"


def _address(service: Object) -> str:
    """Return a Service's own address; a headless one has none."""
    address = service["spec"].get("clusterIP") or ""
    return "" if address == "None" else address
