"""The suite's own start: whatever the caller's shell holds, tests see the same."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from sandbox.toolchain import environment, launchers
from tests.conftest import forget_the_shell

pytestmark = pytest.mark.unit

OF_THE_MACHINE = {"PATH", "NO_PROXY", "no_proxy"}
"""What tests need of a shell: where programs are, and how the network is reached."""


def test_all_that_make_env_sets_is_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ICR_SANDBOX_HOME", str(tmp_path))
    for name in ("deployer.key", "docker-host"):
        (tmp_path / name).write_text("of the sandbox")
    names = re.findall(r"^export (\w+)=", "\n".join(environment.shell_lines()), re.MULTILINE)
    assert {"PULUMI_BACKEND_URL", "KUBECONFIG", "DOCKER_HOST", "IBMCLOUD_API_KEY"} <= {*names}
    shell = dict.fromkeys(names, "/nowhere") | {"PATH": f"{launchers.FOLDER}{os.pathsep}/usr/bin"}
    forget_the_shell(shell)
    assert shell.keys() == OF_THE_MACHINE
    assert shell["PATH"] == "/usr/bin"


def test_nothing_of_such_a_shell_is_seen() -> None:
    shell = dict(os.environ)
    forget_the_shell(shell)
    assert shell == os.environ
