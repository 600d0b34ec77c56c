"""The Docker Engine that builds and pushes: the user's own if it can reach the sandbox's registry, else Debian's."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import cast

import httpx

from base import files
from sandbox.host.health import Endpoint
from sandbox.host.layout import Layout
from sandbox.host.supervisor import Command, Part
from sandbox.images import build_network
from sandbox.kubernetes.containerd import environ, proxies, trust
from sandbox.toolchain.debian import DebianTree

_USUAL = "unix:///var/run/docker.sock"


def choose(layout: Layout) -> bool:
    """Return True if the sandbox runs a Docker Engine of its own, and write DOCKER_HOST's value for whoever asks.

    What was chosen once stays chosen as long as it can be used, because images are in it.
    """
    own = _address(layout)
    before = layout.docker_host.read_text().strip() if layout.docker_host.exists() else ""
    candidates = [] if before == own else [before, os.environ.get("DOCKER_HOST", ""), _USUAL]
    users = next((address for address in candidates if address and address != own and usable(address)), None)
    files.write(layout.docker_host, f"{users or own}\n")
    return users is None


def chosen(layout: Layout) -> str:
    """Return the address of the Docker Engine in use, as DOCKER_HOST has it."""
    return layout.docker_host.read_text().strip() if layout.docker_host.exists() else _address(layout)


def is_own(layout: Layout) -> bool:
    """Return True unless the user's own Docker Engine is in use."""
    return chosen(layout) == _address(layout)


def usable(address: str) -> bool:
    """Return True if a Docker Engine answers there that shares this machine's loopback, where the registry is.

    Docker Desktop, rootless engines and remote ones have a loopback of their own.
    """
    if not address.startswith("unix://"):
        return False
    try:
        with _endpoint(address).client() as client:
            answer = client.get("/info")
            answer.raise_for_status()
    except (httpx.HTTPError, OSError):
        return False
    info = cast("dict[str, object]", answer.json())
    security = " ".join(map(str, cast("list[str] | None", info.get("SecurityOptions")) or []))
    return (
        info.get("OSType") == "linux"
        and info.get("OperatingSystem") != "Docker Desktop"
        and "rootless" not in security
        and info.get("Name") == platform.node()
        and info.get("KernelVersion") == platform.release()
    )


def part(layout: Layout) -> Part:
    """Return the Docker Engine in use."""
    address = chosen(layout)
    endpoint = _endpoint(address)
    own = layout.socket("docker") if is_own(layout) else None
    return Part("docker", "Docker Engine", address, lambda: endpoint.problem("/_ping"), usually=2, socket=own)


def command(layout: Layout, debian: DebianTree) -> Command:
    """Return how Debian's Docker Engine is started: with a bridge and a packet filter that are not its own."""
    settings = layout.config / "docker.json"
    files.write(settings, "{}\n")
    flags = {
        "config-file": settings,
        "host": _address(layout),
        "group": "root",
        "data-root": store(layout),
        "exec-root": layout.run / "docker",
        # None of its own: after a crash a stranger may have that number, and it would refuse to start.
        "pidfile": "",
        "containerd": layout.socket("containerd"),
        "cgroup-parent": f"/{layout.name}/docker",
        "exec-opt": "native.cgroupdriver=cgroupfs",
        "bridge": build_network.bridge(layout).name,
        "iptables": "false",
        "ip-forward": "false",
        "ip-masq": "false",
        "userland-proxy": "false",
    }
    arguments: list[str | Path] = [debian.binary("dockerd"), *(f"--{name}={value}" for name, value in flags.items())]
    return Command(arguments, environ(layout, debian) | proxies() | trust(layout))


def store(layout: Layout) -> Path:
    """Return the folder of the images and containers of the sandbox's own Docker Engine."""
    return layout.root / "docker"


def engine(layout: Layout) -> Endpoint:
    """Return the HTTP API of the Docker Engine in use."""
    return _endpoint(chosen(layout))


def _address(layout: Layout) -> str:
    return f"unix://{layout.socket('docker')}"


def _endpoint(address: str) -> Endpoint:
    return Endpoint("http://localhost", Path(address.removeprefix("unix://")))
