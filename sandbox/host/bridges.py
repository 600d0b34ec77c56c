"""Linux's bridges: one is made with the host's end of a network, and removed with what is plugged into it."""

from __future__ import annotations

import ipaddress
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Protocol, cast

import psutil
from pyroute2 import IPRoute, NetlinkError

from base.errors import SandboxError


class _Link(Protocol):
    def get_attr(self, name: str) -> object: ...


class Netlink(Protocol):
    """What is used of pyroute2's IPRoute, whose own types say little."""

    def link(self, command: str, **attributes: object) -> object:
        """Add, change or delete an interface."""
        ...

    def addr(self, command: str, **attributes: object) -> object:
        """Add or delete an address."""
        ...

    def link_lookup(self, **match: object) -> Sequence[int]:
        """Return the numbers of the interfaces that match."""
        ...

    def get_links(self, **match: object) -> Iterable[_Link]:
        """Return the interfaces that match."""
        ...


@contextmanager
def netlink() -> Generator[Netlink]:
    """Connect to the kernel."""
    with IPRoute() as routes:
        yield cast("Netlink", routes)


@dataclass(frozen=True)
class Bridge:
    """A bridge by its name (Linux allows 15 characters), with the host's address in the network behind it."""

    name: str
    what: str
    """What it is for, as in "The Pods' network"."""
    address: ipaddress.IPv4Interface
    mac: str
    """A bridge without a fixed one changes its own with what is plugged in."""

    def ensure(self) -> None:
        """Make it, unless it is there; raises SandboxError if this Linux has none or its range is in use."""
        if other := self._who_uses_its_range():
            raise SandboxError(
                f"{self.what} {self.address.network} is in use on this machine by {other}.",
                f"ip link delete {other}   (if it is left over from another sandbox: run `down` there)",
            )
        with netlink() as routes:
            found = routes.link_lookup(ifname=self.name)
            try:
                if not found:
                    routes.link("add", ifname=self.name, kind="bridge", address=self.mac)
                    found = routes.link_lookup(ifname=self.name)
                if str(self.address.ip) not in _addresses().get(self.name, ()):
                    prefix = self.address.network.prefixlen
                    routes.addr("add", index=found[0], address=str(self.address.ip), prefixlen=prefix)
                routes.link("set", index=found[0], state="up")
            except NetlinkError as error:
                raise refused("bridges", "bridge", error) from error

    def remove(self) -> None:
        """Remove it; the other ends of what is plugged in go with their network namespaces."""
        with netlink() as routes:
            for name in self.left():
                for index in routes.link_lookup(ifname=name):
                    with suppress(NetlinkError):
                        routes.link("del", index=index)

    def left(self) -> list[str]:
        """Return what is there of it: the interfaces that are plugged in, and the bridge."""
        with netlink() as routes:
            found = routes.link_lookup(ifname=self.name)
            ports = routes.get_links(master=found[0]) if found else ()
            return [*(str(port.get_attr("IFLA_IFNAME")) for port in ports), *([self.name] if found else [])]

    def _who_uses_its_range(self) -> str | None:
        for name, addresses in _addresses().items():
            for address in addresses:
                with suppress(ipaddress.AddressValueError):
                    if name != self.name and ipaddress.IPv4Address(address) in self.address.network:
                        return name
        return None


def mac(first: str, tag: str) -> str:
    """Return a MAC address from its first byte and a sandbox's tag."""
    return ":".join([first, *((tag + "00")[i : i + 2] for i in range(0, 10, 2))])


def refused(what: str, module: str, error: NetlinkError) -> SandboxError:
    """Return the error to raise where Linux makes no such interfaces."""
    return SandboxError(
        f"This machine's Linux can't make {what}, which connect Pods ({error}).",
        f"modprobe {module}   (in a container: on its host; and start the container with `--privileged`)",
    )


def _addresses() -> dict[str, list[str]]:
    return {name: [entry.address for entry in entries] for name, entries in psutil.net_if_addrs().items()}
