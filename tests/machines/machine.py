"""A machine in qemu: booted, asked over ssh, and cut off from power."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from base.errors import SandboxError
from base.progress import say, step

TOOLS = {
    "qemu-system-x86_64": "qemu-system-x86",
    "mmdebstrap": "mmdebstrap",
    "mke2fs": "e2fsprogs",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
}
"""Each program that is needed, and the package that has it."""
_KVM_SPEAKS = 30.0
"""Seconds in which a kernel says its first word where KVM works; some nested ones take it and then stand still."""
_EMULATED = 15
"""How many times slower a machine may be where every instruction is emulated."""


def require_tools() -> None:
    """Raise SandboxError, in one line, for what this machine lacks to run another one."""
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        packages = " ".join(sorted({TOOLS[tool] for tool in missing}))
        raise SandboxError(
            f"machine-test needs {', '.join(missing)}.", f"apt-get install --no-install-recommends {packages}"
        )
    if os.geteuid() != 0:
        raise SandboxError(
            "machine-test makes disks of another system, and that takes root's rights.", "sudo make machine-test"
        )


class Machine:
    """One machine, of a folder with disk.img, vmlinuz, initrd.img and key; its power is off when the block is left."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._console = folder / "console.log"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self._qemu: subprocess.Popen[bytes] | None = None
        self.emulated = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cut()

    def limit(self, seconds: float) -> float:
        """Return a time limit for this machine."""
        return seconds * (_EMULATED if self.emulated else 1)

    def boot(self) -> None:
        """Give it power, and wait until it can be asked; raises SandboxError if it can't in time."""
        with step("boot", usually=20):
            self._start()
            if not self.emulated and not self._speaks():
                self.cut()
                self.emulated = True
                say("  ... KVM does not run it (/dev/kvm missing, or nested): it is emulated, many times slower")
                self._start()
            self._await_answer()

    def restart(self) -> None:
        """Shut it down in order, by its own command, and boot it again."""
        before = self.run("cat /proc/sys/kernel/random/boot_id")
        with step("restart", usually=30):
            self.run("systemctl --no-block reboot")
            end = time.monotonic() + self.limit(90)
            while self._ask("cat /proc/sys/kernel/random/boot_id", 20).stdout in ("", before):
                if time.monotonic() > end:
                    raise SandboxError("The machine did not come back after a restart.", f"read {self._console}")
                time.sleep(2)

    def cut(self) -> None:
        """Take its power away: what its Linux has not written to the disk is lost."""
        if self._qemu:
            self._qemu.kill()
            self._qemu.wait()
            self._qemu = None

    def run(self, command: str, seconds: float = 60) -> str:
        """Run a shell command as root and return its output; raises SandboxError if it fails, with all it said."""
        done = self._ask(command, self.limit(seconds))
        if done.returncode:
            raise SandboxError(
                f"`{command}` ended with {done.returncode}:\n{done.stdout}{done.stderr}", f"read {self._console}"
            )
        return done.stdout

    def cut_during(self, command: str, sign: str, seconds: float) -> None:
        """Run a command, and take the power away as soon as it says `sign`; raises SandboxError if it never does."""
        process = subprocess.Popen([*self._ssh(), f"{command} 2>&1"], stdout=subprocess.PIPE, text=True)
        timer = threading.Timer(self.limit(seconds), process.kill)
        timer.start()
        with process:
            assert process.stdout
            said: list[str] = []
            for line in process.stdout:
                said.append(line)
                if sign in line:
                    self.cut()
                    break
            timer.cancel()
            process.kill()
        if self._qemu:
            raise SandboxError(f"`{command}` never said {sign!r}:\n{''.join(said)}", f"read {self._console}")

    def _start(self) -> None:
        accelerator = "tcg,thread=multi,tb-size=1024" if self.emulated else "kvm"
        drive = f"file={self._folder}/disk.img,format=raw,if=virtio"
        network = f"user,model=virtio-net-pci,hostfwd=tcp:127.0.0.1:{self._port}-:22"
        self._console.touch()
        self._qemu = subprocess.Popen(
            [
                *("qemu-system-x86_64", "-accel", accelerator, "-cpu", "max", "-smp", "2", "-m", "5G"),
                *("-display", "none", "-monitor", "none", "-serial", f"file:{self._console}"),
                *("-kernel", self._folder / "vmlinuz", "-initrd", self._folder / "initrd.img"),
                *("-append", "root=/dev/vda rw console=ttyS0", "-drive", drive, "-nic", network),
            ],
            stdin=subprocess.DEVNULL,
            stderr=(self._folder / "qemu.log").open("ab"),
        )

    def _speaks(self) -> bool:
        end = time.monotonic() + _KVM_SPEAKS
        while time.monotonic() < end and self._qemu and self._qemu.poll() is None:
            if "Linux version" in self._console.read_text(errors="replace"):
                return True
            time.sleep(0.5)
        return False

    def _await_answer(self) -> None:
        end = time.monotonic() + self.limit(60)
        while self._ask("true", 20).returncode:
            if time.monotonic() > end or self._qemu is None or self._qemu.poll() is not None:
                raise SandboxError("The machine did not boot.", f"read {self._console}")
            time.sleep(2)

    def _ask(self, command: str, seconds: float) -> subprocess.CompletedProcess[str]:
        words = [*self._ssh(), command]
        try:
            return subprocess.run(words, capture_output=True, text=True, check=False, timeout=seconds)
        except subprocess.TimeoutExpired as late:
            said = (late.stdout or b"").decode(errors="replace")
            return subprocess.CompletedProcess(words, 124, said, f"it took more than {seconds:.0f} s")

    def _ssh(self) -> list[str]:
        options = ("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR", "ConnectTimeout=15")
        return [
            "ssh",
            "-i",
            str(self._folder / "key"),
            "-p",
            str(self._port),
            *(f"-o{each}" for each in options),
            "root@127.0.0.1",
        ]
