"""Which regions of the registry run, and the secrets that their parts share."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from pathlib import Path

from base import files
from base.errors import SandboxError
from sandbox import addresses
from sandbox.cloud.core import token_keys
from sandbox.host.layout import Layout


def running(layout: Layout) -> list[str]:
    """Return the regions that run, or are about to."""
    path = _regions(layout)
    return path.read_text().split() if path.exists() else [addresses.REGION]


def running_with(layout: Layout, wanted: Iterable[str]) -> list[str]:
    """Return the regions that run, and those that are wanted too; raises SandboxError for an unknown one."""
    every = {addresses.REGION, *running(layout), *wanted}
    for region in sorted(every - addresses.REGISTRY_ADDRESSES.keys()):
        raise SandboxError(
            f"'{region}' is no region of IBM Cloud Container Registry.",
            f"give one of {', '.join(addresses.REGISTRY_ADDRESSES)}",
        )
    return [region for region in addresses.REGISTRY_ADDRESSES if region in every]


def choose(layout: Layout, chosen: Iterable[str]) -> None:
    """Note which regions run from now on; `down` forgets it."""
    _regions(layout).write_text("".join(f"{region}\n" for region in chosen))


def part_name(kind: str, region: str) -> str:
    """Return the name of a region's registry or front; the region that always runs has the plain name."""
    return kind if region == addresses.REGION else f"{kind}-{region}"


def ensure_secrets(layout: Layout) -> None:
    """Make what must exist once and stay: the account owner's API key, and what registries and stand-in share."""
    if not files.is_there(layout.deployer_key):
        files.write(layout.deployer_key, f"{secrets.token_urlsafe(33)}\n")
    for path in (upload_secret(layout), events_secret(layout)):
        if not files.is_there(path):
            files.write(path, secrets.token_hex(32))
    token_keys.ensure(token_keys_folder(layout))


def _regions(layout: Layout) -> Path:
    return layout.run / "regions"


def registry_socket(layout: Layout, region: str) -> Path:
    """Return the socket of a region's registry."""
    return layout.socket(part_name("registry", region))


def token_keys_folder(layout: Layout) -> Path:
    """Return the folder of the key and certificate that registry tokens are signed with."""
    return layout.root / "registry-token"


def upload_secret(layout: Layout) -> Path:
    """Return the file of the secret by which registries sign unfinished uploads."""
    return layout.root / "registry.secret"


def events_secret(layout: Layout) -> Path:
    """Return the file of the secret by which registries and the stand-in know each other."""
    return layout.root / "registry-events.secret"
