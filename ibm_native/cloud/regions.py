"""IBM Cloud Container Registry's regions: names, former names and hosts. Pure.

From IBM's docs ("Regions" in the overview of Container Registry and its release notes). The SDK's own map lacks the
newer regions and answers None for what it doesn't know, so this table is the one that counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

REGISTRY_HOSTS = {
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
"""Region to registry host; `global` is icr.io itself, which IAM calls a geography and not a region."""

FORMER_NAMES = {"ap-south": "au-syd", "eu-central": "eu-de", "uk-south": "eu-gb", "ap-north": "jp-tok"}
"""Names that the registry had for its regions before; IAM checks a policy's region against today's."""

_REGIONS_BY_HOST = {host: region for region, host in REGISTRY_HOSTS.items()}


def region_problem(region: str) -> str | None:
    """Return what was expected instead of `region`, or None if it is a region of the registry."""
    if region in REGISTRY_HOSTS:
        return None
    if region in FORMER_NAMES:
        return f"{FORMER_NAMES[region]}, which is that region's name today"
    return "one of " + ", ".join(sorted(REGISTRY_HOSTS))


def registry_host(region: str) -> str:
    """Return the registry's host in `region`; raises KeyError for a name that `region_problem` refuses."""
    return REGISTRY_HOSTS[region]


def region_of_host(host: str) -> str | None:
    """Return the region whose registry answers at `host` (its private name too), or None."""
    return _REGIONS_BY_HOST.get(host.removeprefix("private."))


def region_of_url(url: str) -> str | None:
    """Return the region whose registry answers at `url`, or None."""
    return region_of_host(urlsplit(url).hostname or "")


def is_loopback(host: str) -> bool:
    """Tell whether `host` (a port may follow) is this machine, which Docker speaks plain HTTP to."""
    name = host.rpartition(":")[0] if host.count(":") == 1 else host
    return name == "localhost" or (name.startswith("127.") and all(part.isdigit() for part in name.split(".")))


def proxies(url: str) -> Mapping[str, str] | None:
    """Return the proxies that requests to `url` go by: none to this machine, else what the environment says."""
    return {"http": "", "https": ""} if is_loopback(urlsplit(url).netloc) else None


def base_url(host: str) -> str:
    """Return the URL that a registry host is spoken to at: HTTP on loopback, HTTPS everywhere else."""
    return f"{'http' if is_loopback(host) else 'https'}://{host}"
