"""A region's registry: Debian's docker-registry, which takes the stand-in's tokens and tells it what happens."""

from __future__ import annotations

from sandbox import addresses
from sandbox.cloud.core import token_keys
from sandbox.endpoints import regions
from sandbox.host.health import Endpoint
from sandbox.host.layout import Layout
from sandbox.host.supervisor import Command, Part
from sandbox.kubernetes.containerd import environ
from sandbox.toolchain.debian import DebianTree


def part(layout: Layout, region: str) -> Part:
    """Return a region's registry; it answers 401 to who is not logged in."""
    socket = regions.registry_socket(layout, region)
    endpoint = Endpoint("http://localhost", socket)
    return Part(
        regions.part_name("registry", region),
        f"registry of region {region}",
        f"http://{addresses.REGISTRY_ADDRESSES[region]}/v2/",
        lambda: endpoint.problem("/v2/", 401),
        usually=1,
        socket=socket,
    )


def command(layout: Layout, debian: DebianTree, region: str) -> Command:
    """Write a registry's settings and return how it is started."""
    _, certificate = token_keys.ensure(regions.token_keys_folder(layout))
    config = layout.write_config(
        "registry.yml",
        f"{regions.part_name('registry', region)}.yml",
        data=str(layout.root / "registry" / region),
        socket=str(regions.registry_socket(layout, region)),
        region=region,
        address=addresses.REGISTRY_ADDRESSES[region],
        certificate=str(certificate),
        secret=regions.upload_secret(layout).read_text(),
        events_secret=regions.events_secret(layout).read_text(),
    )
    return Command([debian.binary("docker-registry"), "serve", config], environ(layout, debian))
