"""A real Docker Engine and a real registry that wants a login, in a folder of their own, while the tests need them."""

from __future__ import annotations

import contextlib
import io
import shutil
import socket
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from sandbox.toolchain import debian

USER = "iamapikey"
PASSWORD = "a-deployers-key"
_HTPASSWD = f"{USER}:$2b$04$tw0o1Isl3hgeA1jZL8eHR.BjTsN7WtdEP1NojmR1.ciftVWKptWA2\n"
_CONTAINERD = """
version = 2
root = "{folder}/containerd"
state = "{folder}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "{folder}/containerd.sock"
"""
_REGISTRY = """
version: 0.1
log: {{level: error}}
storage: {{filesystem: {{rootdirectory: {folder}/registry}}}}
http: {{addr: "{address}"}}
auth: {{htpasswd: {{realm: registry, path: {folder}/htpasswd}}}}
"""


@dataclass(frozen=True)
class Machine:
    """Where the engine and the registry answer."""

    docker_host: str
    registry: str

    def manifest(self, reference: str) -> int:
        """Return the status of a HEAD on `host/repository@digest` or `host/repository:tag`."""
        name = reference.removeprefix(f"{self.registry}/")
        repository, _, tag = name.partition("@") if "@" in name else name.partition(":")
        return httpx.head(
            f"http://{self.registry}/v2/{repository}/manifests/{tag}",
            auth=(USER, PASSWORD),
            headers={"Accept": "application/vnd.docker.distribution.manifest.v2+json"},
        ).status_code

    def image(self, reference: str) -> dict[str, object]:
        """Return what the engine knows of a local image; {} if it has none."""
        answer = self.ask("GET", f"/images/{reference}/json")
        return answer.json() if answer.status_code == 200 else {}

    def forget(self, reference: str) -> None:
        """Remove a local image, and what BuildKit has kept of builds."""
        self.ask("DELETE", f"/images/{reference}").raise_for_status()
        self.ask("POST", "/build/prune?all=1").raise_for_status()

    def import_shell(self, reference: str, *more: str) -> None:
        """Make an image of this machine's `/bin/sh` and a few programs with their libraries, for RUN."""
        programs = ["/bin/sh", "/bin/cat", "/bin/ls", *more]
        listed = subprocess.run(["ldd", *programs], check=True, stdout=subprocess.PIPE, text=True).stdout
        files = {*programs, *(word for word in listed.split() if word.startswith("/") and not word.endswith(":"))}
        content = io.BytesIO()
        with tarfile.open(fileobj=content, mode="w", dereference=True) as tar:
            for file in sorted(files):
                tar.add(file)
        name, _, tag = reference.partition(":")
        self.ask("POST", f"/images/create?fromSrc=-&repo={name}&tag={tag}", content.getvalue()).raise_for_status()

    def ask(self, method: str, path: str, content: bytes = b"") -> httpx.Response:
        """Return the engine's answer."""
        transport = httpx.HTTPTransport(uds=self.docker_host.removeprefix("unix://"))
        with httpx.Client(transport=transport, base_url="http://docker", timeout=60) as client:
            return client.request(method, path, content=content)


@contextmanager
def machine() -> Generator[Machine]:
    """Start containerd, the Docker Engine and a registry from Debian's packages; leave nothing behind."""
    tree = debian.ensure()
    # Not pytest's folder: a socket's path may have 107 characters.
    folder = Path(tempfile.mkdtemp(prefix="icr-docker-"))
    address = f"127.0.0.1:{_free_port()}"
    (folder / "containerd.toml").write_text(_CONTAINERD.format(folder=folder))
    (folder / "registry.yml").write_text(_REGISTRY.format(folder=folder, address=address))
    (folder / "htpasswd").write_text(_HTPASSWD)
    made = Machine(f"unix://{folder}/docker.sock", address)
    commands = {
        "containerd": ["--config", f"{folder}/containerd.toml"],
        "docker-registry": ["serve", f"{folder}/registry.yml"],
        "dockerd": [
            f"--host={made.docker_host}",
            f"--containerd={folder}/containerd.sock",
            f"--data-root={folder}/docker",
            f"--exec-root={folder}/exec",
            f"--pidfile={folder}/dockerd.pid",
            *("--bridge=none", "--iptables=false", "--ip-forward=false"),
        ],
    }
    try:
        with ExitStack() as running:
            for name, arguments in commands.items():
                running.enter_context(_process([str(tree.binary(name)), *arguments], folder / f"{name}.log", tree))
                if name == "containerd":
                    _until(lambda: _connects(folder / "containerd.sock"), folder / "containerd.log")
            _until(lambda: httpx.get(f"http://{address}/v2/").status_code == 401, folder / "docker-registry.log")
            # httpx leaves a socket open when it can't connect, so it is asked only once it can.
            _until(lambda: _connects(folder / "docker.sock"), folder / "dockerd.log")
            _until(lambda: made.ask("GET", "/_ping").text == "OK", folder / "dockerd.log")
            yield made
    finally:
        shutil.rmtree(folder)


@contextmanager
def _process(command: list[str], log: Path, tree: debian.DebianTree) -> Generator[None]:
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=tree.environ())
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


def _until(ready: Callable[[], bool], log: Path) -> None:
    deadline = time.monotonic() + 60
    while True:
        with contextlib.suppress(httpx.TransportError):
            if ready():
                return
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)


def _connects(address: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(address)) == 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
