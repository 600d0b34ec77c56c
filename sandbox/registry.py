"""IBM Cloud's side: a real registry a region, IBM Cloud's stand-in, and a front that makes one address of both."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Iterable
from pathlib import Path
from string import Template

from sandbox import paths, settings
from sandbox.cloud import token_keys
from sandbox.containerd import environ
from sandbox.errors import SandboxError
from sandbox.health import Endpoint
from sandbox.layout import Layout, write_private
from sandbox.supervisor import Command, Part
from sandbox.toolchain.debian import DebianTree

_TEMPLATES = Path(__file__).parent / "templates"


def regions(layout: Layout) -> list[str]:
    """Return the regions that run, or are about to."""
    path = _regions(layout)
    return path.read_text().split() if path.exists() else [settings.REGION]


def with_regions(layout: Layout, wanted: Iterable[str]) -> list[str]:
    """Return the regions that run, and those that are wanted too; raises SandboxError for an unknown one."""
    every = {settings.REGION, *regions(layout), *wanted}
    for region in sorted(every - settings.REGISTRY_ADDRESSES.keys()):
        raise SandboxError(
            f"'{region}' is no region of IBM Cloud Container Registry.",
            f"give one of {', '.join(settings.REGISTRY_ADDRESSES)}",
        )
    return [region for region in settings.REGISTRY_ADDRESSES if region in every]


def choose(layout: Layout, chosen: Iterable[str]) -> None:
    """Note which regions run from now on; `down` forgets it."""
    _regions(layout).write_text("".join(f"{region}\n" for region in chosen))


def part_name(kind: str, region: str) -> str:
    """Return the name of a region's registry or front; the region that always runs has the plain name."""
    return kind if region == settings.REGION else f"{kind}-{region}"


def ensure_secrets(layout: Layout) -> None:
    """Make what must exist once and stay: the account owner's API key, and what registries and stand-in share."""
    if not layout.deployer_key.exists():
        write_private(layout.deployer_key, f"{secrets.token_urlsafe(33)}\n")
    for path in (_upload_secret(layout), _events_secret(layout)):
        if not path.exists():
            write_private(path, secrets.token_hex(32))
    token_keys.ensure(_token_keys(layout))


def registry(layout: Layout, region: str) -> Part:
    """Return a region's registry; it answers 401 to who is not logged in."""
    socket = _socket(layout, region)
    endpoint = Endpoint("http://localhost", socket)
    return Part(
        part_name("registry", region),
        f"registry of region {region}",
        f"http://{settings.REGISTRY_ADDRESSES[region]}/v2/",
        lambda: endpoint.problem("/v2/", 401),
        usually=1,
        socket=socket,
    )


def registry_command(layout: Layout, debian: DebianTree, region: str) -> Command:
    """Write a registry's settings and return how it is started."""
    _, certificate = token_keys.ensure(_token_keys(layout))
    config = layout.write_config(
        "registry.yml",
        f"{part_name('registry', region)}.yml",
        data=str(layout.root / "registry" / region),
        socket=str(_socket(layout, region)),
        region=region,
        address=settings.REGISTRY_ADDRESSES[region],
        certificate=str(certificate),
        secret=_upload_secret(layout).read_text(),
        events_secret=_events_secret(layout).read_text(),
    )
    return Command([debian.binary("docker-registry"), "serve", config], environ(layout, debian))


def cloud(layout: Layout) -> Part:
    """Return IBM Cloud's stand-in. It serves all regions, whichever run, so that one more needs no new start."""
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
    return Command(
        [
            *(sys.executable, "-m", "sandbox.cloud", "--data", layout.root / "cloud", "--uds", layout.socket("cloud")),
            *(f"--region={region}={address}" for region, address in settings.REGISTRY_ADDRESSES.items()),
            *(f"--registry={region}={_socket(layout, region)}" for region in settings.REGISTRY_ADDRESSES),
            *("--registry-events-secret", _events_secret(layout), "--advisories", layout.root / "advisories.json"),
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


def front(region: str) -> Part:
    """Return a region's front; healthy when registry and stand-in answer through it. The first one is IAM's, too."""
    address = settings.REGISTRY_ADDRESSES[region]
    here = Endpoint(f"http://{address}")
    iam = Endpoint(f"http://{settings.IAM_ADDRESS}")
    has_iam = region == settings.REGION

    def problem() -> str | None:
        found = here.problem("/v2/", 401) or here.problem("/sandbox/health")
        return found or (iam.problem("/sandbox/health") if has_iam else None)

    what = "front of IAM and registry" if has_iam else f"front of region {region}"
    addresses = f"{settings.IAM_ADDRESS}, {address}" if has_iam else address
    return Part(part_name("front", region), what, addresses, problem, usually=1)


def front_command(layout: Layout, debian: DebianTree, region: str) -> Command:
    """Write a front's settings and return how it is started."""
    name = part_name("front", region)
    prefix = layout.run / name
    prefix.mkdir(exist_ok=True)
    cloud_socket = str(layout.socket("cloud"))
    address = settings.REGISTRY_ADDRESSES[region]
    servers = [_server("region.conf", address=address, registry=str(_socket(layout, region)), cloud=cloud_socket)]
    if region == settings.REGION:
        servers.append(_server("iam.conf", address=settings.IAM_ADDRESS, cloud=cloud_socket))
    config = layout.write_config(
        "front.conf", f"{name}.conf", run=str(layout.run), name=name, servers="".join(servers).rstrip()
    )
    return Command([debian.binary("nginx"), "-p", prefix, "-c", config, "-e", "stderr"], environ(layout, debian))


def _server(template: str, **values: str) -> str:
    return Template((_TEMPLATES / template).read_text()).substitute(values)


def _regions(layout: Layout) -> Path:
    return layout.run / "regions"


def _socket(layout: Layout, region: str) -> Path:
    return layout.socket(part_name("registry", region))


def _token_keys(layout: Layout) -> Path:
    return layout.root / "registry-token"


def _upload_secret(layout: Layout) -> Path:
    return layout.root / "registry.secret"


def _events_secret(layout: Layout) -> Path:
    return layout.root / "registry-events.secret"
