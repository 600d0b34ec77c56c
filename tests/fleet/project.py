"""A project of several stacks without cluster and images: the real engine, program parts and provider, one stand-in."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from base import paths
from fleet import new_stack
from fleet.stack import Stack
from sandbox.cloud.testing import StandIn
from sandbox.toolchain import environment

PROGRAM = '''"""Namespace and identity of the delivery: what needs neither a cluster nor an image."""

import pulumi

from components.identity import PullIdentity, PullIdentityArgs
from components.namespace import RegistryNamespace, RegistryNamespaceArgs
from components.settings import SettingsError, load

try:
    settings = load()
except SettingsError as error:
    raise pulumi.RunError(str(error)) from None
kept = pulumi.ResourceOptions(protect=settings.protect)
namespace = RegistryNamespace(
    "namespace",
    RegistryNamespaceArgs(
        name=settings.registry_namespace, region=settings.region, mode=settings.registry_namespace_mode
    ),
    kept,
)
identity = PullIdentity(
    "identity",
    PullIdentityArgs(
        service_id_name=settings.service_id_name,
        api_key_name=settings.api_key_name,
        region=settings.region,
        namespace=namespace.namespace,
        epoch=settings.key_epoch,
        expires_after_days=settings.expires_after_days,
        protect=settings.protect,
    ),
)
pulumi.export("apiKeyId", identity.api_key_id)
'''
_PLAIN = r'"plaintext": "((?:[^"\\]|\\.)*)"'
EACH = 8
"""Resources of one new stack: itself, two components, the provider, namespace, service ID, policy, key."""
FIRST = {"create": EACH, "update": 0, "replace": 0, "delete": 0}


@dataclass(frozen=True)
class Ran:
    """What one run of the fleet said on each stream, and its exit status."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """What it printed for programs."""
        return json.loads(self.out)

    @property
    def stacks(self) -> dict[str, dict[str, Any]]:
        """What became of each stack, by its name."""
        return {each["stack"]: each for each in self.json["stacks"]}


@dataclass
class FleetProject:
    """The project's folder, the cloud that its stacks are in, and the environment that the fleet is run in."""

    folder: Path
    cloud: StandIn
    environ: dict[str, str] = field(repr=False)

    @staticmethod
    def make(folder: Path, cloud: StandIn) -> FleetProject:
        """Make the project in `folder`, without a stack."""
        for name in ("components", "config", "ibm_native", "policy", ".venv"):
            (folder / name).symlink_to(paths.CHECKOUT / name)
        shutil.copytree(paths.CHECKOUT / "app", folder / "app")
        shutil.copy2(paths.CHECKOUT / "Pulumi.yaml", folder)
        (folder / "__main__.py").write_text(PROGRAM)
        (folder / "state").mkdir()
        environ = environment.process_environment() | {
            "PULUMI_BACKEND_URL": f"file://{folder}/state",
            "IBMCLOUD_API_KEY": cloud.api_key,
        }
        return FleetProject(folder, cloud, environ)

    def add(self, name: str, region: str, **settings: Any) -> None:
        """Write a stack's file; `settings` are keys of it, `tags` its tags."""
        config = new_stack.new_config(self.folder, name, region)
        config["ibm-native:iamEndpoint"] = self.cloud.url
        config["ibm-native:registryEndpoints"] = {region: self.cloud.registry_urls[region]}
        tags = settings.pop("tags", None)
        new_stack.write(self.folder, name, config | settings | ({"pulumi:tags": tags} if tags else {}))

    def change(self, name: str, **settings: Any) -> None:
        """Set keys in a stack's file."""
        path = self.folder / f"Pulumi.{name}.yaml"
        content = yaml.safe_load(path.read_text())
        content["config"] = {key: each for key, each in {**content["config"], **settings}.items() if each is not None}
        path.write_text(yaml.safe_dump(content))

    def start(self, *words: str, variables: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        """Start the fleet."""
        return subprocess.Popen(
            [sys.executable, "-m", "fleet", *words, "-C", str(self.folder)],
            cwd=paths.CHECKOUT,
            env={**self.environ, **(variables or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *words: str, variables: Mapping[str, str] | None = None) -> Ran:
        """Run the fleet to its end."""
        process = self.start(*words, variables=variables)
        out, err = process.communicate()
        return Ran(process.returncode, out, err)

    def written(self) -> str:
        """Return all that runs left in the project's folder: logs and records."""
        return "\n".join(path.read_text() for path in (self.folder / ".fleet").rglob("*") if path.is_file())


def kill_all(process: subprocess.Popen[str]) -> None:
    """Kill a fleet and all below it, as a machine that goes down does."""
    import psutil  # noqa: PLC0415

    family = psutil.Process(process.pid).children(recursive=True)
    os.killpg(process.pid, signal.SIGKILL)
    for each in family:
        if each.is_running():
            each.kill()
    process.communicate()
    psutil.wait_procs(family)


def keys_of(project: FleetProject, *stacks: str) -> set[str]:
    """Return the values of the API keys that stacks hold, in clear: no output of the fleet's may have one."""
    made = [Stack(name, project.environ, project.folder) for name in stacks]
    states = [stack.ask("stack", "export", "--show-secrets", "--stack", stack.name) for stack in made]
    return {json.loads(f'"{text}"').strip('"') for state in states for text in re.findall(_PLAIN, state)}
