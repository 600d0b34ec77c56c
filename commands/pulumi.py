"""Runs the Pulumi CLI on one stack of this project, in the environment that its owner chose."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from base.errors import SandboxError
from base.paths import CHECKOUT

SANDBOX_STACK = "dev"
PROJECT = "icr-private-image"
"""The project's name in Pulumi.yaml, which its config keys carry in front."""


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

    def _ask(self, *arguments: str) -> str:
        done = subprocess.run(
            self._command(*arguments),
            cwd=self.folder,
            env=dict(self.environ),
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
        names = {name: name.removeprefix(f"{PROJECT}:") for name in config}
        return {key: config[name].get("value", "") for name, key in names.items() if key != name}

    def ensure(self) -> None:
        """Make the stack if it isn't there; raises SandboxError if the CLI can't."""
        self._ask("stack", "select", "--create", self.name, "--non-interactive")

    def recover(self) -> None:
        """Clear up after an update that was killed: its lock, and creations of which the state doesn't know the end.

        What such a creation left in the account or the cluster is found by the next update: ibm-native removes its own
        orphans, an image is pushed again, and the kubernetes plugin names an object that exists already.
        """
        self._release_dead_lock()
        state = cast("dict[str, dict[str, object]]", self.read("stack", "export", "--stack", self.name))
        if state["deployment"].get("pending_operations"):
            self.run("refresh", "--yes", "--skip-preview", "--clear-pending-creates", "--stack", self.name)

    def _release_dead_lock(self) -> None:
        """Free the stack if a killed update of this machine still holds it: a lock whose process is gone."""
        folder = Path(self.environ["PULUMI_BACKEND_URL"].removeprefix("file://"), ".pulumi", "locks")
        for lock in folder.glob(f"**/{self.name}/*.json"):
            holder = cast("dict[str, object]", json.loads(lock.read_text()))
            if holder.get("hostname") == os.uname().nodename and not Path("/proc", str(holder["pid"])).exists():
                self.run("cancel", "--yes", "--stack", self.name)
                return

    def _command(self, *arguments: str) -> list[str]:
        found = shutil.which("pulumi", path=self.environ.get("PATH"))
        if not found:
            raise SandboxError("the Pulumi CLI is not on PATH", "make up   gets it for the sandbox")
        return [found, *arguments]
