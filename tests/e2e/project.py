"""A copy of the program with a stack, a state backend and names of its own, so that tests never meet a user's stack."""

from __future__ import annotations

import json
import secrets
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml

from base import paths
from fleet.stack import Stack
from sandbox import addresses
from sandbox.toolchain import environment

PROGRAM = ("Pulumi.yaml", "__main__.py", "requirements.txt", "components", "config", "ibm_native", "app")
STACK = "e2e"
CONFIG = {
    "ibm-native:iamEndpoint": f"http://{addresses.IAM_ADDRESS}",
    "ibm-native:registryEndpoint": f"http://{addresses.REGISTRY_ADDRESSES['jp-tok']}",
    "imageBase": addresses.BASE_IMAGE,
    "kubernetesContext": "sandbox",
    "clusterIdentifier": "sandbox",
}
"""As Pulumi.dev.yaml has it in a checkout in which nobody set anything for stack dev yet."""
PAGE = "test server"
"""As in a checkout in which nobody changed the page yet."""


@dataclass(frozen=True)
class Ran:
    """What one run of the CLI said, both streams together, and its exit status."""

    status: int
    text: str


@dataclass(frozen=True)
class Project:
    """The copy's folder, its stack and the suffix that its names in the registry and the cluster carry."""

    folder: Path
    suffix: str
    stack: Stack

    @staticmethod
    def copy(folder: Path, home: Path) -> Project:
        """Copy the program to `folder` and make its stack, with state below it; `home` is the sandbox's."""
        for name in PROGRAM:
            source = paths.CHECKOUT / name
            if source.is_dir():
                shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy2(source, folder / name)
        (folder / ".venv").symlink_to(paths.CHECKOUT / ".venv")
        state = folder / "state"
        state.mkdir()
        environ = environment.process_environment() | {"PULUMI_BACKEND_URL": f"file://{state}"}
        environ["KUBECONFIG"] = str(home / "kubeconfig")
        suffix = secrets.token_hex(3)
        (folder / f"Pulumi.{STACK}.yaml").write_text(yaml.safe_dump({"config": CONFIG}))
        (folder / "app/index.html").write_text(f"{PAGE}\n")
        project = Project(folder, suffix, Stack(STACK, environ, folder))
        made = project.pulumi("stack", "init", stack=False)
        assert made.status == 0, made.text
        project.configure(
            registryNamespace=f"e2e-{suffix}",
            serviceIdName=f"e2e-{suffix}",
            pullSecretName=f"ibmcr-{suffix}",
            serviceAccountName=f"pull-{suffix}",
            podName=f"nginx-{suffix}",
        )
        return project

    def configure(self, **settings: str) -> None:
        """Set keys of the stack's config."""
        words = [word for key, value in settings.items() for word in ("--plaintext", f"{key}={value}")]
        ran = self.pulumi("config", "set-all", *words)
        assert ran.status == 0, ran.text

    def pulumi(self, *words: str, stack: bool = True, variables: Mapping[str, str] | None = None) -> Ran:
        """Run the CLI on the stack; `variables` are added to its environment."""
        chosen = ("--stack", STACK) if stack else (STACK,)
        done = subprocess.run(
            ["pulumi", *words, *chosen, "--non-interactive"],
            cwd=self.folder,
            env={**self.stack.environ, **(variables or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return Ran(done.returncode, done.stdout)

    def up(self) -> Ran:
        """Run `pulumi up`; asserts that it ends well."""
        ran = self.pulumi("up", "--yes", "--skip-preview")
        assert ran.status == 0, ran.text
        return ran

    def changes(self) -> dict[str, int]:
        """Return what the last update did: kind of change to count, without what stayed the same."""
        history = cast("list[dict[str, Any]]", self.stack.read("stack", "history", "--json", "--stack", STACK))
        counts = cast("dict[str, int]", history[0].get("resourceChanges") or {})
        return {kind: count for kind, count in counts.items() if kind != "same"}

    def planned(self) -> dict[str, str]:
        """Return what a preview would change: resource type to operation, without what stays the same."""
        return dict(self.steps())

    def steps(self) -> list[tuple[str, str]]:
        """Return resource type and operation of each thing that a preview would change."""
        plan = cast("dict[str, Any]", self.stack.read("preview", "--json", "--stack", STACK))
        steps = cast("list[dict[str, Any]]", plan["steps"])
        return [(step["urn"].split("$")[-1].split("::")[0], step["op"]) for step in steps if step["op"] != "same"]

    def state(self) -> str:
        """Return the stack's state as it lies on the disk."""
        return next((self.folder / "state").glob(f"**/stacks/**/{STACK}.json")).read_text()

    def resources(self) -> list[dict[str, Any]]:
        """Return the resources in the state."""
        return cast("list[dict[str, Any]]", json.loads(self.state())["checkpoint"]["latest"].get("resources") or [])

    def kubectl(self, *words: str) -> Ran:
        """Run kubectl on the sandbox's node."""
        done = subprocess.run(
            ["kubectl", *words],
            env=dict(self.stack.environ),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return Ran(done.returncode, done.stdout.strip())
