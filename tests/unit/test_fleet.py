"""The fleet without an engine: which stacks are meant, in what order, how many at once, and what their end says."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest

from base.errors import SandboxError
from base.paths import CHECKOUT
from fleet import guard, inventory
from fleet.inventory import StackFile
from fleet.locks import Lock
from fleet.run import Run, Status, exit_status
from fleet.runs import Records
from fleet.stack import Stack
from fleet.table import table
from fleet.waves import Waves
from tests.unit.samples import script

pytestmark = pytest.mark.unit


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "Pulumi.yaml").write_bytes((CHECKOUT / "Pulumi.yaml").read_bytes())
    files = {
        "canary": "config: {region: us-south, pulumi:tags: {wave: 1, environment: production}}",
        "tokyo": "config: {pulumi:tags: {wave: '2', environment: production}}",
        "dev": "config: {ibm-native:iamEndpoint: 'http://127.0.0.1:7080', icr-private-image:protect: true}",
        "broken": "config: [",
    }
    for name, text in files.items():
        (tmp_path / f"Pulumi.{name}.yaml").write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("chosen", "names"),
    [
        ({"everything": True}, ["canary", "tokyo", "broken", "dev"]),
        ({"names": ["dev", "canary"]}, ["canary", "dev"]),
        ({"regions": ["jp-tok"]}, ["tokyo", "broken", "dev"]),
        ({"tags": ["environment=production"]}, ["canary", "tokyo"]),
        ({"tags": ["environment", "wave=2"]}, ["tokyo"]),
        ({"names": ["canary", "tokyo"], "regions": ["us-south"]}, ["canary"]),
    ],
)
def test_stacks_are_chosen_by_name_region_and_tag_and_come_in_waves(
    project: Path, chosen: dict[str, list[str]], names: list[str]
) -> None:
    assert [stack.name for stack in inventory.choose(inventory.found(project), **chosen)] == names  # pyright: ignore[reportArgumentType]  # one of three kinds


def test_what_no_stack_is_says_what_there_is(project: Path) -> None:
    stacks = inventory.found(project)
    with pytest.raises(SandboxError, match="no stack file") as caught:
        inventory.choose(stacks, names=["cannary"])
    assert "canary" in caught.value.remedy
    with pytest.raises(SandboxError, match="no stack is named"):
        inventory.choose(stacks)
    with pytest.raises(SandboxError, match="--region eu-de"):
        inventory.choose(stacks, regions=["eu-de"])


def test_a_stack_file_tells_where_the_stack_is_and_whether_it_is_protected(project: Path) -> None:
    by_name = {stack.name: stack for stack in inventory.found(project)}
    assert {name for name, stack in by_name.items() if stack.on_sandbox} == {"dev"}
    assert {name for name, stack in by_name.items() if stack.is_protected} == {"dev"}


def test_a_kubeconfig_that_is_a_secret_becomes_a_file_that_only_its_owner_reads(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG_CONTENT", "the kubeconfig")
    (tokyo,) = [stack for stack in inventory.found(project) if stack.name == "tokyo"]
    environ = tokyo.environ()
    path = Path(environ["KUBECONFIG"])
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("the kubeconfig", 0o600)
    assert "the kubeconfig" not in environ.values()


def a_run(folder: Path, name: str, wave: str = "") -> Run:
    return Run(StackFile(name, folder, {}, {"wave": wave} if wave else {}), "up", folder / f"{name}.log")


def test_a_failure_leaves_later_waves_alone_and_lets_its_own_end(tmp_path: Path) -> None:
    runs = [a_run(tmp_path, *each) for each in (("last",), ("b", "2"), ("bad", "1"), ("beside", "1"))]

    def work(run: Run, _: Stack) -> None:
        if run.stack.name == "bad":
            raise SandboxError("it is broken", "mend it")
        run.status = "done"

    Waves(runs, work, 4, lambda _: None, ordered=True).go()
    assert {run.stack.name: run.status for run in runs} == {
        "bad": "failed",
        "beside": "done",
        "b": "skipped",
        "last": "skipped",
    }
    assert "To mend it: mend it" in runs[2].notes[0]
    assert "bad of wave 1" in runs[1].notes[0]
    assert exit_status(runs) == 1


def test_no_more_run_at_once_than_are_allowed(tmp_path: Path) -> None:
    now, most, lock = [0], [0], threading.Lock()
    together = threading.Barrier(2, timeout=60)

    def work(run: Run, _: Stack) -> None:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        together.wait()
        with lock:
            now[0] -= 1
        run.status = "unchanged"

    Waves([a_run(tmp_path, str(number)) for number in range(6)], work, 2, lambda _: None, ordered=False).go()
    assert most == [2]


def test_a_fault_of_one_stack_is_not_the_others(tmp_path: Path) -> None:
    def work(run: Run, _: Stack) -> None:
        run.status = "done"
        if run.stack.name == "a":
            raise KeyError(run.stack.name)

    runs = [a_run(tmp_path, "a"), a_run(tmp_path, "b")]
    Waves(runs, work, 1, lambda _: None, ordered=False).go()
    assert [run.status for run in runs] == ["failed", "done"]
    assert "KeyError" in runs[0].notes[0]


@pytest.mark.parametrize(
    ("statuses", "status"),
    [
        (["done", "unchanged"], 0),
        (["done", "changes"], 2),
        (["changes", "failed"], 1),
        (["skipped", "done"], 1),
        (["failed", "stopped"], 130),
    ],
)
def test_the_exit_status_is_the_worst_that_happened(tmp_path: Path, statuses: list[Status], status: int) -> None:
    runs = [a_run(tmp_path, str(number)) for number, _ in enumerate(statuses)]
    for run, each in zip(runs, statuses, strict=True):
        run.status = each
    assert exit_status(runs) == status


def test_what_runs_usually_take_is_remembered_by_stack_and_operation(tmp_path: Path) -> None:
    for seconds in (1, 2, 30):
        run = a_run(tmp_path, "a")
        run.status, run.began, run.ended = "done", 100.0, 100.0 + seconds
        Records(tmp_path).keep([run])
    assert Records(tmp_path).usually("up", "a") == 2
    assert Records(tmp_path).usually("up", "b") is None
    (tmp_path / ".fleet/seconds.json").write_text("{")
    assert Records(tmp_path).usually("up", "a") is None


def test_the_table_has_a_line_for_each_stack(tmp_path: Path) -> None:
    runs = [a_run(tmp_path, "a"), a_run(tmp_path, "b")]
    assert table(runs).row_count == 2


def test_a_lock_says_who_holds_it_since_when_and_whether_that_process_lives() -> None:
    here = os.uname().nodename
    left = Lock("ann", here, "none", "2026-01-01T00:00:00Z")
    assert left.is_left
    assert "process none of ann, which has ended, since 2026-01-01T00:00:00Z" in str(left)
    elsewhere = Lock("ann", "another-host", "1", "")
    assert not elsewhere.is_left
    assert "on another-host" in str(elsewhere)


def test_the_engines_environment_is_the_stacks_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script(tmp_path / "pulumi", """printf '{"seen": "%s"}' "$SEEN$OTHERS" """)
    monkeypatch.setenv("OTHERS", "of this process")
    stack = Stack("a", {"PATH": f"{tmp_path}:/bin", "SEEN": "its own"}, tmp_path)
    assert stack.read("anything") == {"seen": "its own"}


def test_what_the_engine_is_asked_is_not_in_the_log(tmp_path: Path) -> None:
    script(tmp_path / "pulumi", "echo '{}'")
    with (tmp_path / "log").open("w") as log:
        Stack("a", {"PATH": f"{tmp_path}:/bin"}, tmp_path, log).export()
    assert (tmp_path / "log").read_text() == ""


POD: dict[str, Any] = {
    "urn": "urn:pod",
    "type": "kubernetes:core/v1:Pod",
    "outputs": {"metadata": {"name": "web", "namespace": "shop", "uid": "uid-of-ours"}},
}


@pytest.mark.parametrize(
    ("answer", "refused"),
    [
        ('{"items": [{"metadata": {"uid": "uid-of-ours"}}]}', False),
        ('{"items": [{"metadata": {"uid": "same-name-in-another-cluster"}}]}', True),
        ("", True),
    ],
)
def test_another_cluster_than_the_states_own_is_refused_by_the_uids_of_its_objects(
    tmp_path: Path, answer: str, refused: bool
) -> None:
    script(tmp_path / "kubectl", f"echo \"$*\" >{tmp_path}/asked\necho '{answer}'")
    (tmp_path / "Pulumi.yaml").write_text("name: p")
    (tmp_path / "Pulumi.s.yaml").write_text("config: {kubernetesContext: staging}")
    stack = Stack("s", {"PATH": os.pathsep.join([str(tmp_path), os.environ["PATH"]])}, tmp_path)
    state: dict[str, object] = {"deployment": {"resources": [POD]}}
    if refused:
        with pytest.raises(SandboxError, match="none of stack s's objects") as caught:
            guard.check(stack, state)
        assert "pod/web in shop" in str(caught.value)
        assert "pulumi config set kubernetesContext CONTEXT --stack s" in caught.value.remedy
        assert "--no-guard" in caught.value.remedy
    else:
        guard.check(stack, state)
    assert (tmp_path / "asked").read_text().startswith("--context staging --request-timeout=30s get pod/web ")


def test_a_new_stack_is_held_against_no_cluster(tmp_path: Path) -> None:
    guard.check(Stack("s", {"PATH": str(tmp_path)}, tmp_path), {})
