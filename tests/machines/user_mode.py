"""User-mode Linux: Debian's kernel as an ordinary program, for computers whose KVM does not run a usual kernel.

What it runs, runs at the processor's speed; system calls, page faults and process switches cost many times as much. It
has one processor, and cgroup v2, overlayfs, AppArmor and network namespaces as any Linux has. Its netfilter has no IPv4
tables for nftables: `RUN` steps reach nothing outside.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

TOOLS = {"linux.uml": "user-mode-linux", "vde_plug": "vdeplug"}
_PACKAGES = "user-mode-linux vdeplug libvdeplug-slirp"
INSTALL = f"apt-get install --no-install-recommends {_PACKAGES}"
PLUGINS = Path("/usr/lib")
_MODULES = Path("/usr/lib/uml/modules")
_CLOCK = """\
[Unit]
Description=Tell the clock speed in /proc/cpuinfo, which user-mode Linux leaves out and the kubelet asks for
ConditionVirtualization=uml
[Service]
Type=oneshot
ExecStart=/bin/sh -c '{ cat /proc/cpuinfo; echo; echo "cpu MHz : 1000.000"; } >/run/cpuinfo'
ExecStart=/bin/mount --bind /run/cpuinfo /proc/cpuinfo
"""


def is_installed() -> bool:
    """Return whether this computer has it, and the network that it is given."""
    network = any(PLUGINS.glob("*/vdeplug/libvdeplug_slirp.so"))
    return network and all(shutil.which(tool) for tool in TOOLS)


def fit(root: Path) -> None:
    """Give a machine's tree what it needs under this kernel, and does not use under another."""
    for modules in _MODULES.iterdir():
        shutil.copytree(modules, root / "lib/modules" / modules.name, symlinks=True)
        subprocess.run(["chroot", root, "depmod", modules.name], check=True)
    units = root / "etc/systemd/system"
    units.joinpath("clock-speed.service").write_text(_CLOCK)
    units.joinpath("sysinit.target.wants").mkdir(exist_ok=True)
    units.joinpath("sysinit.target.wants/clock-speed.service").symlink_to("../clock-speed.service")


def command(folder: Path, port: int) -> list[str | Path]:
    """Return the command that runs the machine of `folder`, with sshd at 127.0.0.1:`port` and its console on stdout."""
    network = f"eth0=vde,slirp:///tcpfwd=127.0.0.1:{port}:10.0.2.15:22"
    return [
        *("linux.uml", "mem=5G", f"ubd0={folder}/disk.img", "root=/dev/ubda", "rw", network),
        *("security=apparmor", "con=null", "con0=null,fd:1", f"uml_dir={folder}/uml"),
    ]
