"""Which cluster a stack's commands ask: the one that the stack's own settings choose."""

from __future__ import annotations

from pathlib import Path

import pytest

from fleet.kubectl import cluster_of
from fleet.stack import Stack
from tests.unit import samples

pytestmark = pytest.mark.unit


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """Return a stack whose kubectl answers with the kubeconfig that it reads, and with what it was asked."""
    samples.script(tmp_path / "kubectl", 'cat "$KUBECONFIG"; echo " $*"')
    for name in ("shell", "settings"):
        (tmp_path / name).write_text(f"the {name}'s")
    (tmp_path / "Pulumi.yaml").write_text("name: p")

    def ask(*words: object) -> str:
        assert words[1:] == ("config", "get", "kubeconfig", "--stack", "x")
        return "the secret's"

    monkeypatch.setattr(Stack, "ask", ask)
    return Stack("x", {"PATH": f"{tmp_path}:/bin", "KUBECONFIG": str(tmp_path / "shell")}, tmp_path)


@pytest.mark.parametrize(
    ("config", "asked"),
    [
        ("{}", "the shell's --request-timeout"),
        ("{kubernetesContext: a}", "the shell's --context a"),
        ("{kubeconfig: settings}", "the settings's --request-timeout"),
        ("{kubeconfig: {secure: v1:abc}}", "the secret's --request-timeout"),
    ],
)
def test_a_stacks_own_settings_choose_its_cluster(config: str, asked: str, stack: Stack) -> None:
    (stack.folder / "Pulumi.x.yaml").write_text(f"config: {config}")
    assert cluster_of(stack).images().startswith(asked)


def test_a_stack_without_a_file_is_asked_for_where_the_shell_says(stack: Stack) -> None:
    assert cluster_of(stack).images().startswith("the shell's")


def test_nothing_is_left_of_a_kubeconfig_that_is_a_secret(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    (stack.folder / "Pulumi.x.yaml").write_text("config: {kubeconfig: {secure: v1:abc}}")
    monkeypatch.setattr("tempfile.tempdir", str(stack.folder / "tmp"))
    (stack.folder / "tmp").mkdir()
    cluster = cluster_of(stack)
    assert [each.stat().st_mode & 0o777 for each in (stack.folder / "tmp").iterdir()] == [0o600]
    del cluster
    assert list((stack.folder / "tmp").iterdir()) == []
