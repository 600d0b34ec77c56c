"""Workflows run by act on this machine, each job in a clone of its own, without a network.

What only GitHub has is put in place: the event, its API (tests.fleet.fake_hosts), and what ACTIONS names: a clone at a
commit, and artifacts, as folders. Python is this machine's. GitHub's alone are an environment's approval and its
secrets, the rights of a job's token, concurrency, and the publishing of packages.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from base import paths
from tests.checkout import files_of
from tests.fleet.fake_hosts import TOKEN

ACTIONS = {
    "actions/checkout": 'git clone --quiet "$REPOSITORY" . && git checkout --quiet "${INPUT_REF:-HEAD}" '
    f'&& ln -s "{paths.CHECKOUT}/.venv" .venv',
    "actions/setup-python": "true",
    "actions/upload-artifact": 'rm -rf "$ARTIFACTS/$INPUT_NAME" && mkdir -p "$ARTIFACTS/$INPUT_NAME" && '
    'if [ -d "$INPUT_PATH" ]; then cp "$INPUT_PATH"/* "$ARTIFACTS/$INPUT_NAME"; '
    'else cp "$INPUT_PATH" "$ARTIFACTS/$INPUT_NAME"; fi',
    "actions/download-artifact": 'mkdir -p "${INPUT_PATH:-.}" && cp "$ARTIFACTS/$INPUT_NAME"/* "${INPUT_PATH:-.}"',
    "pypa/gh-action-pypi-publish": "ls dist",
}
"""What a step does in an action's place: in bash, with the action's inputs as INPUT_NAME and so on."""
INPUTS = ("name", "path", "ref", "python-version", "persist-credentials", "run-id", "github-token")
NAME = "owner/name"
GIT = ("git", "-c", "user.name=t", "-c", "user.email=t@localhost")


@dataclass(frozen=True)
class Ran:
    """A workflow's end: the exit status (1 if a job failed), and all that was said, nothing of it hidden."""

    status: int
    said: str


@dataclass(frozen=True)
class Repository:
    """A repository in `folder`, and beside it what GitHub keeps of its workflows' runs."""

    folder: Path

    @staticmethod
    def make(folder: Path) -> Repository:
        """Make one of this checkout as it is, without its stack files and without a commit."""
        for name in files_of(paths.CHECKOUT):
            if not Path(name).match("Pulumi.*.yaml"):
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(paths.CHECKOUT / name, folder / name)
        made = Repository(folder)
        made.git("init", "--quiet", "--initial-branch=main")
        (folder / ".git/info/exclude").write_text("/.venv\n")
        (folder / ".venv").symlink_to(paths.CHECKOUT / ".venv")
        made.git("remote", "add", "origin", f"https://github.com/{NAME}")
        return made

    def git(self, *words: str) -> str:
        """Run git in it; returns what it printed."""
        return subprocess.run(
            [*GIT, *words], cwd=self.folder, check=True, capture_output=True, text=True
        ).stdout.strip()

    def commit(self, message: str) -> str:
        """Commit all that is there; returns the commit."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)
        return self.git("rev-parse", "HEAD")

    @contextmanager
    def branch(self, name: str) -> Generator[None]:
        """Be on a new branch while the block runs."""
        self.git("switch", "--quiet", "--create", name)
        yield
        self.git("switch", "--quiet", "--discard-changes", "main")

    def artifact(self, name: str) -> Path:
        """Return the folder of what a run has uploaded under a name."""
        return self._kept / "artifacts" / name

    def run(
        self,
        workflow: str,
        event: str = "workflow_dispatch",
        payload: Mapping[str, Any] | None = None,
        *,
        secrets: Mapping[str, str] | None = None,
        settings: Mapping[str, str] | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> Ran:
        """Run a workflow as `event` does; `settings` are the repository's variables, `environ` the machine's."""
        (self._kept / "artifacts").mkdir(parents=True, exist_ok=True)
        (self._kept / "event.json").write_text(json.dumps(payload or {}))
        (self._kept / "secrets.yaml").write_text(yaml.safe_dump({"GITHUB_TOKEN": TOKEN, **(secrets or {})}))
        known = {"ARTIFACTS": str(self._kept / "artifacts"), "REPOSITORY": str(self.folder), "GITHUB_REPOSITORY": NAME}
        words = [
            *(str(Path(sys.executable).with_name("act")), event, "--workflows", f".github/workflows/{workflow}"),
            *("--eventpath", str(self._kept / "event.json"), "--platform", "ubuntu-24.04=-self-hosted"),
            *("--no-skip-checkout", "--no-cache-server", "--artifact-server-addr=127.0.0.1", "--action-offline-mode"),
            # Not in act's environment: steps have all of that, and are to have only the secrets that they are given.
            f"--secret-file={self._kept / 'secrets.yaml'}",
            "--insecure-secrets",  # else what a step says of one would be hidden
            *(f"--var={name}={value}" for name, value in (settings or {}).items()),
            *(f"--env={name}={value}" for name, value in {**known, **(environ or {})}.items()),
            *self._actions(),
        ]
        machine = {"HOME": str(self._kept), "XDG_CACHE_HOME": str(self._kept / "cache"), "PATH": os.environ["PATH"]}
        ran = subprocess.run(
            words,
            cwd=self.folder,
            env={**machine, "ICR_SANDBOX_CACHE": str(paths.cache()), **(environ or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return Ran(ran.returncode, ran.stdout)

    @property
    def _kept(self) -> Path:
        return self.folder.with_name(f"{self.folder.name}-runs")

    def _actions(self) -> Iterator[str]:
        """Yield act's options that put a stand-in in place of each action of these workflows that has one."""
        texts = [path.read_text() for path in self.folder.glob(".github/**/*.yml")]
        for pin in sorted({pin for text in texts for pin in re.findall(r"uses: (\S+@\S+)", text)}):
            name, _, _ = pin.partition("@")
            if name in ACTIONS:
                place = self._kept / name
                place.mkdir(parents=True, exist_ok=True)
                given = {f"INPUT_{each.replace('-', '_').upper()}": f"${{{{ inputs.{each} }}}}" for each in INPUTS}
                step = {"shell": "bash", "run": ACTIONS[name], "env": given}
                inputs = {each: {"required": False} for each in INPUTS}
                action = {"name": name, "inputs": inputs, "runs": {"using": "composite", "steps": [step]}}
                (place / "action.yml").write_text(yaml.safe_dump(action))
                yield f"--local-repository={pin}={place}"
