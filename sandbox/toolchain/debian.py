"""Debian's packages, unpacked into the cache: the system's own packages stay as they are, and no root is needed.

What a package needs and the system lacks comes with it. The system's package state is only read.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from base import paths, progress
from base.errors import SandboxError
from sandbox.toolchain import cache, children, system
from sandbox.toolchain.apt import PrivateApt
from sandbox.toolchain.space import GIB, Need

Packages: TypeAlias = Mapping[str, tuple[str, ...]]
"""Names of packages, each with those of its programs that are used."""

PACKAGES: Packages = {
    "catatonit": ("catatonit",),
    "containerd": ("containerd", "containerd-shim-runc-v2", "ctr"),
    "containernetworking-plugins": ("bridge", "host-local"),
    "docker-registry": ("docker-registry",),
    "docker.io": ("docker", "dockerd"),
    "mmdebstrap": ("mmdebstrap",),
    "nginx-light": ("nginx",),
    "runc": ("runc",),
}
"""Always unpacked, so that the versions are Debian's, whatever else is installed."""

SPLIT = ("docker-cli", "docker-buildx")
"""Unpacked too where the release has them: there, a part of PACKAGES has become a package of its own."""

HELPERS = ("iproute2", "iptables", "kmod", "mount", "procps")
"""Unpacked only where the system lacks them: the system's own know its kernel and its settings."""

BROWSER = {"chromium": ("chromium",), "chromium-driver": ("chromedriver",), "fonts-dejavu-core": ()}
"""What a test looks at pages with: a tree of its own, which only tests ask for."""

