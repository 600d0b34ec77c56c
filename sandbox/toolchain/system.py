"""What this machine is, and whether the sandbox can live on it; found out before anything is made."""

from __future__ import annotations

import platform
import shutil
import sys
from dataclasses import dataclass
from functools import cache

from base.errors import SandboxError


@dataclass(frozen=True)
class Machine:
    """Names of this machine's kind, as each of the tools' sources spells them."""

    release: str
    """Distribution and its version: debian-12, ubuntu-24.04."""
    debian: str
    go: str
    pulumi: str
    multiarch: str


_ARCHITECTURES = {
    "x86_64": ("amd64", "amd64", "x64", "x86_64-linux-gnu"),
    "aarch64": ("arm64", "arm64", "arm64", "aarch64-linux-gnu"),
}


@cache
def machine() -> Machine:
    """Return this machine's kind; raises SandboxError where the sandbox can't run."""
    remedy = "use such a machine, or a virtual machine or container on this one"
    if sys.platform != "linux":
        raise SandboxError(f"The sandbox runs on Linux only, and this is {platform.system()}.", remedy)
    names = _ARCHITECTURES.get(platform.machine())
    if names is None:
        raise SandboxError(f"The sandbox runs on x86_64 and aarch64, and this is {platform.machine()}.", remedy)
    return Machine(_release(), *names)


def require_apt() -> None:
    """Raise SandboxError unless Debian's package tools are there."""
    missing = [tool for tool in ("apt-get", "dpkg-deb", "dpkg-query") if shutil.which(tool) is None]
    if missing:
        raise SandboxError(
            f"{' and '.join(missing)} not found: the sandbox's parts are Debian's packages, and this is {_release()}.",
            "use Debian 12 or Ubuntu 22.04 or newer; a virtual machine or privileged container of one will do",
        )


def _release() -> str:
    try:
        known = platform.freedesktop_os_release()
    except OSError:
        known = {}
    return f"{known.get('ID', 'linux')}-{known.get('VERSION_ID', 'unknown')}"
