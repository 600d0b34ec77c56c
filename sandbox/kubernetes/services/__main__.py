"""`python -m sandbox.kubernetes.services API PKI BRIDGE`: follows the cluster's Services until it is stopped.

TCP only. What a Service's port sends is taken by one of its ready Pods, chosen at random for each connection.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx

from sandbox.host.health import Endpoint
from sandbox.kubernetes import network
from sandbox.kubernetes.services.catalog import Catalog, Object
from sandbox.kubernetes.services.names import serve_names
from sandbox.kubernetes.services.proxy import Proxy

_AGAIN = 1.0
"""Seconds until the API server is asked again, when it has gone."""


async def main(server: str, pki: Path, bridge: str) -> None:
    """Serve names and Services, as the API server at `server` (host and port) has them."""
    endpoint = Endpoint(f"https://{server}", pki=pki)
    catalog = Catalog(network.API_SERVICE, server)
    proxy = Proxy(bridge)
    serve_names(catalog)
    await proxy.follow(catalog.routes())
    async with httpx.AsyncClient(
        base_url=endpoint.url, verify=endpoint.tls or False, timeout=httpx.Timeout(10, read=None), trust_env=False
    ) as client:

        async def watch(path: str, known: dict[str, Object]) -> None:
            while True:
                known.clear()
                try:
                    await _read(client, path, known, lambda: proxy.follow(catalog.routes()))
                except httpx.HTTPError as error:
                    print(f"{path}: {error} ({type(error).__name__})", file=sys.stderr)
                await asyncio.sleep(_AGAIN)

        await asyncio.gather(
            watch("/api/v1/services", catalog.services),
            watch("/apis/discovery.k8s.io/v1/endpointslices", catalog.slices),
        )


async def _read(
    client: httpx.AsyncClient, path: str, known: dict[str, Object], changed: Callable[[], Awaitable[None]]
) -> None:
    """Keep `known`, by uid, as the API server tells it: first everything that there is, then each change."""
    async with client.stream("GET", path, params={"watch": "true"}) as answer:
        answer.raise_for_status()
        async for line in answer.aiter_lines():
            event = json.loads(line)
            if event["type"] == "ERROR":
                return
            uid = event["object"]["metadata"]["uid"]
            if event["type"] == "DELETED":
                known.pop(uid, None)
            else:
                known[uid] = event["object"]
            await changed()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3]))
