"""apt as a resolver and downloader that changes nothing on the system.

It reads the system's sources and keys. Lists and downloads are in a folder of its own, and its list of installed
packages is empty, so that what is installed here (another Docker, say) never changes what is chosen.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from base.errors import SandboxError
from sandbox.toolchain import children

_CHOSEN = re.compile(r"^Inst (?P<name>\S+) \((?P<version>\S+) ", re.MULTILINE)


class PrivateApt:
    """apt on a state of its own below one folder: the system's sources and keys, nobody's lists, nothing installed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._archives = folder / "archives"
        for part in ("lists/partial", "cache/archives/partial", "archives"):
            folder.joinpath(part).mkdir(parents=True)
        folder.joinpath("status").touch()
        settings = {
            "Dir::State::lists": folder / "lists",
            "Dir::State::status": folder / "status",
            "Dir::Cache": folder / "cache",
            "APT::Sandbox::User": "root",
            "APT::Get::AllowUnauthenticated": "false",
            "Debug::NoLocking": "true",
            "Acquire::Languages": "none",
            "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled": "false",
            "Acquire::Retries": "2",
            "Acquire::http::Timeout": "15",
            "Acquire::https::Timeout": "15",
        }
        self._settings = [f"-o{key}={value}" for key, value in settings.items()]
        self._environ = {**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}

    def choose(self, packages: tuple[str, ...], where_known: tuple[str, ...] = ()) -> dict[str, str]:
        """Return name and version of the packages, of those of `where_known` that there are, and of all they need."""
        # A source of a third party that doesn't answer does no harm while every package is found: the choice decides.
        update = self._run("apt-get", "update")
        known = self._run("apt-cache", "pkgnames").stdout.split()
        wanted = [*packages, *(name for name in where_known if name in known)]
        choice = self._run("apt-get", "install", "--simulate", "--no-install-recommends", *wanted)
        if choice.status:
            complaints = [line for line in update.stderr.splitlines() if line.startswith(("E:", "W:", "Err:"))]
            raise _unreachable(complaints[0] if complaints else choice.reason())
        return {match["name"].partition(":")[0]: match["version"] for match in _CHOSEN.finditer(choice.stdout)}

    def download(self, packages: dict[str, str]) -> list[Path]:
        """Download the packages, checked against the signed lists, and return their files."""
        result = self._run("apt-get", "download", *(f"{name}={version}" for name, version in packages.items()))
        if result.status:
            raise _unreachable(result.reason())
        return sorted(self._archives.glob("*.deb"))

    def _run(self, tool: str, *arguments: str) -> children.Result:
        return children.run([tool, *self._settings, *arguments], self._environ, self._archives)


def _unreachable(reason: str) -> SandboxError:
    return SandboxError(
        f"Debian's packages can't be fetched: {reason}",
        "make `apt-get update` work on this machine (network, proxy, sources.list), then run the command again",
    )
