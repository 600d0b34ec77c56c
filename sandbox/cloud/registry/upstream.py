"""The real registry of a region, as the stand-in speaks to it: over its Unix socket, with tokens of its own making.

Only manifests, configurations and what Vulnerability Advisor reads pass through here; users' blobs never do.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sandbox.cloud.registry.images import KINDS
from sandbox.cloud.registry.tokens import RegistryTokens

if TYPE_CHECKING:
    import httpx

ACTOR = "icr-sandbox"
"""The `sub` of the stand-in's own tokens: the registry names it in the events that the stand-in itself caused."""

CONFIG_BYTES = 8 << 20
"""The largest image configuration that is read."""

_PAGE = 1000
_EMPTY = b"{}"
_DOCKER = "application/vnd.docker.distribution.manifest.v2+json"


class UpstreamError(Exception):
    """The registry can't be reached, or fails; the text says what was asked. It may do so later."""


class RefusedError(Exception):
    """The registry refuses what it is asked, and would do so again; the text says what that was."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest, byte for byte."""

    digest: str
    media_type: str
    body: bytes


class Upstream:
    """One region's registry. Must be used by one event loop, and closed there."""

    def __init__(self, region: str, socket: Path, tokens: RegistryTokens) -> None:
        # A stand-in without real registries must not wait for this: a fifth of all that its start loads.
        import httpx  # noqa: PLC0415

        self._region = region
        self._tokens = tokens
        transport, timeout = httpx.AsyncHTTPTransport(uds=str(socket)), httpx.Timeout(10, connect=1)
        self._http = httpx.AsyncClient(transport=transport, base_url="http://localhost", timeout=timeout)
        self._failed = httpx.HTTPError

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def repositories(self) -> list[str]:
        """Return the names of all repositories, also of those that hold nothing any more."""
        return await self._pages("/v2/_catalog", "repositories", "")

    async def tags(self, repository: str) -> list[str]:
        """Return the tags of a repository."""
        return await self._pages(f"/v2/{repository}/tags/list", "tags", repository)

    async def manifest(self, repository: str, reference: str) -> Manifest | None:
        """Return a manifest by tag or digest, or None if the registry has none.

        Raises:
            RefusedError: what has that digest is no manifest.

        """
        headers = {"Accept": ", ".join(KINDS)}
        found = await self._ask("GET", f"/v2/{repository}/manifests/{reference}", repository, headers=headers)
        if found.status_code == 404:
            return None
        if found.status_code != 200:
            # It says 500 to the digest of a large blob: asking again won't help.
            raise RefusedError(f"{repository}@{reference} answers {found.status_code}")
        kind = found.headers.get("content-type", "").partition(";")[0].strip()
        return Manifest(found.headers["docker-content-digest"], kind, found.content)

    async def config(self, repository: str, digest: str) -> str:
        """Return an image's configuration: JSON; `{}` where it is missing or larger than any that is real."""
        async with self.blob(repository, digest) as answer:
            if answer is None or int(answer.headers.get("content-length", 0)) > CONFIG_BYTES:
                return "{}"
            return (await answer.aread()).decode("utf-8", "replace")

    @asynccontextmanager
    async def blob(self, repository: str, digest: str) -> AsyncGenerator[httpx.Response | None]:
        """Give a blob's answer, to be read in pieces; None if the registry has none."""
        path = f"/v2/{repository}/blobs/{digest}"
        try:
            async with self._http.stream("GET", path, headers=self._login(repository)) as answer:
                yield answer if answer.status_code == 200 else None
        except self._failed as error:
            raise UpstreamError(f"GET {path}: {error}") from error

    async def put(self, repository: str, reference: str, media_type: str, body: bytes) -> None:
        """Store a manifest, whose blobs the repository must have."""
        path = f"/v2/{repository}/manifests/{reference}"
        self._expect(await self._ask("PUT", path, repository, headers={"Content-Type": media_type}, content=body), 201)

    async def mount(self, repository: str, source: str, digest: str) -> None:
        """Make a blob of one repository a blob of another one, without moving it."""
        path = f"/v2/{repository}/blobs/uploads/?mount={digest}&from={source}"
        self._expect(await self._ask("POST", path, repository, source), 201)

    async def remove(self, repository: str, digest: str) -> None:
        """Remove a manifest and the tags that name it; one that isn't there is removed already."""
        self._expect(await self._ask("DELETE", f"/v2/{repository}/manifests/{digest}", repository), 202, 404)

    async def unlink(self, repository: str, digest: str) -> None:
        """Remove a blob from a repository."""
        self._expect(await self._ask("DELETE", f"/v2/{repository}/blobs/{digest}", repository), 202, 404)

    async def untag(self, repository: str, name: str) -> None:
        """Remove one tag and keep its manifest.

        The registry can only remove a manifest with all its tags. So the tag gets a manifest of its own, which goes.
        """
        config = {"mediaType": "application/vnd.docker.container.image.v1+json", "size": len(_EMPTY)}
        config["digest"] = await self._upload(repository, _EMPTY)
        # The tag's name makes it differ from every other tag's.
        body: dict[str, object] = {"schemaVersion": 2, "mediaType": _DOCKER, "config": config}
        body |= {"layers": list[str](), "annotations": {"tag": name}}
        content = json.dumps(body).encode()
        await self.put(repository, name, _DOCKER, content)
        await self.remove(repository, _digest(content))

    async def _upload(self, repository: str, content: bytes) -> str:
        digest = _digest(content)
        there = await self._ask("HEAD", f"/v2/{repository}/blobs/{digest}", repository)
        if there.status_code == 200:
            return digest
        started = await self._ask("POST", f"/v2/{repository}/blobs/uploads/", repository)
        self._expect(started, 202)
        where = urlsplit(started.headers["location"])
        path = f"{where.path}?{where.query}&digest={digest}"
        self._expect(await self._ask("PUT", path, repository, content=content), 201)
        return digest

    async def _pages(self, path: str, key: str, repository: str) -> list[str]:
        found: list[str] = []
        path = f"{path}?n={_PAGE}"
        while path:
            answer = await self._ask("GET", path, repository)
            if answer.status_code == 404:
                return found
            self._expect(answer, 200)
            found += answer.json().get(key) or []
            path = answer.links.get("next", {}).get("url", "")
        return found

    async def _ask(
        self,
        method: str,
        path: str,
        *repositories: str,
        headers: dict[str, str] | None = None,
        content: bytes | None = None,
    ) -> httpx.Response:
        login = self._login(*repositories)
        try:
            return await self._http.request(method, path, headers=login | (headers or {}), content=content)
        except self._failed as error:
            raise UpstreamError(f"{method} {path}: {error!r}") from error

    def _login(self, *repositories: str) -> dict[str, str]:
        access: list[dict[str, object]] = [
            {"type": "repository", "name": name, "actions": ["pull", "push", "delete"]} for name in repositories if name
        ]
        access.append({"type": "registry", "name": "catalog", "actions": ["*"]})
        return {"Authorization": f"Bearer {self._tokens.sign(self._region, ACTOR, access)[0]}"}

    @staticmethod
    def _expect(answer: httpx.Response, *statuses: int) -> None:
        if answer.status_code not in statuses:
            request = answer.request
            text = f"{request.method} {request.url.path} answers {answer.status_code}"
            raise UpstreamError(text) if answer.status_code >= 500 else RefusedError(text)


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
