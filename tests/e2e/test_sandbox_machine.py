"""The sandbox's parts on this machine: what they are, where they listen, and that they come back."""

from __future__ import annotations

import ipaddress
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from base import paths
from sandbox import addresses, machine
from sandbox.host import layout
from sandbox.host.cgroups import Cgroup
from sandbox.host.supervisor import Supervisor
from sandbox.kubernetes import network
from sandbox.toolchain import kubernetes

pytestmark = pytest.mark.e2e

PARTS = {
    "cloud",
    "containerd",
    "docker",
    "etcd",
    "front",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
    "registry",
    "services",
}

REGIONAL = ("registry", "front")
"""What each further region has of its own."""


def _sandbox(*words: str) -> tuple[int, str]:
    ran = subprocess.run(
        [sys.executable, "-m", "sandbox", *words],
        cwd=paths.CHECKOUT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return ran.returncode, ran.stdout


def _kubectl(home: Path, *words: str, stdin: str | None = None) -> tuple[int, str]:
    ran = subprocess.run(
        [str(kubernetes.PROGRAM.ensure()), "kubectl", *words],
        env=os.environ | {"KUBECONFIG": str(home / "kubeconfig"), "KUBECACHEDIR": str(home / "run/kubectl")},
        input=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return ran.returncode, ran.stdout


def _leaders(home: Path) -> dict[str, int]:
    supervisor = Supervisor(layout.Layout(home))
    found = {part: supervisor.leader(part) for part in PARTS}
    return {part: leader.pid for part, leader in found.items() if leader}


def test_status_shows_each_part_up_since_when_its_address_and_its_log(sandbox_home: Path) -> None:
    code, text = _sandbox("status")
    assert code == 0, text
    rows = {line.split()[0]: line.split() for line in text.splitlines()[1:]}
    others = {*machine.regions_running()} - {addresses.REGION}
    assert rows.keys() - {"Region", "make"} == PARTS | {f"{part}-{each}" for part in REGIONAL for each in others}
    for part in machine.status():
        assert rows[part.name][1] == "up"
        assert part.address in " ".join(rows[part.name])
        if part.since:  # None for the user's own Docker Engine
            assert f"{part.since:%Y-%m-%d}" in rows[part.name]
            assert part.log is not None
            assert part.log.is_relative_to(sandbox_home)
            assert part.log.is_file()


def test_every_part_listens_on_loopback_or_for_pods_only(sandbox_home: Path) -> None:
    members = Cgroup(layout.Layout(sandbox_home).name).everyone()
    assert len(members) >= len(PARTS) - 1
    listening = [
        connection
        for connection in psutil.net_connections(kind="inet")
        if connection.pid in members and connection.status in {psutil.CONN_LISTEN, psutil.CONN_NONE}
    ]
    listened = [connection.laddr.ip for connection in listening if connection.laddr]
    assert len(listened) >= 7
    for_pods = {each for each in listened if not ipaddress.ip_address(each).is_loopback}
    assert for_pods >= {network.GATEWAY, network.API_SERVICE}
    services = ipaddress.ip_network(network.SERVICES)
    assert [each for each in for_pods - {network.GATEWAY} if ipaddress.ip_address(each) not in services] == []


def test_the_data_folder_and_what_is_secret_in_it_are_for_their_owner_only(sandbox_home: Path) -> None:
    for name, mode in {"": 0o700, "kubeconfig": 0o600, "deployer.key": 0o600, "registry.secret": 0o600}.items():
        assert (sandbox_home / name).stat().st_mode & 0o777 == mode, name
    keys = [*sandbox_home.joinpath("pki").glob("*.key"), *sandbox_home.joinpath("registry-token").glob("*.key")]
    assert keys
    assert all(key.stat().st_mode & 0o077 == 0 for key in keys)


def test_the_owners_key_is_in_no_argument_and_in_no_log(sandbox_home: Path) -> None:
    key = (sandbox_home / "deployer.key").read_text().strip()
    members = Cgroup(layout.Layout(sandbox_home).name).everyone()
    assert not [pid for pid in members if key in " ".join(psutil.Process(pid).cmdline())]
    assert not [log.name for log in (sandbox_home / "logs").iterdir() if key in log.read_text(errors="replace")]


def test_up_on_a_running_sandbox_changes_nothing(sandbox_home: Path) -> None:
    before = _leaders(sandbox_home)
    code, text = _sandbox("up")
    assert code == 0, text
    assert _leaders(sandbox_home) == before


@pytest.mark.parametrize(
    "part", ["front", "registry", "cloud", "kube-scheduler", "kubelet", "containerd", "docker", "services"]
)
def test_a_part_that_was_killed_is_started_again_and_no_other(sandbox_home: Path, part: str) -> None:
    before = _leaders(sandbox_home)
    if part not in before:
        assert part == "docker"  # the user's own Docker Engine is not ours to kill
        return
    os.kill(before[part], signal.SIGKILL)
    while part in _leaders(sandbox_home):
        time.sleep(0.01)
    assert [status.name for status in machine.status() if not status.up and status.problem == "it does not run"] == [
        part
    ]
    assert _sandbox("status")[0] == 3
    code, text = _sandbox("up")
    assert code == 0, text
    after = _leaders(sandbox_home)
    assert after.keys() == before.keys()
    assert {name for name in PARTS if before.get(name) != after.get(name)} == {part}


@pytest.fixture
def pod(sandbox_home: Path) -> Iterator[str]:
    """Run a Pod of the image that every node has: the one that starts a Pod."""
    name = "sandbox-test"
    manifest = f"""
apiVersion: v1
kind: Pod
metadata: {{name: {name}}}
spec:
  terminationGracePeriodSeconds: 0
  automountServiceAccountToken: false
  containers:
  - {{name: main, image: "docker.io/sandbox/pause:1", imagePullPolicy: Never}}
"""
    code, text = _kubectl(sandbox_home, "apply", "-f", "-", stdin=manifest)
    assert code == 0, text
    code, text = _kubectl(sandbox_home, "wait", "--for=condition=Ready", f"pod/{name}", "--timeout=30s")
    assert code == 0, text
    yield name
    _kubectl(sandbox_home, "delete", "pod", name, "--grace-period=0", "--force")


def test_kubectl_exec_runs_a_program_inside_a_pod(sandbox_home: Path, pod: str) -> None:
    code, text = _kubectl(sandbox_home, "exec", pod, "--", "/pause", "--version")
    assert code == 0, text
    assert "version" in text


def test_a_pod_has_an_address_of_the_pod_network_and_its_node_one_on_loopback(sandbox_home: Path, pod: str) -> None:
    address, host = _kubectl(sandbox_home, "get", "pod", pod, "--output=jsonpath={.status.podIP} {.status.hostIP}")[
        1
    ].split()
    assert ipaddress.ip_address(address) in network.SUBNET
    assert host == "127.0.0.1"
    assert _kubectl(sandbox_home, "get", "nodes", "--output=name")[1].split() == ["node/sandbox"]


def test_a_pod_outlives_containerd_and_kubelet(sandbox_home: Path, pod: str) -> None:
    query = ("get", "pod", pod, "--output=jsonpath={.status.containerStatuses[0].containerID} {.status.phase}")
    before = _kubectl(sandbox_home, *query)
    for part in ("containerd", "kubelet"):
        os.kill(_leaders(sandbox_home)[part], signal.SIGKILL)
    code, text = _sandbox("up")
    assert code == 0, text
    assert _kubectl(sandbox_home, *query) == before
    assert _kubectl(sandbox_home, "exec", pod, "--", "/pause", "--version")[0] == 0


def test_nothing_of_the_user_reaches_the_kubelet(sandbox_home: Path) -> None:
    """A docker login in its HOME or working folder would be used for every pull, and hide a missing pull Secret."""
    kubelet = psutil.Process(_leaders(sandbox_home)["kubelet"])
    home = Path(kubelet.environ()["HOME"])
    assert list(home.iterdir()) == []
    assert Path(kubelet.cwd()).is_relative_to(sandbox_home)
    assert not {"DOCKER_CONFIG", "IBMCLOUD_API_KEY", "PULUMI_CONFIG_PASSPHRASE"} & kubelet.environ().keys()
