"""The Pods' network: one bridge whose host end is made here, so that neither routing nor any packet filter is touched.

Pods and this host reach each other; Pods reach nothing else, and nothing else reaches them. On the host's end of it
listen the registries and the cloud, over TLS, and `services`.
"""

from __future__ import annotations

import errno
import ipaddress

from pyroute2 import NetlinkError

from sandbox import addresses
from sandbox.host.bridges import Bridge, mac, netlink, refused
from sandbox.host.layout import Layout

SUBNET = ipaddress.IPv4Network("198.19.77.0/24")
"""Of the range that RFC 2544 sets aside for tests, so it is nobody's own network."""

GATEWAY = addresses.HOST_OF_PODS
"""The host's end of the Pods' network."""

SERVICES = "198.19.78.0/24"
"""Services' addresses; `services` puts each on the Pods' bridge while there is such a Service."""

API_SERVICE = "198.19.78.1"
"""The Service `kubernetes`: Kubernetes gives it the range's first address."""

DOMAIN = "sandbox.internal"
"""Every name below it is, for Pods, this machine: `registry.sandbox.internal`, `iam.sandbox.internal`."""


def bridge(layout: Layout) -> Bridge:
    """Return this sandbox's bridge."""
    address = ipaddress.IPv4Interface(f"{GATEWAY}/{SUBNET.prefixlen}")
    return Bridge(f"icrs-{layout.tag}", "The Pods' network", address, mac("02", layout.tag))


def check_veth(layout: Layout) -> None:
    """Raise SandboxError if this Linux can't make the kind of interface that connects a Pod."""
    with netlink() as routes:
        name = f"icrv-{layout.tag}"
        try:
            routes.link("add", ifname=name, kind="veth", peer=f"icrw-{layout.tag}")
        except NetlinkError as error:
            if error.code != errno.EEXIST:
                raise refused("veth interfaces", "veth", error) from error
        for index in routes.link_lookup(ifname=name):
            routes.link("del", index=index)
