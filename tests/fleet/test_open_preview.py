"""The open preview: with an empty environment and no network, and what of the caller's never gets in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from base import paths
from fleet.comment import body
from fleet.inventory import found
from fleet.open_preview import alone
from fleet.result import read
from sandbox.toolchain import launchers, plugins
from tests.fleet.test_comment import rows

pytestmark = pytest.mark.fleet

CUT_OFF = """
import os, sys
from pyroute2 import IPRoute
with IPRoute() as network:
    (loopback,) = network.link_lookup(ifname="lo")
    network.link("set", index=loopback, state="up")
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""
"""Goes on with nothing but a loopback of its own: the engine and its plugins speak with each other by that."""


def test_the_whole_program_without_credential_cluster_account_or_network(tmp_path: Path) -> None:
    for name in ("Pulumi.yaml", "__main__.py", "components", "config", "ibm_native", "app", "policy", ".venv"):
        (tmp_path / name).symlink_to(paths.CHECKOUT / name)
    good = {"region": "us-south", "registryNamespaceMode": "use", "pushApiKey": {"secure": "v1:nobody-can-read-this"}}
    (tmp_path / "Pulumi.good.yaml").write_text(yaml.safe_dump({"encryptionsalt": "v1:x", "config": good}))
    (tmp_path / "Pulumi.bad.yaml").write_text("config: {regin: us-south}")
    before = {path.name for path in tmp_path.iterdir()}
    environ = {
        "PATH": os.pathsep.join([str(launchers.FOLDER), os.environ["PATH"]]),
        "PULUMI_HOME": str(plugins.HOME),
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
    }
    words = ["-m", "fleet", "preview", "--open", "--all", "--json", "-C", str(tmp_path)]
    ran = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--net", sys.executable, "-c", CUT_OFF, *words],
        cwd=paths.CHECKOUT,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    (tmp_path / "result.json").write_text(ran.stdout)
    result = read([tmp_path / "result.json"])
    stacks = {each["stack"]: each for each in result["stacks"]}
    assert ran.returncode == 1, "a stack file is bad"
    assert "the nearest is region" in "\n".join(stacks["bad"]["errors"])
    assert stacks["good"]["errors"] == [], ran.stderr
    assert stacks["good"]["changes"]["create"] == len(stacks["good"]["resources"]) > 10
    assert "counts as one to adopt" in "\n".join(stacks["good"]["notes"])
    shown = body(result)
    assert rows(shown)["good"][0] == str(stacks["good"]["changes"]["create"])
    assert "[secret]" in json.dumps(stacks["good"]["resources"]), "the pull Secret's content"
    assert {path.name for path in tmp_path.iterdir()} - before == {".fleet", "result.json"}


def test_what_the_caller_could_do_the_previewed_program_cannot(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: icr-private-image\nruntime: python\n")
    secret = {"secure": "v1:abc"}
    config = {
        "pushApiKey": secret,
        "deep": {"list": [{"a": secret}]},
        "region": "us-south",
        "pulumi:tags": {"wave": "1"},
    }
    (tmp_path / "Pulumi.s.yaml").write_text(yaml.safe_dump({"secretsprovider": "awskms://x", "config": config}))
    (tmp_path / "Pulumi.other.yaml").write_text("config: {}")
    home = tmp_path / "pulumi-home"
    (home / "plugins").mkdir(parents=True)
    (home / "credentials.json").write_text("{}")
    theirs = {
        "PATH": "/bin",
        "HOME": str(tmp_path),
        "PULUMI_HOME": str(home),
        **dict.fromkeys(("IBMCLOUD_API_KEY", "KUBECONFIG", "PULUMI_ACCESS_TOKEN", "AWS_SECRET_ACCESS_KEY"), "theirs"),
        **dict.fromkeys(("GITHUB_TOKEN", "DOCKER_HOST", "PULUMI_CONFIG_PASSPHRASE", "DOCKER_CONFIG"), "theirs"),
    }
    (file,) = [each for each in found(tmp_path) if each.name == "s"]
    with alone(file, theirs, None) as stack:
        assert "theirs" not in stack.environ.values()
        assert str(tmp_path) not in stack.environ["HOME"]
        assert {path.name for path in Path(stack.environ["PULUMI_HOME"]).iterdir()} == {"plugins"}
        written = yaml.safe_load((stack.folder / "Pulumi.s.yaml").read_text())
        assert written == {"config": {"region": "us-south", "pulumi:tags": {"wave": "1"}}}
        assert not (stack.folder / "Pulumi.other.yaml").exists()
        left = stack.folder
    assert not left.exists()
