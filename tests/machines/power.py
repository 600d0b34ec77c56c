"""What runs a machine: KVM where it works, else user-mode Linux if this computer has it, else emulation."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from base.errors import SandboxError
from tests.machines import user_mode

_TOOLS = {"mmdebstrap": "mmdebstrap", "mke2fs": "e2fsprogs", "ssh": "openssh-client", "ssh-keygen": "openssh-client"}
_QEMU = {"qemu-system-x86_64": "qemu-system-x86"}
"""Each program that is needed, and the package that has it."""
KVM_DEVICE = Path("/dev/kvm")


@dataclass(frozen=True)
class Way:
    """One way to run a machine: `slower` is how many times as long its limits are, `means` what a person is told.

    `command` takes the machine's folder and the port of 127.0.0.1 for its sshd; its console is on stdout.
    """

    name: str
    slower: int
    means: str
    tools: dict[str, str]
    command: Callable[[Path, int], list[str | Path]]


def _qemu(accelerator: str, folder: Path, port: int) -> list[str | Path]:
    return [
        *("qemu-system-x86_64", "-accel", accelerator, "-cpu", "max", "-smp", "2", "-m", "5G"),
        *("-display", "none", "-monitor", "none", "-serial", "file:/dev/stdout"),
        *("-kernel", folder / "vmlinuz", "-initrd", folder / "initrd.img", "-append", "root=/dev/vda rw console=ttyS0"),
        *("-drive", f"file={folder}/disk.img,format=raw,if=virtio"),
        *("-nic", f"user,model=virtio-net-pci,hostfwd=tcp:127.0.0.1:{port}-:22"),
    ]


KVM = Way("KVM", 1, "", _QEMU, partial(_qemu, "kvm"))
USER_MODE = Way(
    "user-mode Linux",
    4,
    "KVM does not run it (/dev/kvm missing, or nested): user-mode Linux does, with one processor",
    user_mode.TOOLS,
    user_mode.command,
)
_EMULATED = Way(
    "emulation",
    15,
    "KVM does not run it (/dev/kvm missing, or nested): it is emulated, many times slower than user-mode Linux, for "
    f"which: {user_mode.INSTALL}",
    _QEMU,
    partial(_qemu, "tcg,thread=multi,tb-size=1024"),
)


def ways() -> list[Way]:
    """Return the ways to try on this computer, in order; raises SandboxError, in one line, for what it lacks."""
    found = [KVM] if KVM_DEVICE.exists() else []
    found.append(USER_MODE if user_mode.is_installed() else _EMULATED)
    needed = _TOOLS | {tool: package for way in found for tool, package in way.tools.items()}
    missing = [tool for tool in needed if shutil.which(tool) is None]
    if missing:
        packages = " ".join(sorted({needed[tool] for tool in missing}))
        raise SandboxError(
            f"machine-test needs {', '.join(missing)}.", f"apt-get install --no-install-recommends {packages}"
        )
    if os.geteuid() != 0:
        raise SandboxError(
            "machine-test makes disks of another system, and that takes root's rights.", "sudo make machine-test"
        )
    return found
