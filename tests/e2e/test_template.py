"""`pulumi new` with this checkout as the template: a project of another name, whose stacks work as they are."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from base import paths
from sandbox.toolchain import environment

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

OF_A_CHECKOUT = (".git", ".venv", ".sandbox", "__pycache__", ".*_cache", ".hypothesis")


@pytest.fixture(scope="module")
def made(sandbox_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a project that the CLI made from the template; the sandbox is up."""
    assert sandbox_home.is_dir()
    template = tmp_path_factory.mktemp("given") / "icr-private-image"
    shutil.copytree(paths.CHECKOUT, template, ignore=shutil.ignore_patterns(*OF_A_CHECKOUT))
    folder = tmp_path_factory.mktemp("made")
    (folder / "state").mkdir()
    run(folder, "new", str(template), "--generate-only", "--yes", "--force", "--name", "my-own")
    (folder / ".venv").symlink_to(paths.CHECKOUT / ".venv")
    return folder


def run(folder: Path, *words: str) -> str:
    """Run the CLI in `folder`, with its state there; returns what it printed."""
    environ = environment.process_environment() | {"PULUMI_BACKEND_URL": f"file://{folder}/state"}
    done = subprocess.run(["pulumi", *words], cwd=folder, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_it_has_the_name_and_asks_for_what_every_user_must_choose(made: Path) -> None:
    project: dict[str, Any] = yaml.safe_load((made / "Pulumi.yaml").read_text())
    asked: dict[str, Any] = yaml.safe_load((paths.CHECKOUT / "Pulumi.yaml").read_text())["template"]["config"]
    assert project["name"] == "my-own"
    assert "template" not in project
    assert set(asked) == {"region", "registryNamespace", "kubernetesContext"}
    for key, prompt in asked.items():
        assert prompt["default"] == project["config"][key]["default"]


def test_its_stack_files_are_right(made: Path) -> None:
    check = [sys.executable, "-m", "components.settings", "--all"]
    done = subprocess.run(check, cwd=made, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "stack dev's settings (Pulumi.dev.yaml) are right" in done.stdout


def test_its_stack_dev_is_planned_with_the_sandboxs_settings(made: Path) -> None:
    run(made, "stack", "init", "dev")
    planned: list[dict[str, Any]] = json.loads(run(made, "preview", "--stack", "dev", "--json"))["steps"]
    assert {step["op"] for step in planned} == {"create"}
    states = {step["newState"]["type"]: step["newState"] for step in planned}
    assert "::my-own::" in states["docker:index/image:Image"]["urn"]
    assert states["docker:index/image:Image"]["inputs"]["build"]["args"] == {"BASE": "sandbox/nginx:bookworm"}
