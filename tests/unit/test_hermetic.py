"""The suite's own start: whatever the caller's shell holds, tests see the same."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from base.paths import CHECKOUT
from sandbox.toolchain import launchers

pytestmark = pytest.mark.unit

SEEN = "test_nothing_of_such_a_shell_is_seen"
PREPARED = {
    "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
    "PULUMI_BACKEND_URL": "file:///nowhere",
    "KUBECONFIG": "/nowhere/kubeconfig",
    "DOCKER_HOST": "unix:///nowhere",
    "IBMCLOUD_API_KEY": "the key of somebody's account",
}


def test_nothing_of_such_a_shell_is_seen() -> None:
    assert {*PREPARED}.isdisjoint(os.environ)
    assert str(launchers.FOLDER) not in os.environ["PATH"].split(os.pathsep)


def test_tests_are_the_same_in_a_shell_that_was_prepared_for_the_sandbox() -> None:
    path = f"{launchers.FOLDER}{os.pathsep}{os.environ['PATH']}"
    chosen = ("tests/unit/test_toolchain_environment.py", f"{__file__}::{SEEN}")
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *chosen],
        cwd=CHECKOUT,
        env={**os.environ, **PREPARED, "PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout
