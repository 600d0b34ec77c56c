"""A machine: booted, asked over ssh, and cut off from power."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from base.errors import SandboxError
from base.progress import say, step
from tests.machines.power import KVM, Way

_KVM_SPEAKS = 30.0
"""Seconds in which a kernel says its first word where KVM works; some nested ones take it and then stand still."""


class Machine:
    """One machine, of a folder with disk.img, vmlinuz, initrd.img and key; its power is off when the block is left.

    `ways` are tried in order: the next one, where KVM does not run it.
    """

    def __init__(self, folder: Path, ways: list[Way]) -> None:
        self._folder = folder
        self._console = folder / "console.log"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None
        self._take(ways)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cut()

    @property
    def way(self) -> Way:
        """Return how it is run."""
        return self._ways[0]

    def limit(self, seconds: float) -> float:
        """Return a time limit for this machine."""
        return seconds * self.way.slower

    def boot(self) -> None:
        """Give it power, and wait until it can be asked; raises SandboxError if it can't in time."""
        with step("boot", usually=20):
            self._start()
            if self.way == KVM and not self._speaks():
                self.cut()
                self._take(self._ways[1:])
                self._start()
            self._await_answer()

    def restart(self) -> None:
        """Shut it down in order, by its own command, and boot it again."""
        before = self.run("cat /proc/sys/kernel/random/boot_id")
        with step("restart", usually=30):
            # What it answers is no sign: the connection may end before it does.
            self._ask("systemctl --no-block reboot", 20)
            end = time.monotonic() + self.limit(90)
            while self._ask("cat /proc/sys/kernel/random/boot_id", 20).stdout in ("", before):
                if time.monotonic() > end:
                    raise SandboxError("The machine did not come back after a restart.", f"read {self._console}")
                time.sleep(2)

    def cut(self) -> None:
        """Take its power away: what its Linux has not written to the disk is lost."""
        if self._process:
            # All of its group: user-mode Linux has a process for each of the machine's own.
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def run(self, command: str, seconds: float = 60, user: str = "root") -> str:
        """Run a shell command and return its output; raises SandboxError if it fails, with all it said."""
        done = self._ask(command, self.limit(seconds), user)
        if done.returncode:
            raise SandboxError(
                f"`{command}` ended with {done.returncode}:\n{done.stdout}{done.stderr}", f"read {self._console}"
            )
        return done.stdout

    def advice(self, command: str, user: str) -> str:
        """Return the line that a command, refused, tells its user to type; raises SandboxError if it tells none."""
        done = self._ask(command, self.limit(60), user)
        _, told, line = (done.stdout + done.stderr).partition("To mend it: ")
        if not (done.returncode and told):
            raise SandboxError(f"`{command}` told {user} no way on:\n{done.stdout}{done.stderr}", "run it by hand")
        return line.splitlines()[0]

    def cut_during(self, command: str, sign: str, seconds: float, user: str) -> None:
        """Run a command, and take the power away as soon as it says `sign`; raises SandboxError if it never does."""
        process = subprocess.Popen([*self._ssh(user), f"{{ {command}; }} 2>&1"], stdout=subprocess.PIPE, text=True)
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
        if self._process:
            raise SandboxError(f"`{command}` never said {sign!r}:\n{''.join(said)}", f"read {self._console}")

    def _take(self, ways: list[Way]) -> None:
        self._ways = ways
        if self.way.means:
            say(f"  ... {self.way.means}")

    def _start(self) -> None:
        self._process = subprocess.Popen(
            self.way.command(self._folder, self._port),
            stdin=subprocess.DEVNULL,
            stdout=self._console.open("ab"),
            stderr=(self._folder / "power.log").open("ab"),
            start_new_session=True,
        )

    def _speaks(self) -> bool:
        end = time.monotonic() + _KVM_SPEAKS
        while time.monotonic() < end and self._process and self._process.poll() is None:
            if "Linux version" in self._console.read_text(errors="replace"):
                return True
            time.sleep(0.5)
        return False

    def _await_answer(self) -> None:
        end = time.monotonic() + self.limit(60)
        while self._ask("true", 20).returncode:
            if time.monotonic() > end or self._process is None or self._process.poll() is not None:
                raise SandboxError("The machine did not boot.", f"read {self._console}")
            time.sleep(2)

    def _ask(self, command: str, seconds: float, user: str = "root") -> subprocess.CompletedProcess[str]:
        words = [*self._ssh(user), command]
        try:
            return subprocess.run(words, capture_output=True, text=True, check=False, timeout=seconds)
        except subprocess.TimeoutExpired as late:
            said = (late.stdout or b"").decode(errors="replace")
            return subprocess.CompletedProcess(words, 124, said, f"it took more than {seconds:.0f} s")

    def _ssh(self, user: str) -> list[str]:
        options = ("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR", "ConnectTimeout=15")
        return [
            "ssh",
            "-i",
            str(self._folder / "key"),
            "-p",
            str(self._port),
            *(f"-o{each}" for each in options),
            f"{user}@127.0.0.1",
        ]
