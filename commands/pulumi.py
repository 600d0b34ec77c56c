"""Runs the Pulumi CLI on one stack of this project, in the environment that its owner chose."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import yaml

from base import files
from base.errors import SandboxError
from base.paths import CHECKOUT
from base.progress import say

SANDBOX_STACK = "dev"
POLL_SECONDS = 0.5


@dataclass(frozen=True)
class Stack:
    """One stack of the project in `folder`; `environ` is what the CLI and its plugins see."""

    name: str
    environ: Mapping[str, str] = field(repr=False)
    folder: Path = CHECKOUT

    def run(self, *arguments: str) -> int:
        """Run the CLI with its own output shown; returns its exit status.

        Ctrl-C reaches the CLI too, which then stops in order; KeyboardInterrupt is raised once it has.
        """
        process = subprocess.Popen(self._command(*arguments), cwd=self.folder, env=dict(self.environ))
        interrupt: KeyboardInterrupt | None = None
        while process.returncode is None:
            try:
                process.wait()
            except KeyboardInterrupt as caught:
                interrupt = caught
        if interrupt is not None:
            raise interrupt
        return process.returncode

    def read(self, *arguments: str) -> object:
        """Return the JSON that the CLI prints; raises SandboxError with its own words if it fails."""
        return json.loads(self._ask(*arguments))

    def _ask(self, *arguments: str, given: str | None = None) -> str:
        done = subprocess.run(
            self._command(*arguments),
            cwd=self.folder,
            env=dict(self.environ),
            input=given,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            said = done.stderr.strip() or done.stdout.strip()
            raise SandboxError(
                f"`pulumi {' '.join(arguments)}` failed for stack {self.name}:\n  {said}",
                f"pulumi stack ls   shows the stacks; stack {SANDBOX_STACK} is made by: make up",
            )
        return done.stdout

    def outputs(self) -> dict[str, object]:
        """Return the stack's outputs, as the CLI shows them to anyone: secrets hidden."""
        return cast("dict[str, object]", self.read("stack", "output", "--json", "--stack", self.name))

    def settings(self) -> dict[str, str]:
        """Return the project's config by key, with Pulumi.yaml's default for one that isn't set; no secret's value."""
        config = cast("dict[str, dict[str, str]]", self.read("config", "--json", "--stack", self.name))
        project = yaml.safe_load((self.folder / "Pulumi.yaml").read_text())["name"]
        names = {name: name.removeprefix(f"{project}:") for name in config}
        return {key: config[name].get("value", "") for name, key in names.items() if key != name}

    def ensure(self) -> None:
        """Make the stack if it isn't there; raises SandboxError if the CLI can't."""
        self._ask("stack", "select", "--create", self.name, "--non-interactive")

    def export(self) -> dict[str, object]:
        """Return the stack's state as the CLI exports it: secrets encrypted."""
        return cast("dict[str, object]", self.read("stack", "export", "--stack", self.name))

    def replace_state(self, state: Mapping[str, object]) -> None:
        """Put an exported state, changed, in place of the stack's; the CLI drops its pending operations."""
        self._ask("stack", "import", "--stack", self.name, given=json.dumps(state))

    def wait_for_other_updates(self) -> None:
        """Wait until no other update of this machine holds the stack; the lock of one that was killed is released.

        An update outlives the `make` that started it if only that is killed.
        """
        where = cast("dict[str, str]", self.read("whoami", "--verbose", "--json"))["url"]
        if not where.startswith("file://"):
            return
        told = False
        while holders := self._holders(Path(where.removeprefix("file://")).expanduser() / ".pulumi" / "locks"):
            running = [pid for pid in holders if _is_pulumi(pid)]
            if not running:
                self.run("cancel", "--yes", "--stack", self.name)
                return
            if not told:
                say(f"waiting for another update of stack {self.name} to end (process {', '.join(running)})")
                told = True
            time.sleep(POLL_SECONDS)

    def _holders(self, locks: Path) -> list[str]:
        """Return the ids of this machine's processes that hold the stack, running or not."""
        holders: list[str] = []
        for lock in locks.glob(f"**/{self.name}/*.json"):
            with contextlib.suppress(FileNotFoundError):  # it was just released
                # A power cut empties a lock that is not on the disk yet, and leaves no process that could hold it.
                emptied = {"hostname": os.uname().nodename, "pid": "none"}
                holder = cast("dict[str, object]", json.loads(lock.read_text() or json.dumps(emptied)))
                holders += [str(holder["pid"])] if holder.get("hostname") == os.uname().nodename else []
        return holders

    def _command(self, *arguments: str) -> list[str]:
        found = shutil.which("pulumi", path=self.environ.get("PATH"))
        if not found:
            raise SandboxError(
                "the Pulumi CLI is not on PATH",
                "for stack dev: make up; for your own: https://www.pulumi.com/docs/install/",
            )
        if not files.is_there(Path(found)):
            raise SandboxError(f"{found} is an empty file: it is damaged", "make up   gets it anew for the sandbox")
        return [found, *arguments]


def _is_pulumi(pid: str) -> bool:
    """Tell whether the process runs and is the CLI; one that ended and was never waited for has no command line."""
    with contextlib.suppress(OSError):
        return b"pulumi" in Path("/proc", pid, "cmdline").read_bytes()
    return False
