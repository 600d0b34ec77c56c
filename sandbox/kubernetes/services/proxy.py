"""Takes connections on Services' addresses, which it puts on the Pods' bridge, and hands each to one of its Pods."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import random
import sys
from collections.abc import Mapping, Sequence

import psutil
from pyroute2 import NetlinkError

from sandbox.host.bridges import netlink
from sandbox.kubernetes import network
from sandbox.kubernetes.services.catalog import Address

_CHUNK = 1 << 16


class Proxy:
    """`bridge` is the Pods' bridge, by name; what an earlier process left on it goes with the first routes."""

    def __init__(self, bridge: str) -> None:
        self._bridge = bridge
        self._routes: Mapping[Address, Sequence[Address]] = {}
        self._servers: dict[Address, asyncio.Server] = {}
        self._busy = asyncio.Lock()

    async def follow(self, routes: Mapping[Address, Sequence[Address]]) -> None:
        """Listen where `routes` begin, and nowhere else."""
        self._routes = routes
        async with self._busy:
            for address in self._servers.keys() - routes.keys():
                self._servers.pop(address).close()
            wanted = {host for host, _ in routes}
            held = self._held()
            for host in held - wanted:
                await asyncio.to_thread(self._change, "del", host)
            for host in wanted - held:
                await asyncio.to_thread(self._change, "add", host)
            for address in routes.keys() - self._servers.keys():
                await self._listen(address)

    async def _listen(self, address: Address) -> None:
        async def taken(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await _hand_on(reader, writer, self._routes.get(address, ()))

        try:
            self._servers[address] = await asyncio.start_server(taken, *address)
        except OSError as error:
            print(f"{address[0]}:{address[1]}: {error}", file=sys.stderr)

    def _held(self) -> set[str]:
        found = {each.address for each in psutil.net_if_addrs().get(self._bridge, ())}
        services = ipaddress.IPv4Network(network.SERVICES)
        return {each for each in found if "." in each and ipaddress.IPv4Address(each) in services}

    def _change(self, command: str, address: str) -> None:
        with netlink() as routes, contextlib.suppress(NetlinkError):
            routes.addr(command, index=routes.link_lookup(ifname=self._bridge)[0], address=address, prefixlen=32)


async def _hand_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, targets: Sequence[Address]) -> None:
    """Join a connection with the first target that takes one; without any it is closed."""
    for host, port in random.sample(targets, len(targets)):
        with contextlib.suppress(OSError):
            there, back = await asyncio.open_connection(host, port)
            await asyncio.gather(_pump(reader, back), _pump(there, writer))
            back.close()
            break
    writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while chunk := await reader.read(_CHUNK):
            writer.write(chunk)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
