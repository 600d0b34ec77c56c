"""A Pulumi project of the provider's resources on the real engine, against a cloud stand-in of its own.

Needs the sandbox's tools, which `make up` fetches; uses neither the sandbox itself nor a user's stack.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from base import paths
from sandbox.cloud.iam.identities import ApiKey, ServiceId
from sandbox.cloud.iam.policies import Policy
from sandbox.cloud.registry.namespaces import Namespace
from sandbox.cloud.testing import StandIn
from sandbox.toolchain import environment
from tests.provider.registry import Registry

STACK = "bench"
DIGEST = "sha256:" + "a" * 64


@dataclass(frozen=True)
class Project:
    """A folder with a program, a stack and a state of its own, and the cloud that it works on."""

    folder: Path
    cloud: StandIn
    registry: Registry
    environ: Mapping[str, str]

    def command(self, *words: str) -> list[str]:
        """Return a command of the CLI for the stack."""
        return ["pulumi", *words, "--stack", STACK, "--non-interactive"]

    def pulumi(self, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run the CLI; both streams are in `stdout`."""
        return subprocess.run(
            self.command(*words),
            cwd=self.folder,
            env={**self.environ, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def state(self) -> list[dict[str, Any]]:
        """Return the provider's resources in the state."""
        file = next((self.folder / "state").glob(f"**/stacks/**/{STACK}.json"), None)
        latest: dict[str, Any] = (json.loads(file.read_text())["checkpoint"]["latest"] if file else None) or {}
        found = cast("list[dict[str, Any]]", latest.get("resources") or [])
        return [each for each in found if each["type"].startswith("ibm-native:")]

    def held(self) -> list[str]:
        """Return the ids of what the state says is in the account."""
        kinds = ("ServiceId", "ApiKey", "AccessPolicy", "Namespace")
        return sorted(each["id"] for each in self.state() if each["type"].rpartition(":")[2] in kinds)

    def account(self) -> list[str]:
        """Return the ids of what is in the account."""
        with self.cloud.store.transaction() as session:
            owned = [*session.all(ServiceId), *session.all(ApiKey)]
            found = [each.id for each in owned if each.iam_id != self.cloud.owner_iam_id]
            found += [each.id for each in session.all(Policy) if each.state == "active"]
            return sorted(found + [f"{each.region}/{each.name}" for each in session.all(Namespace)])


@contextmanager
def project(folder: Path, program: str) -> Generator[Project]:
    """Make a project of `program` (Python) in an empty folder, with a fresh account."""
    with StandIn() as cloud, Registry(cloud.url) as registry:
        registry.images.add(f"my-images/nginx@{DIGEST}")
        for name in ("ibm_native", ".venv"):
            (folder / name).symlink_to(paths.CHECKOUT / name)
        (folder / "Pulumi.yaml").write_text(
            "name: bench\nruntime: {name: python, options: {toolchain: pip, virtualenv: .venv}}\n"
            "plugins: {providers: [{name: ibm-native, path: ./ibm_native}]}\n"
        )
        (folder / "__main__.py").write_text(program)
        (folder / "state").mkdir()
        environ = environment.process_environment() | {
            "PULUMI_BACKEND_URL": f"file://{folder / 'state'}",
            "IBMCLOUD_API_KEY": cloud.api_key,
            "REGISTRY_HOST": registry.host,
        }
        made = Project(folder, cloud, registry, environ)
        done = subprocess.run(
            ["pulumi", "stack", "init", STACK, "--non-interactive"],
            cwd=folder,
            env=environ,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(done.stderr)
        for name in ("iamEndpoint", "registryEndpoint"):
            made.pulumi("config", "set", f"ibm-native:{name}", cloud.url)
        yield made
