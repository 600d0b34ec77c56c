"""The Pods' network: one bridge whose host end is made here, so that neither routing nor any packet filter is touched.

Pods and this host reach each other; Pods reach nothing else, and nothing else reaches them.
"""

from __future__ import annotations

import errno
import ipaddress
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager, suppress
from typing import Protocol, cast

import psutil
from pyroute2 import IPRoute, NetlinkError

from base.errors import SandboxError
from sandbox.host.layout import Layout

SUBNET = ipaddress.IPv4Network("198.19.77.0/24")
"""Of the range that RFC 2544 sets aside for tests, so it is nobody's own network."""

GATEWAY = "198.19.77.1"
"""The host's end of the Pods' network. Nothing listens on it."""

SERVICES = "198.19.78.0/24"
"""Kubernetes wants a range for Services; no traffic uses it."""


class _Link(Protocol):
    def get_attr(self, name: str) -> object: ...


class _Netlink(Protocol):
    """What is used of pyroute2's IPRoute, whose own types say little."""

    def link(self, command: str, **attributes: object) -> object: ...
    def addr(self, command: str, **attributes: object) -> object: ...
    def link_lookup(self, **match: object) -> Sequence[int]: ...
    def get_links(self, **match: object) -> Iterable[_Link]: ...


@contextmanager
def _netlink() -> Generator[_Netlink]:
    with IPRoute() as routes:
        yield cast("_Netlink", routes)


def bridge(layout: Layout) -> str:
    """Return the name of this sandbox's bridge (Linux allows 15 characters)."""
    return f"icrs-{layout.tag}"


def ensure_bridge(layout: Layout) -> None:
    """Make the bridge with its address; raises SandboxError if this Linux has none or the range is in use."""
    name = bridge(layout)
    if other := _who_uses(SUBNET, besides=name):
        raise SandboxError(
            f"The Pods' network {SUBNET} is in use on this machine by {other}.",
            f"ip link delete {other}   (if it is left over from another sandbox: run `down` there)",
        )
    with _netlink() as routes:
        found = routes.link_lookup(ifname=name)
        try:
            if not found:
                # A fixed MAC: a bridge without one changes its own with the Pods that come and go.
                routes.link("add", ifname=name, kind="bridge", address=f"02:{_mac(layout.tag)}")
                found = routes.link_lookup(ifname=name)
            if GATEWAY not in _addresses().get(name, ()):
                routes.addr("add", index=found[0], address=GATEWAY, prefixlen=SUBNET.prefixlen)
            routes.link("set", index=found[0], state="up")
        except NetlinkError as error:
            raise _refused("bridges", "bridge", error) from error


def check_veth(layout: Layout) -> None:
    """Raise SandboxError if this Linux can't make the kind of interface that connects a Pod."""
    with _netlink() as routes:
        name = f"icrv-{layout.tag}"
        try:
            routes.link("add", ifname=name, kind="veth", peer=f"icrw-{layout.tag}")
        except NetlinkError as error:
            if error.code != errno.EEXIST:
                raise _refused("veth interfaces", "veth", error) from error
        for index in routes.link_lookup(ifname=name):
            routes.link("del", index=index)


def remove(layout: Layout) -> None:
    """Remove the bridge; the Pods' ends go with their network namespaces."""
    with _netlink() as routes:
        for name in left(layout):
            for index in routes.link_lookup(ifname=name):
                with suppress(NetlinkError):
                    routes.link("del", index=index)


def left(layout: Layout) -> list[str]:
    """Return the interfaces of this sandbox that are there: its bridge, and what is plugged into it."""
    with _netlink() as routes:
        found = routes.link_lookup(ifname=bridge(layout))
        ports = routes.get_links(master=found[0]) if found else ()
        return [*(str(port.get_attr("IFLA_IFNAME")) for port in ports), *([bridge(layout)] if found else [])]


def _addresses() -> dict[str, list[str]]:
    return {name: [entry.address for entry in entries] for name, entries in psutil.net_if_addrs().items()}


def _who_uses(network: ipaddress.IPv4Network, besides: str) -> str | None:
    for name, addresses in _addresses().items():
        for address in addresses:
            with suppress(ipaddress.AddressValueError):
                if name != besides and ipaddress.IPv4Address(address) in network:
                    return name
    return None


def _mac(tag: str) -> str:
    return ":".join((tag + "00")[i : i + 2] for i in range(0, 10, 2))


def _refused(what: str, module: str, error: NetlinkError) -> SandboxError:
    return SandboxError(
        f"This machine's Linux can't make {what}, which connect Pods ({error}).",
        f"modprobe {module}   (in a container: on its host; and start the container with `--privileged`)",
    )
