"""The environment for plain `pulumi`, `kubectl` and `docker`: whole, quoted, and without the key's value in sight."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from base import paths
from sandbox.toolchain import environment, launchers, plugins
from sandbox.toolchain.debian import DebianTree
from tests.unit.toolchain_bench import Bench

pytestmark = pytest.mark.unit

KEY = "not-for-any-eye"


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    folder = tmp_path / "a folder's name"
    folder.mkdir()
    return Bench(folder, monkeypatch)


def put_sandbox(bench: Bench) -> None:
    environment.make_folders()
    bench.home.joinpath("deployer.key").write_text(f"{KEY}\n")
    bench.home.joinpath("docker-host").write_text("unix:///run/a docker.sock\n")


def test_the_shell_lines_give_a_shell_what_a_process_gets(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    put_sandbox(bench)
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "the user's own")
    monkeypatch.setenv("IBMCLOUD_API_KEY", "the user's own")
    expected = environment.process_environment()

    script = "\n".join([*environment.shell_lines(), "/usr/bin/env -0"])
    ran = subprocess.run(
        ["/bin/sh", "-c", script],
        env={**os.environ, "PATH": os.environ["PATH"] + ":/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    seen = dict(each.split("=", 1) for each in ran.stdout.split("\0") if each)

    names = ["PULUMI_HOME", "PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE_FILE", "PULUMI_SKIP_UPDATE_CHECK"]
    names += ["KUBECONFIG", "DOCKER_CONFIG", "DOCKER_HOST", "IBMCLOUD_API_KEY"]
    assert {name: seen[name] for name in names} == {name: expected[name] for name in names}
    assert expected["IBMCLOUD_API_KEY"] == KEY
    assert expected["DOCKER_HOST"] == "unix:///run/a docker.sock"
    assert seen["PATH"].split(":")[0] == expected["PATH"].split(":")[0] == str(launchers.FOLDER)
    assert "PULUMI_CONFIG_PASSPHRASE" not in seen
    assert "PULUMI_CONFIG_PASSPHRASE" not in expected


def test_the_sandbox_is_reached_without_a_proxy_and_the_users_own_exceptions_stay(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_sandbox(bench)
    monkeypatch.setenv("no_proxy", "corp.example, 10.0.0.1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    expected = "corp.example,10.0.0.1,127.0.0.1,localhost"
    for _ in range(2):
        found = environment.process_environment()
        assert (found["NO_PROXY"], found["no_proxy"]) == (expected, expected)
        monkeypatch.setenv("NO_PROXY", found["NO_PROXY"])
    assert f"export NO_PROXY={expected}" in environment.shell_lines()


def test_the_keys_value_is_in_no_shell_line(bench: Bench) -> None:
    put_sandbox(bench)

    lines = environment.shell_lines()

    assert KEY not in "\n".join(lines)
    assert any(line.startswith('export IBMCLOUD_API_KEY="$(cat ') for line in lines)


def test_before_the_sandbox_is_up_the_users_own_key_is_not_handed_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ICR_SANDBOX_HOME", "/nonexistent")
    monkeypatch.setenv("IBMCLOUD_API_KEY", "the user's own")

    assert "IBMCLOUD_API_KEY" not in environment.process_environment()
    assert "unset PULUMI_CONFIG_PASSPHRASE IBMCLOUD_API_KEY" in environment.shell_lines()


def test_the_engine_looks_for_no_download_only_where_this_projects_plugins_are_used(bench: Bench) -> None:
    assert "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION" not in environment.process_environment()

    for name in ("docker", "kubernetes"):
        launchers.python_module(plugins.binary(name), f"sandbox.plugins.{name}")

    assert environment.process_environment()["PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"] == "true"
    assert bench.folder in plugins.HOME.parents


def test_docker_is_the_users_client_if_there_is_one_else_debians(bench: Bench) -> None:
    tree = DebianTree(bench.folder / "tree", "x86_64-linux-gnu")
    client = bench.program("docker", 'echo "debian $*"', tree.root / "usr/bin")
    script = launchers.FOLDER / "docker"

    launchers.docker(tree)
    ran = subprocess.run([script, "pull", "x y"], capture_output=True, text=True, check=True)
    assert ran.stdout == "debian pull x y\n"
    assert str(client.parent) not in os.environ["PATH"]

    bench.program("docker", "echo mine")
    launchers.docker(tree)
    assert not script.exists()


def test_kubectl_is_part_of_the_kubernetes_binary(bench: Bench) -> None:
    node = bench.program("node", 'echo "$*"', bench.folder / "an entry")

    launchers.kubectl(node)

    ran = subprocess.run([launchers.FOLDER / "kubectl", "get", "pod"], capture_output=True, text=True, check=True)
    assert ran.stdout == "kubectl get pod\n"


def test_a_launched_module_is_this_checkouts_wherever_it_is_started(bench: Bench, tmp_path: Path) -> None:
    tmp_path.joinpath("sandbox").mkdir()
    tmp_path.joinpath("sandbox/__init__.py").write_text("raise SystemExit('another package of that name')")
    script = bench.folder / "launch"

    launchers.python_module(script, "sandbox.addresses")

    ran = subprocess.run([script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert str(paths.CHECKOUT) in script.read_text()
