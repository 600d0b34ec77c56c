"""The provider installed as a package, used by a program in another folder that says nothing of plugins."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from base.paths import CHECKOUT
from ibm_native.version import VERSION
from sandbox import toolchain
from sandbox.cloud.testing import StandIn
from sandbox.toolchain import environment
from tests import packages

pytestmark = pytest.mark.e2e

SOURCE = CHECKOUT / "ibm_native"
PLUGIN = "pulumi-resource-ibm-native"
READ_BACK = """
again = ibm_native.ServiceId.get("again", puller.id)
pulumi.export("made", [puller.id, puller.iam_id, puller.crn, puller.name])
pulumi.export("again", [again.id, again.iam_id, again.crn, again.name])
pulumi.export("keyAgain", ibm_native.ApiKey.get("key-again", key.id).api_key)
"""
"""What reads back what the README's program made."""


@dataclass(frozen=True)
class Elsewhere:
    """A project outside of the checkout, with its own virtual environment, Pulumi home and account."""

    folder: Path
    cloud: StandIn
    environ: Mapping[str, str]
    programs: Path

    def pulumi(self, *words: str, activated: bool = False) -> str:
        """Run the CLI, which must end well; return its output. `activated` puts the environment's programs on PATH."""
        environ = dict(self.environ)
        if activated:
            environ["PATH"] = f"{self.programs}:{environ['PATH']}"
        done = subprocess.run(
            ["pulumi", *words, "--non-interactive"],
            cwd=self.folder,
            env=environ,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def changes(self, *, activated: bool = False) -> dict[str, int]:
        """Return what a preview would do: kind of step to count."""
        return json.loads(self.pulumi("preview", "--json", activated=activated))["changeSummary"]


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Elsewhere]:
    toolchain.ensure()
    installed = packages.Environment(tmp_path / "environment", packages.wheel(SOURCE, tmp_path / "wheel"))
    (example,) = packages.python_of(SOURCE / "README.md")
    folder = tmp_path / "project"
    folder.mkdir()
    folder.joinpath("Pulumi.yaml").write_text(
        "name: elsewhere\nruntime: {name: python, options: {toolchain: pip, virtualenv: ../environment}}\n"
    )
    folder.joinpath("__main__.py").write_text(example)
    tmp_path.joinpath("state").mkdir()
    with StandIn() as cloud:
        environ = environment.process_environment() | {
            "IBMCLOUD_API_KEY": cloud.api_key,
            "PULUMI_BACKEND_URL": f"file://{tmp_path / 'state'}",
            "PULUMI_HOME": str(tmp_path / "home"),
        }
        made = Elsewhere(folder, cloud, environ, installed.programs)
        made.pulumi("stack", "init", "elsewhere")
        for name in ("iamEndpoint", "registryEndpoint"):
            made.pulumi("config", "set", f"ibm-native:{name}", cloud.url)
        yield made


def test_the_engine_finds_the_plugin_on_path_and_among_its_own(elsewhere: Elsewhere) -> None:
    elsewhere.pulumi("up", "--yes", "--skip-preview", activated=True)
    outputs = json.loads(elsewhere.pulumi("stack", "output", "--json"))
    assert outputs == {"apiKey": "[secret]"}
    assert elsewhere.changes(activated=True) == {"same": 4}

    elsewhere.pulumi("plugin", "install", "resource", "ibm-native", VERSION, "--file", str(elsewhere.programs / PLUGIN))
    assert elsewhere.changes() == {"same": 4}
    program = elsewhere.folder / "__main__.py"
    program.write_text(program.read_text() + READ_BACK)
    elsewhere.pulumi("up", "--yes", "--skip-preview")
    outputs = json.loads(elsewhere.pulumi("stack", "output", "--json", "--show-secrets"))
    assert outputs["again"] == outputs["made"]
    assert outputs["keyAgain"] == "", "IBM shows no key's value twice"
    assert json.loads(elsewhere.pulumi("package", "get-schema", "ibm-native"))["version"] == VERSION

    elsewhere.pulumi("destroy", "--yes", "--skip-preview")
    assert not json.loads(elsewhere.pulumi("stack", "export"))["deployment"].get("resources")
    created = {(each.method, each.path) for each in elsewhere.cloud.requests if each.status in (201, 204)}
    assert ("POST", "/v1/apikeys") in created
