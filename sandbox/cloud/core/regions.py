"""Container Registry's regions and their host names, and which region a request is for."""

from __future__ import annotations

from sandbox.cloud.core import unverified

DOMAINS = {
    "global": "icr.io",
    "au-syd": "au.icr.io",
    "br-sao": "br.icr.io",
    "ca-mon": "ca2.icr.io",
    "ca-tor": "ca.icr.io",
    "eu-de": "de.icr.io",
    "eu-es": "es.icr.io",
    "eu-gb": "uk.icr.io",
    "in-che": "in.icr.io",
    "in-mum": "in2.icr.io",
    "jp-osa": "jp2.icr.io",
    "jp-tok": "jp.icr.io",
    "us-south": "us.icr.io",
}
"""IBM Cloud region -> registry host, from IBM's docs. `global` is icr.io, a geography rather than a region."""

FORMER = frozenset({"ap-north", "ap-south", "eu-central", "uk-south"})
"""Names that the registry's regions had before."""

OTHER_LOCATIONS = frozenset({"us-east", "eu-fr2"})
"""Regions of IBM Cloud's catalog without a registry of their own in IBM's docs."""


def is_location(region: str) -> bool:
    """Tell whether IBM's catalog knows this region name."""
    if region in FORMER:
        return unverified.FORMER_REGIONS_ARE_TAKEN
    return (region in DOMAINS and region != "global") or region in OTHER_LOCATIONS


class Regions:
    """The regions that this stand-in serves; `addresses` maps a region to the host and port that users type."""

    def __init__(self, addresses: dict[str, str]) -> None:
        self.addresses = addresses
        self.first = next(iter(addresses))
        self._by_host = {address: region for region, address in addresses.items()}
        self._aliases: set[str] = set()
        for region in addresses:
            for host in (DOMAINS[region], f"private.{DOMAINS[region]}"):
                self._by_host[host] = region

    def add_alias(self, region: str, address: str) -> None:
        """Let a region have one more address, host and port."""
        self._by_host[address] = region
        self._aliases.add(address)

    def shown(self, region: str, host: str) -> str:
        """Return the address in images' names for who asks the region at `host`: an alias is answered with itself."""
        return host if host in self._aliases else self.addresses[region]

    def of_host(self, host: str) -> str:
        """Return the region that a Host header means; a host that is no region's means the first one."""
        return self._by_host.get(host.lower(), self.first)

    def is_known(self, host: str) -> bool:
        """Tell whether a host is a region's."""
        return host.lower() in self._by_host
