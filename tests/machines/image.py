"""The disk of a plain machine: a Debian as its installer leaves it, with sshd, and what README asks for."""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import subprocess
from pathlib import Path

from base import paths
from base.errors import SandboxError
from base.progress import step
from sandbox.toolchain import cache
from tests.checkout import files_of
from tests.machines import user_mode

SUITES = {"debian-12": "bookworm", "debian-13": "trixie"}
USER, ROOTS_PASSWORD = "someone", "of-root"
"""Who has this checkout on the machine; without sudo, as where a password for root was given to Debian's installer."""
_HOME = f"home/{USER}"
CHECKOUT = f"{_HOME}/checkout"
"""Below the machine's root."""
_PACKAGES = (
    "apparmor",
    "ca-certificates",
    "dbus",
    "libpam-systemd",
    "linux-image-amd64",
    "make",
    "openssh-server",
    "python3-venv",
    "systemd-sysv",
)
_SIZE = "20G"
_NETWORK = "[Match]\nName=en* eth*\n[Network]\nDHCP=yes\n"
_NAMES = "nameserver 10.0.2.3\n"
"""The name server of the user network that qemu and user-mode Linux give, which asks this machine's."""
_AUTHORITIES = Path("etc/ssl/certs/ca-certificates.crt")
_TOOLS = ("node-*", "pulumi-*")
"""Entries of the tools' cache that are the same on every distribution, and take long to build."""


def make(release: str, folder: Path, *, prepare: bool, environ: dict[str, str]) -> None:
    """Make disk.img, vmlinuz, initrd.img, and the private key for root and USER, in a folder.

    USER gets this checkout, this user's tools and Go. With `prepare` it also gets what `make up` would fetch:
    installed in its tree, by its own Python and apt, before it boots.
    """
    with step(f"make the disk of a plain {release}", usually=60):
        root, key = folder / "root", folder / "key"
        _run("cp", "-a", _tree(release) / "root", root)
        _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key)
        _run("chroot", root, "useradd", "--create-home", "--shell", "/bin/bash", USER)
        _run("chroot", root, "sh", "-c", f'echo "root:{ROOTS_PASSWORD}" | chpasswd')
        for home in ("root", _HOME):
            root.joinpath(home, ".ssh").mkdir(mode=0o700, exist_ok=True)
            root.joinpath(home, ".ssh/authorized_keys").write_bytes(key.with_suffix(".pub").read_bytes())
        _give(root)
        if user_mode.is_installed():
            user_mode.fit(root)
        if prepare:
            _prepare(root, environ)
        _run("chroot", root, "chown", "--recursive", f"{USER}:", f"/{_HOME}")
        for name in ("vmlinuz", "initrd.img"):
            shutil.copyfile(root / name, folder / name)
        _run("mke2fs", "-q", "-t", "ext4", "-d", root, folder / "disk.img", _SIZE)
        shutil.rmtree(root)


def _tree(release: str) -> Path:
    suite = SUITES[release]
    recipe = hashlib.sha256(" ".join((suite, *_PACKAGES, _NETWORK, _NAMES)).encode()).hexdigest()[:12]

    def install(folder: Path) -> None:
        with step(f"install a plain {release}", usually=120):
            _install(folder / "root", suite)

    return cache.obtain(f"machine-{release}-{recipe}", f"a plain {release}", install)


def _install(root: Path, suite: str) -> None:
    include = f"--include={','.join(_PACKAGES)}"
    settings = [f"--aptopt={line}" for line in _apt_settings()]
    _run("mmdebstrap", "--variant=important", include, *settings, suite, root, *_sources(suite))
    root.joinpath("etc/hostname").write_text(f"{suite}\n")
    root.joinpath("etc/hosts").write_text(f"127.0.0.1 localhost\n127.0.1.1 {suite}\n")
    root.joinpath("etc/resolv.conf").write_text(_NAMES)
    root.joinpath("etc/systemd/network/lan.network").write_text(_NETWORK)
    wanted = root / "etc/systemd/system/multi-user.target.wants"
    wanted.joinpath("systemd-networkd.service").symlink_to("/lib/systemd/system/systemd-networkd.service")
    if (ours := Path("/") / _AUTHORITIES).exists():
        # Package indexes that only this machine's authorities vouch for are reached from the other one too.
        shutil.copyfile(ours, root / _AUTHORITIES)


def _give(root: Path) -> None:
    checkout, tools = root / CHECKOUT, root / _HOME / ".cache/icr-sandbox"
    for folder in (checkout, tools):
        folder.mkdir(parents=True)
    for name in files_of(paths.CHECKOUT):
        checkout.joinpath(name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(paths.CHECKOUT / name, checkout / name)
    for pattern in _TOOLS:
        for entry in filter(Path.is_dir, paths.cache().glob(pattern)):
            shutil.copytree(entry, tools / entry.name, symlinks=True)
    if shutil.which("go"):
        shutil.copytree(_run("go", "env", "GOROOT").strip(), root / "usr/local/go", symlinks=True)
        root.joinpath("usr/local/bin/go").symlink_to("/usr/local/go/bin/go")


def _prepare(root: Path, environ: dict[str, str]) -> None:
    words = " ".join(f"{name}={shlex.quote(value)}" for name, value in environ.items())
    packages = "import sys; from base import virtual; from base.paths import CHECKOUT; "
    packages += "virtual.Environment(CHECKOUT / '.venv', virtual.EVERYTHING).make(sys.executable)"
    inside = (
        f"cd /{CHECKOUT} && python3 -c {shlex.quote(packages)}"
        " && .venv/bin/python -c 'from sandbox import toolchain; toolchain.ensure()'"
    )
    mounts = f"mount -t proc proc {root}/proc && mount --bind /dev {root}/dev"
    mounts += "".join(f" && mount --bind /etc/{name} {root}/etc/{name}" for name in ("resolv.conf", "hosts"))
    chroot = f"env -i HOME=/{_HOME} PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin {words} chroot {root} sh -c"
    _run("unshare", "--mount", "sh", "-c", f"{mounts} && {chroot} {shlex.quote(inside)}")


def _apt_settings() -> list[str]:
    """Return how this machine's apt reaches its sources: proxies, and checks that are switched off."""
    lines = _run("apt-config", "dump").splitlines()
    return [line for line in lines if line.startswith(("Acquire::http", "Acquire::https", "Acquire::Check-"))]


def _sources(suite: str) -> list[str]:
    """Return lines of the mirrors that this machine uses, for another suite; none if it uses no mirror of Debian."""
    debian, security = (_mirror(label) for label in ("Debian", "Debian-Security"))
    if debian is None or security is None:
        return []
    return [
        f"deb {debian} {suite} main",
        f"deb {debian} {suite}-updates main",
        f"deb {security} {suite}-security main",
    ]


def _mirror(label: str) -> str | None:
    listed = _run("apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", f"Label: {label}")
    return next(iter(listed.split()), None)


def _run(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"})
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip() or "it said nothing").splitlines()[-1]
        raise SandboxError(f"{command[0]} failed: {said}", "see that `apt-get update` works here, and run it again")
    return done.stdout