_CNI = "usr/lib/cni"
_BINARIES = ("usr/sbin", "usr/bin", "sbin", "bin")
_RELIES_ON = ".relies-on"
_WHAT = "Debian's packages (Docker Engine, containerd, registry, nginx)"
NEED = Need(_WHAT, paths.cache(), GIB // 2)
_LAYOUT = "1"
"""Raised when what this module does with the packages changes."""


@dataclass(frozen=True)
class DebianTree:
    """A folder laid out as a Debian system's root, with only the unpacked packages in it."""

    root: Path
    multiarch: str
    """Name of the folder of libraries: x86_64-linux-gnu or aarch64-linux-gnu."""

    def path(self, relative: str) -> Path:
        """Return a file or folder of the tree, as in `path("usr/lib/cni")`; raises SandboxError if it isn't there."""
        found = self.root / relative
        if not found.exists():
            raise _broken(self.root, relative)
        return found

    def binary(self, name: str) -> Path:
        """Return a program: the tree's, else the system's; raises SandboxError if neither has it."""
        for folder in _BINARIES:
            if (found := self.root / folder / name).is_file():
                return found
        if on_path := shutil.which(name):
            return Path(on_path)
        raise _broken(self.root, name)

    @property
    def docker_plugins(self) -> Path:
        """Return the folder of the docker client's plugins, if its release has any: buildx, where it isn't built in."""
        return self.root / "usr/libexec/docker/cli-plugins"

    def environ(self, base: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return `base` (else this process's environment) with what the tree's programs need to find each other."""
        environ = dict(os.environ if base is None else base)
        self._prepend(environ, "PATH", [self.root / folder for folder in _BINARIES])
        self._prepend(
            environ, "LD_LIBRARY_PATH", [self.root / "usr/lib" / self.multiarch, self.root / "lib" / self.multiarch]
        )
        perl = [self.root / "usr/share/perl5"]
        perl += sorted(self.root.glob("usr/share/perl/5.*")) + sorted(
            self.root.glob(f"usr/lib/{self.multiarch}/perl/5.*")
        )
        self._prepend(environ, "PERL5LIB", perl)
        self._prepend(environ, "XTABLES_LIBDIR", [self.root / "usr/lib" / self.multiarch / "xtables"])
        return environ

    @staticmethod
    def _prepend(environ: dict[str, str], variable: str, folders: list[Path]) -> None:
        there = [str(folder) for folder in folders if folder.is_dir()]
        if there:
            environ[variable] = os.pathsep.join([*there, *filter(None, [environ.get(variable)])])


def find(packages: Packages = PACKAGES) -> DebianTree | None:
    """Return the tree if it has been unpacked and the system still has what it leans on."""
    machine = system.machine()
    root = cache.find(_key(machine, packages))
    if root is None or not _fits(root, machine):
        return None
    return DebianTree(root, machine.multiarch)


def ensure(packages: Packages = PACKAGES) -> DebianTree:
    """Return the tree; downloads and unpacks what is missing. Raises SandboxError if it can't be had."""
    if tree := find(packages):
        return tree
    machine = system.machine()
    system.require_packages()
    key, what = _key(machine, packages), _what(packages)
    if cache.find(key):
        with cache.locked(key, what):
            root = cache.find(key)
            if root and not _fits(root, machine):
                cache.drop(key)
    root = cache.obtain(key, what, lambda folder: _make(folder, machine, packages))
    return DebianTree(root, machine.multiarch)


def _key(machine: system.Machine, packages: Packages) -> str:
    wanted = hashlib.sha256(" ".join((_LAYOUT, *packages, *SPLIT, *HELPERS)).encode()).hexdigest()[:12]
    return f"packages-{machine.release}-{machine.debian}-{wanted}"


def _what(packages: Packages) -> str:
    return _WHAT if packages is PACKAGES else f"Debian's packages ({', '.join(packages)})"


def _fits(root: Path, machine: system.Machine) -> bool:
    relied_on = root.joinpath(_RELIES_ON).read_text().split()
    return _installed(machine).issuperset(relied_on)


def _installed(machine: system.Machine) -> set[str]:
    listed = children.run(["dpkg-query", "-W", "-f", "${Package} ${Architecture} ${db:Status-Status}\n"]).stdout
    rows = (line.split() for line in listed.splitlines())
    return {row[0] for row in rows if row[1:] in ([machine.debian, "installed"], ["all", "installed"])}


def _make(folder: Path, machine: system.Machine, packages: Packages) -> None:
    with progress.step(f"fetch and unpack {_what(packages)}", usually=30):
        apt = PrivateApt(folder / ".apt")
        chosen = apt.choose((*packages, *HELPERS), SPLIT)
        installed = _installed(machine)
        own = {*packages, *SPLIT}
        missing = {name: version for name, version in chosen.items() if name in own or name not in installed}
        for archive in apt.download(missing):
            unpacked = children.run(["dpkg-deb", "--extract", archive, folder])
            if unpacked.status:
                raise _unpack_failed(archive, unpacked.reason())
        shutil.rmtree(apt.folder)
        _name_iptables(folder)
        _require_programs(folder, machine, packages)
        folder.joinpath(_RELIES_ON).write_text("\n".join(sorted(chosen.keys() - missing.keys())))


def _name_iptables(root: Path) -> None:
    """Give iptables its plain names, which Debian makes when a package is installed, not when it is unpacked."""
    folder = root / "usr/sbin"
    if folder.joinpath("xtables-nft-multi").exists():
        for name in (
            "iptables",
            "iptables-save",
            "iptables-restore",
            "ip6tables",
            "ip6tables-save",
            "ip6tables-restore",
        ):
            folder.joinpath(name).symlink_to("xtables-nft-multi")


def _require_programs(root: Path, machine: system.Machine, packages: Packages) -> None:
    """Raise SandboxError if a program is missing that the sandbox runs: found here, not after all else is built."""
    folders = [root / folder for folder in (*_BINARIES, _CNI)]
    for package, programs in packages.items():
        for program in programs:
            if not any(folder.joinpath(program).exists() for folder in folders):
                raise SandboxError(
                    f"{machine.release} has no {program} in its package {package}, where Debian 12 has it.",
                    "use Debian 12 or 13; a virtual machine or privileged container of one will do",
                )


def _unpack_failed(archive: Path, reason: str) -> SandboxError:
    full = "No space left" in reason
    return SandboxError(
        f"{archive.name} can't be unpacked: {reason}",
        "free some space there, or set ICR_SANDBOX_CACHE to a folder on a larger disk"
        if full
        else "run the command again",
    )


def _broken(root: Path, name: str) -> SandboxError:
    return SandboxError(
        f"{name} is not in {root}, where Debian's packages should have put it.", f"rm -r {root}; make up"
    )
