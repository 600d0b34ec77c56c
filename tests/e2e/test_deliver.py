"""The workflow of a delivery, run by act on the sandbox: its waves, and what becomes of them where a stack fails."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from base import paths
from fleet import new_stack
from fleet.stack import Stack
from sandbox import addresses
from sandbox.toolchain import environment, launchers
from tests.e2e.canaries import CANARIES
from tests.fleet.workflows import Repository

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


@pytest.fixture
def repository(sandbox_home: Path, tmp_path: Path) -> Iterator[Repository]:
    """Return a repository with a stack in each of three waves, of which the second can't be delivered."""
    made, suffix = Repository.make(tmp_path / "repository"), secrets.token_hex(3)
    (tmp_path / "state").mkdir()
    elsewhere = {"ibm-native:accountId": "0" * 32}
    for wave, (name, more) in enumerate({"good": {}, "bad": elsewhere, "later": {}}.items(), 1):
        config = new_stack.new_config(made.folder, f"{name}-{suffix}", addresses.REGION)
        tags = {"environment": "production", "wave": wave}
        new_stack.write(made.folder, name, config | more | {"pulumi:tags": tags})
    made.commit("three waves")
    yield made
    environ = environment.process_environment() | {"PULUMI_BACKEND_URL": f"file://{tmp_path}/state"}
    Stack("good", environ | {"KUBECONFIG": str(sandbox_home / "kubeconfig")}, made.folder).destroy()


def test_a_delivery_goes_wave_by_wave_and_a_stack_that_fails_stops_later_ones(
    repository: Repository, sandbox_home: Path
) -> None:
    hidden = {
        "IBMCLOUD_API_KEY": (sandbox_home / "deployer.key").read_text().strip(),
        "KUBECONFIG": (sandbox_home / "kubeconfig").read_text(),
        "PULUMI_CONFIG_PASSPHRASE": (paths.CHECKOUT / "sandbox/dev.passphrase").read_text().strip(),
    }
    CANARIES.add(hidden["IBMCLOUD_API_KEY"])
    state = repository.folder.parent / "state"
    known = environment.process_environment()
    machine = {name: known[name] for name in ("DOCKER_HOST", "DOCKER_CONFIG")}
    machine["PATH"] = f"{launchers.FOLDER}:{os.environ['PATH']}"
    settings = {"PULUMI_BACKEND_URL": f"file://{state}"}
    ran = repository.run("deliver.yml", "push", secrets=hidden, settings=settings, environ=machine)
    assert ran.status == 1, ran.said
    assert re.findall(r"\[(\S+)\] \W+Job (succeeded|failed)", ran.said) == [
        ("deliver/plan", "succeeded"),
        ("wave1/stack/up", "succeeded"),
        ("wave2/stack/up", "failed"),
    ], ran.said
    assert {path.stem for path in state.glob(".pulumi/stacks/**/*.json")} == {"good", "bad"}, ran.said
    assert not any(hidden[name] in ran.said for name in ("IBMCLOUD_API_KEY", "KUBECONFIG"))
