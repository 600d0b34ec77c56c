"""The registry's login: `python -m bench registry_login`.

A push and a pull of a 100 MB image, with token login and the very same way without. Both registries run at once, each
behind a front of its own, and take turns; only the login and the events differ. Per round everything is new to the
registry.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

import httpx

from bench.figures import Figure, figure, ratio, seconds
from sandbox import addresses
from sandbox.endpoints import front, regions, registry, stand_in
from sandbox.host.layout import Layout
from sandbox.host.supervisor import Command
from sandbox.kubernetes import pki
from sandbox.toolchain import debian

WITH, WITHOUT = "jp-tok", "us-south"
_REPOSITORY = "bench-images/large"
_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


@dataclass(frozen=True)
class Side:
    """One of the two registries; `key` is None for the one without a login."""

    host: str
    key: str | None

    @contextmanager
    def client(self, actions: str) -> Generator[httpx.Client]:
        """Give a client, logged in where that is needed."""
        with httpx.Client(base_url=f"http://{self.host}", timeout=300) as http:
            if self.key:
                query = {"service": "registry", "scope": f"repository:{_REPOSITORY}:{actions}"}
                answer = http.get("/oauth/token", params=query, auth=("iamapikey", self.key)).raise_for_status()
                http.headers["Authorization"] = f"Bearer {answer.json()['token']}"
            yield http

    def push(self, layer: bytes, tag: str) -> None:
        """Push an image of one layer."""
        config = json.dumps({"architecture": "amd64", "os": "linux", "tag": tag}).encode()
        with self.client("pull,push") as http:
            parts = [_upload(http, content) for content in (config, layer)]
            manifest = {"schemaVersion": 2, "mediaType": _MANIFEST, "config": parts[0], "layers": parts[1:]}
            url = f"/v2/{_REPOSITORY}/manifests/{tag}"
            http.put(url, content=json.dumps(manifest).encode(), headers={"Content-Type": _MANIFEST}).raise_for_status()

    def pull(self, tag: str) -> None:
        """Pull an image, and look at every byte."""
        with self.client("pull") as http:
            found = http.get(f"/v2/{_REPOSITORY}/manifests/{tag}", headers={"Accept": _MANIFEST}).raise_for_status()
            for part in (found.json()["config"], *found.json()["layers"]):
                seen = hashlib.sha256()
                with http.stream("GET", f"/v2/{_REPOSITORY}/blobs/{part['digest']}") as answer:
                    for piece in answer.iter_raw(1 << 20):
                        seen.update(piece)
                if part["digest"] != f"sha256:{seen.hexdigest()}":
                    raise ValueError(part["digest"])


def measure(quick: bool) -> Iterator[Figure]:
    """Measure pushes and pulls of both sides."""
    with tempfile.TemporaryDirectory(prefix="icr-") as folder, _sides(Path(folder)) as sides:
        took = _measure(sides, 2 if quick else 21, (10 if quick else 100) * 1_000_000)
    for what in ("push", "pull"):
        plain = figure(f"{what} without login", "s", *took[what, WITHOUT])
        logged_in = figure(f"{what} with login", "s", *took[what, WITH])
        yield ratio(f"{what} with login, to one without", logged_in, plain).held(most=1.05)
        yield from (logged_in, plain)


def _measure(sides: dict[str, Side], rounds: int, size: int) -> dict[tuple[str, str], list[float]]:
    noise = bytearray(os.urandom(size))
    took: dict[tuple[str, str], list[float]] = {}
    for number in range(rounds + 1):
        # Who goes first gains or loses by what the disk still has to do, so they take turns.
        for name in (WITH, WITHOUT) if number % 2 else (WITHOUT, WITH):
            noise[:16] = os.urandom(16)
            layer, tag = bytes(noise), str(number)
            pushed = _timed(lambda side=sides[name], layer=layer, tag=tag: side.push(layer, tag))
            pulled = _timed(lambda side=sides[name], tag=tag: side.pull(tag))
            if number:  # the first round warms up
                took.setdefault(("push", name), []).append(pushed)
                took.setdefault(("pull", name), []).append(pulled)
    return took


def _timed(work: Callable[[], None]) -> float:
    os.sync()
    return seconds(work)


def _upload(http: httpx.Client, content: bytes) -> dict[str, object]:
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    where = urlsplit(http.post(f"/v2/{_REPOSITORY}/blobs/uploads/").raise_for_status().headers["location"])
    http.put(f"{where.path}?{where.query}&digest={digest}", content=content).raise_for_status()
    return {"mediaType": "application/octet-stream", "digest": digest, "size": len(content)}


@contextmanager
def _sides(folder: Path) -> Generator[dict[str, Side]]:
    """Start both registries, their fronts and the stand-in on free ports."""
    iam, *hosts = (f"127.0.0.1:{port}" for port in _free_ports(3))
    registries = dict(zip((WITH, WITHOUT), hosts, strict=True))
    own: dict[str, Any] = {"IAM_ADDRESS": iam, "REGISTRY_ADDRESSES": registries, "shared": _on_loopback}
    with mock.patch.multiple(addresses, **own):
        layout = Layout(folder)
        layout.make()
        regions.ensure_secrets(layout)
        pki.ensure(layout.pki, "bench")
        tree = debian.ensure()
        cloud = stand_in.command(layout)
        # A scan reads the image again, a while after its push. It is no part of the way in or out.
        commands = [Command([*cloud.arguments, "--scan-delay=86400"], cloud.environ)]
        for region in registries:
            commands.append(registry.command(layout, tree, region))
            commands.append(front.command(layout, tree, region))
        plain = layout.config / f"{regions.part_name('registry', WITHOUT)}.yml"
        plain.write_text(plain.read_text().partition("auth:")[0])
        with (folder / "log").open("wb") as log:
            processes = [_start(command, log.fileno()) for command in commands]
        try:
            _await(lambda: front.part(WITH).problem() is None)
            _await(lambda: httpx.get(f"http://{registries[WITHOUT]}/v2/").status_code == 200)
            key = layout.deployer_key.read_text().strip()
            _make_namespace(iam, registries[WITH], key)
            yield {WITH: Side(registries[WITH], key), WITHOUT: Side(registries[WITHOUT], None)}
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                process.wait()


def _on_loopback(address: str) -> str:
    """Return what stands for the address that a front shares with Pods: their network may not be there."""
    return address.replace("127.0.0.1", "127.0.0.2")


def _start(command: Command, log: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [str(word) for word in command.arguments], env=dict(command.environ), stderr=log, stdout=log
    )


def _make_namespace(iam: str, host: str, key: str) -> None:
    grant = {"grant_type": "urn:ibm:params:oauth:grant-type:apikey", "apikey": key}
    token = httpx.post(f"http://{iam}/identity/token", data=grant).raise_for_status().json()["access_token"]
    login = {"Authorization": f"Bearer {token}"}
    details = httpx.get(f"http://{iam}/v1/apikeys/details", headers={**login, "IAM-ApiKey": key}).raise_for_status()
    headers = {**login, "Account": details.json()["account_id"]}
    base = f"http://{host}/api/v1"
    httpx.patch(f"{base}/plans", json={"plan": "Standard"}, headers=headers).raise_for_status()
    httpx.put(f"{base}/namespaces/{_REPOSITORY.partition('/')[0]}", headers=headers).raise_for_status()


def _await(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            if holds():
                return
        except httpx.TransportError:
            pass
        time.sleep(0.02)
    raise TimeoutError("the registry, its front or the stand-in does not come up")


def _free_ports(count: int) -> list[int]:
    held = [socket.socket() for _ in range(count)]
    for each in held:
        each.bind(("127.0.0.1", 0))
    ports = [int(each.getsockname()[1]) for each in held]
    for each in held:
        each.close()
    return ports
