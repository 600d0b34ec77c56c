"""The plugin as a process: as the engine starts it, and how little an unchanged stack costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

from base import paths

pytestmark = pytest.mark.plugins

UNCHANGED = """
import sys
from sandbox.plugins.kubernetes.plugin import KubernetesPlugin
from tests.plugins import replay
needed = {"Configure", "CheckConfig", "DiffConfig", "Check", "Diff"}
with replay.serving(KubernetesPlugin) as plugin:
    for call in replay.calls("kubernetes-calm"):
        if call.source == "02-up-unchanged" and call.method in needed:
            plugin.answer(call)
print(sorted({name.partition(".")[0] for name in sys.modules} & {"httpx"}))
"""


def test_the_process_prints_its_port_and_ends_when_asked() -> None:
    command = [sys.executable, "-m", "sandbox.plugins.kubernetes", "127.0.0.1:1"]
    with subprocess.Popen(command, cwd=paths.CHECKOUT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert 0 < int(process.stdout.readline()) < 65536
        process.terminate()
        assert process.wait(60) == 0


def test_an_unchanged_stack_needs_no_kubernetes_client() -> None:
    answer = subprocess.run(
        [sys.executable, "-c", UNCHANGED], cwd=paths.CHECKOUT, check=True, capture_output=True, text=True
    )
    assert answer.stdout.strip() == "[]"
