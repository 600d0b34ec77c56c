"""Looks before any Pod: what speaks against one is told, and what can't be seen speaks against nothing."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pulumi
import pytest

from components.preflight import Preflight, missing_programs, node_platforms, problem_of, programs_of
from config.workloads import WorkloadSettings
from tests.unit import graph as harness
from tests.unit.test_graph import POD, delivery, settings

pytestmark = pytest.mark.unit

KUBECTL = """#!/bin/sh
for word in "$@"; do
  case "$word" in --kubeconfig=*) cat "${word#*=}" > "$0.seen"; ls -l "${word#*=}" | cut -c1-10 > "$0.mode";; esac
done
echo "$@" > "$0.said"
printf 'linux/arm64\\nlinux/arm64\\n'
"""
DOCKER = """#!/bin/sh
case "$1 $2 $3" in
  "create --pull=never here@sha256:1") echo container-1 ;;
  "cp container-1:/bin/sh -" | "cp container-1:/opt/own/tool -" | "cp container-1:/run -") ;;
  "cp container-1:"*) echo "Error response from daemon: Could not find the file" >&2; exit 1 ;;
  "inspect "*) echo '["A=b","PATH=/opt/own:/bin"]' ;;
  "rm container-1 ") touch "$0.removed" ;;
  *) exit 1 ;;
esac
"""


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, script in (("kubectl", KUBECTL), ("docker", DOCKER)):
        (tmp_path / name).write_text(script)
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return tmp_path


def workload(**about: Any) -> WorkloadSettings:
    return WorkloadSettings.model_validate({"image": "web:v1", **about})


def test_the_nodes_platforms_are_read_from_the_chosen_cluster(tools: Path) -> None:
    assert node_platforms("", "mine") == {"linux/arm64"}
    assert "--context=mine" in (tools / "kubectl.said").read_text()
    assert "--kubeconfig" not in (tools / "kubectl.said").read_text()


def test_a_kubeconfig_that_is_a_secret_is_nobody_elses_to_read_and_gone_afterwards(tools: Path) -> None:
    node_platforms("apiVersion: v1\nkind: Config\n", "")
    assert (tools / "kubectl.seen").read_text() == "apiVersion: v1\nkind: Config\n"
    assert (tools / "kubectl.mode").read_text().strip() == "-rw-------"
    said = (tools / "kubectl.said").read_text()
    assert not Path(said.partition("--kubeconfig=")[2].split()[0]).exists()


def test_an_image_is_looked_into_and_the_container_removed(tools: Path) -> None:
    found = missing_programs("here@sha256:1", ("sh", "/run", "tool", "bash", "/gone"))
    assert found == ("bash", "/gone")
    assert (tools / "docker.removed").exists()
    assert missing_programs("elsewhere@sha256:1", ("sh",)) == ()


def test_without_tools_nothing_is_known_and_nothing_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert node_platforms("", "") == frozenset()
    assert missing_programs("here@sha256:1", ("sh",)) == ()
    assert problem_of("web", "linux/amd64", frozenset(), ()) is None


@pytest.mark.parametrize(
    ("about", "programs"),
    [
        ({}, ()),
        ({"command": ["sh", "-c", "true"]}, ("sh",)),
        ({"command": ["./run"], "probes": {"liveness": {"command": ["/app/ok", "-q"]}}}, ("/app/ok",)),
        ({"command": ["sh"], "probes": {"startup": {"page": {"text": "a"}}, "liveness": {"tcp": 1}}}, ("sh", "cat")),
    ],
)
def test_the_programs_are_those_that_the_settings_name(about: dict[str, Any], programs: tuple[str, ...]) -> None:
    assert programs_of(workload(**about)) == programs


@pytest.mark.parametrize("preview", [False, True])
def test_an_update_looks_before_the_pod_and_a_preview_needs_no_tool(tools: Path, preview: bool) -> None:
    def program() -> None:
        kubeconfig = pulumi.Output.secret("apiVersion: v1\n")
        delivery("delivery", settings(platform="linux/arm64"), Preflight(kubeconfig))

    pod = harness.run(program, preview=preview)[POD]
    assert harness.SECRET not in json.dumps(pod.inputs["spec"]), "the kubeconfig is secret, the image is not"
    assert (tools / "kubectl.said").exists() is not preview


def test_a_cluster_without_a_node_of_the_images_platform_is_told_with_what_mends_it() -> None:
    said = problem_of("web", "linux/amd64", frozenset({"linux/s390x", "linux/arm64"}), ())
    assert said is not None
    assert "is for linux/amd64, and the cluster's nodes are linux/arm64, linux/s390x" in said
    assert "pulumi config set platform linux/arm64" in said
    assert problem_of("web", "linux/amd64", frozenset({"linux/amd64", "linux/arm64"}), ()) is None


def test_a_program_that_the_image_lacks_is_named_with_what_mends_it() -> None:
    said = problem_of("web", "linux/amd64", frozenset({"linux/amd64"}), ("sh",))
    assert said is not None
    assert said.startswith("workload web runs sh, and its image has no such program")
