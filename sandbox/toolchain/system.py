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


_OLDEST = {"debian": "12"}
"""Each distribution whose packages the sandbox's parts can be, and its oldest release; docs/machines.md has why."""

_FIT = "use Debian 12 or 13; a virtual machine or privileged container of one will do"

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


def require_packages() -> None:
    """Raise SandboxError unless the packages of this machine's distribution can be the sandbox's parts."""
    known = _distribution()
    oldest = _OLDEST.get(known.get("ID", ""))
    # Debian's testing and unstable have no number: they are newer than all that do.
    if oldest is None or _numbers(known.get("VERSION_ID", oldest)) < _numbers(oldest):
        raise SandboxError(
            "The sandbox's parts are packages of Debian 12 or newer, "
            f"and this is {known.get('PRETTY_NAME', 'an unknown Linux')}.",
            _FIT,
        )
    missing = [tool for tool in ("apt-get", "apt-cache", "dpkg-deb", "dpkg-query") if shutil.which(tool) is None]
    if missing:
        raise SandboxError(
            f"{' and '.join(missing)} not found: the sandbox's parts are the distribution's packages.",
            f"put /usr/bin on PATH, or {_FIT}",
        )


def _release() -> str:
    known = _distribution()
    return f"{known.get('ID', 'linux')}-{known.get('VERSION_ID', 'unknown')}"


def _distribution() -> dict[str, str]:
    try:
        return platform.freedesktop_os_release()
    except OSError:
        return {}


def _numbers(version: str) -> list[int]:
    return [int(number) for number in version.split(".")]
