"""The front of a region, nginx: one address for its registry, login, registry API and Vulnerability Advisor."""

from __future__ import annotations

from pathlib import Path
from string import Template

from sandbox import addresses
from sandbox.endpoints import regions
from sandbox.host.health import Endpoint, silence
from sandbox.host.layout import Layout
from sandbox.host.supervisor import Command, Part
from sandbox.kubernetes.containerd import environ
from sandbox.toolchain.debian import DebianTree

_TEMPLATES = Path(__file__).parent.parent / "templates"


def part(region: str) -> Part:
    """Return a region's front; healthy when registry and stand-in answer through it. The first one is IAM's, too."""
    address = addresses.REGISTRY_ADDRESSES[region]
    here = Endpoint(f"http://{address}")
    iam = Endpoint(f"http://{addresses.IAM_ADDRESS}")
    has_iam = region == addresses.REGION

    def problem() -> str | None:
        found = here.problem("/v2/", 401) or here.problem("/sandbox/health")
        found = found or (iam.problem("/sandbox/health") if has_iam else None)
        host, _, port = addresses.shared(address).partition(":")
        return found or silence(host, int(port))

    what = "front of IAM and registry" if has_iam else f"front of region {region}"
    serves = f"{addresses.IAM_ADDRESS}, {address}" if has_iam else address
    return Part(regions.part_name("front", region), what, serves, problem, usually=1)


def command(layout: Layout, debian: DebianTree, region: str) -> Command:
    """Write a front's settings and return how it is started."""
    name = regions.part_name("front", region)
    prefix = layout.run / name
    prefix.mkdir(exist_ok=True)
    cloud_socket = str(layout.socket("cloud"))
    address = addresses.REGISTRY_ADDRESSES[region]
    servers = [
        _server(
            "region.conf", address=address, registry=str(regions.registry_socket(layout, region)), cloud=cloud_socket
        )
    ]
    served = [address]
    if region == addresses.REGION:
        served.append(addresses.IAM_ADDRESS)
        servers.append(_server("iam.conf", address=addresses.IAM_ADDRESS, cloud=cloud_socket))
    servers += [
        _server("shared.conf", address=each, shared=addresses.shared(each), pki=str(layout.pki)) for each in served
    ]
    config = layout.write_config(
        "front.conf", f"{name}.conf", run=str(layout.run), name=name, servers="".join(servers).rstrip()
    )
    return Command([debian.binary("nginx"), "-p", prefix, "-c", config, "-e", "stderr"], environ(layout, debian))


def _server(template: str, **values: str) -> str:
    return Template((_TEMPLATES / template).read_text()).substitute(values)
