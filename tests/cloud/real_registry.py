"""The real registry process behind a stand-in, and a client that pushes and pulls as Docker does, without Docker."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import secrets
import socket
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from string import Template
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import httpx

from base.paths import CHECKOUT
from sandbox.cloud.advisor.advisories import Advisories
from sandbox.cloud.advisor.scanner import Advisor
from sandbox.cloud.serving.keeper import Registries
from sandbox.cloud.testing import StandIn
from sandbox.toolchain import debian

Json = dict[str, Any]
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
CONFIG = "application/vnd.docker.container.image.v1+json"
LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
BUILT = "2024-05-06T07:08:09Z"

_TEMPLATE = CHECKOUT / "sandbox/templates/registry.yml"


class RealRegistry:
    """One docker-registry process on a Unix socket in `folder`, with the settings that the sandbox gives it."""

    def __init__(self, folder: Path, address: str, certificate: Path, events_secret: str) -> None:
        self.socket = folder / "registry.sock"
        self._config = folder / "registry.yml"
        self._config.write_text(
            Template(_TEMPLATE.read_text()).substitute(
                data=str(folder / "data"),
                socket=str(self.socket),
                secret=secrets.token_hex(16),
                region="jp-tok",
                address=address,
                certificate=str(certificate),
                events_secret=events_secret,
            )
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process; returns when it answers."""
        tree = debian.ensure()
        self.socket.unlink(missing_ok=True)
        self._process = subprocess.Popen(
            [str(tree.binary("docker-registry")), "serve", str(self._config)],
            env=tree.environ(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until(self._answers)

    def stop(self) -> None:
        """Kill the process: what it had not told anybody is lost."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(str(self.socket)) == 0

    def client(self) -> httpx.Client:
        """Return a client of the process."""
        return httpx.Client(transport=httpx.HTTPTransport(uds=str(self.socket)), base_url="http://localhost")


@dataclass(frozen=True)
class Pushed:
    """An image that was pushed: what its manifest's digest and its parts are."""

    repository: str
    digest: str
    config: str
    layers: tuple[str, ...]
    size: int
    manifest: bytes = field(repr=False)


class Client:
    """Somebody with an API key at one region's registry. Tokens are got for each request, as Docker does for a pull."""

    def __init__(self, cloud: StandIn, registry: RealRegistry, key: str) -> None:
        self._url = cloud.url
        self._host = urlsplit(cloud.url).netloc
        self._registry = registry
        self._key = key

    def token(self, repository: str, actions: str) -> httpx.Response:
        """Ask for a token."""
        query = {"service": "registry", "scope": f"repository:{repository}:{actions}"}
        return httpx.get(f"{self._url}/oauth/token", params=query, auth=("iamapikey", self._key))

    @contextmanager
    def at(self, repository: str, actions: str) -> Generator[httpx.Client]:
        """Give a client of the registry that is logged in for one repository."""
        answer = self.token(repository, actions)
        assert answer.status_code == 200, answer.text
        with self._registry.client() as http:
            http.headers.update({"Authorization": f"Bearer {answer.json()['token']}", "Host": self._host})
            yield http

    def push(
        self,
        name: str,
        *layers: bytes,
        built: str | None = BUILT,
        config: Mapping[str, object] | None = None,
    ) -> Pushed:
        """Push an image of these layers, each a gzipped tar, under `namespace/repository:tag`; or without a tag."""
        repository, _, tag = name.partition(":")
        content = {"architecture": "amd64", "os": "linux", "config": {"Env": ["A=b"], "Labels": {"who": "me"}}}
        content |= {"rootfs": {"type": "layers", "diff_ids": [digest_of(layer) for layer in layers]}}
        content |= ({"created": built} if built else {}) | dict(config or {})
        body = json.dumps(content).encode()
        with self.at(repository, "pull,push") as http:
            parts = [descriptor(LAYER, layer) for layer in layers]
            for blob in (body, *layers):
                _upload(http, repository, blob)
            manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": descriptor(CONFIG, body), "layers": parts}
            content_of = json.dumps(manifest).encode()
            self._put(http, repository, tag, MANIFEST, content_of)
        sizes = {part["digest"]: part["size"] for part in (*parts, descriptor(CONFIG, body))}
        digests = tuple(part["digest"] for part in parts)
        return Pushed(repository, digest_of(content_of), digest_of(body), digests, sum(sizes.values()), content_of)

    def push_list(self, name: str, *images: Pushed) -> str:
        """Push a manifest list of images that were pushed to the same repository; returns its digest."""
        repository, _, tag = name.partition(":")
        parts = [
            {**descriptor(MANIFEST, image.manifest), "platform": {"architecture": "amd64", "os": "linux"}}
            for image in images
        ]
        body = json.dumps({"schemaVersion": 2, "mediaType": LIST, "manifests": parts}).encode()
        with self.at(repository, "pull,push") as http:
            self._put(http, repository, tag, LIST, body)
        return digest_of(body)

    def pull(self, name: str) -> int:
        """Pull an image: its manifest, then all that this names. Returns the manifest's status."""
        repository, _, reference = name.partition("@") if "@" in name else name.partition(":")
        with self.at(repository, "pull") as http:
            found = http.get(f"/v2/{repository}/manifests/{reference}", headers={"Accept": MANIFEST})
            if found.status_code == 200:
                manifest = found.json()
                for part in (manifest["config"], *manifest["layers"]):
                    assert http.get(f"/v2/{repository}/blobs/{part['digest']}").status_code == 200
            return found.status_code

    def tags(self, repository: str) -> list[str]:
        """Return the tags that the registry itself has."""
        with self.at(repository, "pull") as http:
            return sorted(http.get(f"/v2/{repository}/tags/list").json().get("tags") or [])

    @staticmethod
    def _put(http: httpx.Client, repository: str, tag: str, kind: str, body: bytes) -> None:
        path = f"/v2/{repository}/manifests/{tag or digest_of(body)}"
        answer = http.put(path, content=body, headers={"Content-Type": kind})
        assert answer.status_code == 201, answer.text


class RealCloud:
    """A stand-in with a real registry behind its first region, in a folder of its own."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="icr-")
        folder = Path(self._folder.name)
        self.advisories = folder / "advisories.json"
        self.advisor = Advisor(0, Advisories(self.advisories))
        secret = secrets.token_hex(16)
        self.cloud = StandIn(registries=Registries({"jp-tok": folder / "registry.sock"}, secret, self.advisor))
        self.host = urlsplit(self.cloud.url).netloc
        self.events_secret = secret
        certificate = folder / "registry-token.crt"
        certificate.write_bytes(self.cloud.world.registry_tokens.certificate)
        self.registry = RealRegistry(folder, self.host, certificate, secret)
        self.registry.start()

    @cached_property
    def owner(self) -> Client:
        """The account's owner at the registry."""
        return self.client(self.cloud.api_key)

    def client(self, key: str) -> Client:
        """Return the holder of this API key at the registry."""
        return Client(self.cloud, self.registry, key)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.registry.stop()
        self.cloud.stop()
        self._folder.cleanup()


def until(holds: Callable[[], object], seconds: float = 10) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it never held"
        time.sleep(0.01)


def layer(files: Mapping[str, bytes | str]) -> bytes:
    """Make a layer of these files."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return gzip.compress(packed.getvalue(), mtime=0)


def descriptor(kind: str, content: bytes) -> Json:
    """Describe a blob as manifests do."""
    return {"mediaType": kind, "digest": digest_of(content), "size": len(content)}


def digest_of(content: bytes) -> str:
    """Return the digest of a blob."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _upload(http: httpx.Client, repository: str, blob: bytes) -> None:
    digest = digest_of(blob)
    if http.head(f"/v2/{repository}/blobs/{digest}").status_code == 200:
        return
    started = http.post(f"/v2/{repository}/blobs/uploads/")
    assert started.status_code == 202, started.text
    where = urlsplit(started.headers["location"])
    answer = http.put(f"{where.path}?{where.query}&digest={digest}", content=blob)
    assert answer.status_code == 201, answer.text
