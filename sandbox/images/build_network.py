"""The network of image builds on the sandbox's own Docker Engine, so that `RUN apt-get install` and its like work.

A bridge, and in front of it this host's own address for what leaves it, as dockerd would make them; but dockerd leaves
its packet filter behind when it ends, and shares its chains with any other. Here the rules are a table of the sandbox's
own (nftables), which goes as one piece.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, cast

from pyroute2 import NetlinkError
from pyroute2.nftables import expressions
from pyroute2.nftables.main import NFTables

from base import progress
from sandbox.host.bridges import Bridge, mac
from sandbox.host.layout import Layout
from sandbox.kubernetes import network

_ADDRESS = ipaddress.IPv4Interface("198.19.79.1/24")
_ACCEPT, _DROP = 1, 0
_IS, _IS_NOT = 0, 1
_NO_NFTABLES = (NetlinkError, OSError)
"""What a Linux without them answers."""
_SOURCE_NAT = 100
"""The priority at which netfilter translates a packet's source."""
_FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")


class _Table(Protocol):
    def get_attr(self, name: str) -> object: ...


class _Nftables(Protocol):
    """What is used of pyroute2's NFTables, which has no types."""

    def table(self, command: str, *, name: str) -> object: ...
    def chain(self, command: str, **attributes: object) -> object: ...
    def rule(self, command: str, *, table: str, chain: str, expressions: Sequence[object]) -> object: ...
    def get_tables(self) -> Iterable[_Table]: ...


class _Expressions(Protocol):
    """What is used of pyroute2's parts of rules, likewise."""

    def ipv4addr(self, src: str | None = None, dst: str | None = None, op: int = _IS) -> object: ...
    def masq(self) -> object: ...
    def verdict(self, code: int) -> object: ...


_parts = cast("_Expressions", expressions)


def bridge(layout: Layout) -> Bridge:
    """Return the bridge that builds, and containers without a network of their choice, are plugged into."""
    return Bridge(f"icrd-{layout.tag}", "The network of image builds", _ADDRESS, mac("06", layout.tag))


def ensure(layout: Layout) -> None:
    """Make the network, unless it is there. Where Linux translates no addresses, builds have no way out: that is said.

    Raises SandboxError as any bridge does.
    """
    bridge(layout).ensure()
    try:
        _remove_rules(layout.name)  # a run that was cut off may have left half of them
        _add_rules(layout.name)
    except _NO_NFTABLES as error:
        _remove_rules(layout.name)
        progress.say(f"  ... this Linux translates no addresses ({error}): RUN steps of image builds reach nothing")
    else:
        # `down` puts back what it was: see sysctls.
        _FORWARDING.write_text("1\n")


def remove(layout: Layout) -> None:
    """Remove bridge and rules."""
    bridge(layout).remove()
    _remove_rules(layout.name)


def left(layout: Layout) -> list[str]:
    """Return a line for each thing of it that is there."""
    rules = [f"packet filter table ip {layout.name}"] if _has_rules(layout.name) else []
    return [*(f"network interface {name}" for name in bridge(layout).left()), *rules]


def _add_rules(table: str) -> None:
    pods, builds = str(network.SUBNET), str(_ADDRESS.network)
    drop = _parts.verdict(_DROP)
    with _nftables() as tables:
        tables.table("add", name=table)
        translation = {"hook": "postrouting", "type": "nat", "priority": _SOURCE_NAT, "policy": _ACCEPT}
        tables.chain("add", table=table, name="builds", **translation)
        tables.rule("add", table=table, chain="builds", expressions=[_parts.ipv4addr(src=builds), _parts.masq()])
        # This host forwards from now on, but Pods stay where they are: with each other and this host.
        tables.chain("add", table=table, name="pods", hook="forward", type="filter", policy=_ACCEPT)
        leaving = [_parts.ipv4addr(src=pods), _parts.ipv4addr(dst=pods, op=_IS_NOT), drop]
        entering = [_parts.ipv4addr(dst=pods), _parts.ipv4addr(src=pods, op=_IS_NOT), drop]
        for crossing in (leaving, entering):
            tables.rule("add", table=table, chain="pods", expressions=crossing)


def _remove_rules(table: str) -> None:
    if _has_rules(table):
        with _nftables() as tables:
            tables.table("del", name=table)


def _has_rules(table: str) -> bool:
    try:
        with _nftables() as tables:
            return any(each.get_attr("NFTA_TABLE_NAME") == table for each in tables.get_tables())
    except _NO_NFTABLES:
        return False


@contextmanager
def _nftables() -> Generator[_Nftables]:
    with NFTables() as tables:
        yield cast("_Nftables", tables)
