"""IBM Cloud's side: a real registry, IBM Cloud's stand-in, and the front that makes one address of both."""

from __future__ import annotations

import secrets
import sys
from pathlib import Path
from string import Template

from sandbox import paths, settings
from sandbox.cloud import token_keys
from sandbox.containerd import environ
from sandbox.health import Endpoint
from sandbox.layout import Layout, write_private
from sandbox.supervisor import Command, Part
from sandbox.toolchain.debian import DebianTree

_REGION = "jp-tok"


def ensure_secrets(layout: Layout) -> None:
    """Make what must exist once and stay: the account owner's API key, and the key that signs registry tokens."""
    if not layout.deployer_key.exists():
        write_private(layout.deployer_key, f"{secrets.token_urlsafe(33)}\n")
    if not _upload_secret(layout).exists():
        write_private(_upload_secret(layout), secrets.token_hex(32))
    token_keys.ensure(_token_keys(layout))


def registry(layout: Layout) -> Part:
    """Return the region's registry; it answers 401 to who is not logged in."""
    socket = layout.socket("registry")
    endpoint = Endpoint("http://localhost", socket)
    return Part(
        "registry",
        f"registry of region {_REGION}",
        f"http://{settings.REGISTRY_ADDRESSES[_REGION]}/v2/",
        lambda: endpoint.problem("/v2/", 401),
        usually=1,
        socket=socket,
    )


def registry_command(layout: Layout, debian: DebianTree) -> Command:
    """Write the registry's settings and return how it is started."""
    _, certificate = token_keys.ensure(_token_keys(layout))
    config = layout.write_config(
        "registry.yml",
        data=str(layout.root / "registry" / _REGION),
        socket=str(layout.socket("registry")),
        address=settings.REGISTRY_ADDRESSES[_REGION],
        certificate=str(certificate),
        secret=_upload_secret(layout).read_text(),
    )
    return Command([debian.binary("docker-registry"), "serve", config], environ(layout, debian))


def cloud(layout: Layout) -> Part:
    """Return IBM Cloud's stand-in."""
    socket = layout.socket("cloud")
    endpoint = Endpoint("http://localhost", socket)
    return Part(
        "cloud",
        "IBM Cloud's stand-in",
        f"http://{settings.IAM_ADDRESS}",
        lambda: endpoint.problem("/sandbox/health"),
        usually=1,
        socket=socket,
    )


def cloud_command(layout: Layout) -> Command:
    """Return how the stand-in is started, in this checkout and with this Python."""
    key, certificate = token_keys.ensure(_token_keys(layout))
    regions = [f"--region={region}={address}" for region, address in settings.REGISTRY_ADDRESSES.items()]
    return Command(
        [
            *(sys.executable, "-m", "sandbox.cloud", "--data", layout.root / "cloud", "--uds", layout.socket("cloud")),
            *regions,
            *("--registry-token-key", key, "--registry-token-cert", certificate),
        ],
        {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": str(layout.empty),
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(paths.CHECKOUT),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONUNBUFFERED": "1",
            "SANDBOX_ADMIN_APIKEY": layout.deployer_key.read_text().strip(),
        },
    )


def front() -> Part:
    """Return the front; healthy when registry and stand-in answer through it."""
    region = Endpoint(f"http://{settings.REGISTRY_ADDRESSES[_REGION]}")
    iam = Endpoint(f"http://{settings.IAM_ADDRESS}")

    def problem() -> str | None:
        return region.problem("/v2/", 401) or region.problem("/sandbox/health") or iam.problem("/sandbox/health")

    addresses = ", ".join((settings.IAM_ADDRESS, *settings.REGISTRY_ADDRESSES.values()))
    return Part("front", "front of IAM and registry", addresses, problem, usually=1)


def front_command(layout: Layout, debian: DebianTree) -> Command:
    """Write the front's settings and return how it is started."""
    layout.run.joinpath("front").mkdir(exist_ok=True)
    cloud_socket = str(layout.socket("cloud"))
    region = Template(Path(__file__).parent.joinpath("templates/region.conf").read_text())
    regions = [
        region.substitute(address=address, registry=str(layout.socket("registry")), cloud=cloud_socket)
        for address in settings.REGISTRY_ADDRESSES.values()
    ]
    config = layout.write_config(
        "front.conf",
        run=str(layout.run),
        iam_address=settings.IAM_ADDRESS,
        cloud=cloud_socket,
        regions="".join(regions).rstrip(),
    )
    prefix = layout.run / "front"
    return Command([debian.binary("nginx"), "-p", prefix, "-c", config, "-e", "stderr"], environ(layout, debian))


def _token_keys(layout: Layout) -> Path:
    return layout.root / "registry-token"


def _upload_secret(layout: Layout) -> Path:
    return layout.root / "registry.secret"
