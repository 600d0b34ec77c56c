"""How parts are started, watched and stopped; with small programs in a cgroup of their own, beside any sandbox."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from base import files, mounts
from base.errors import SandboxError
from bench.starts import wrong_starts
from sandbox.host import cgroups
from sandbox.host.layout import Layout
from sandbox.host.supervisor import CancelledError, Command, Part, Supervisor

pytestmark = pytest.mark.e2e

_ENVIRON = {"PATH": "/usr/bin:/bin"}
_SLEEP = Command(["sleep", "600"], _ENVIRON)


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    layout = Layout(tmp_path / "home")
    layout.make()
    made = Supervisor(layout)
    made.cgroup.make()
    yield made
    assert cgroups.kill_all(made.cgroup) == set()
    made.cgroup.remove()
    assert made.cgroup.left() == []


def _part(name: str = "sleeper", limit: float = 5, *, problem: str | None = None, keeps_children: bool = False) -> Part:
    return Part(name, f"the {name}", "nowhere", lambda: problem, usually=1, limit=limit, keeps_children=keeps_children)


def _leader(supervisor: Supervisor, name: str = "sleeper") -> psutil.Process:
    leader = supervisor.leader(name)
    assert leader is not None
    return leader


def test_a_part_runs_on_its_own_and_is_found_again_by_a_later_run(supervisor: Supervisor) -> None:
    supervisor.ensure(_part(), lambda: _SLEEP)
    leader = _leader(Supervisor(supervisor.layout))
    assert leader.cmdline() == ["sleep", "600"]
    assert leader.environ() == _ENVIRON | {"PWD": str(supervisor.layout.run)}
    assert os.getsid(leader.pid) == leader.pid
    assert leader.ppid() != os.getpid()
    supervisor.stop(_part())
    assert supervisor.leader("sleeper") is None
    leader.wait(timeout=60)


def test_a_healthy_part_is_left_alone(supervisor: Supervisor) -> None:
    supervisor.ensure(_part(), lambda: _SLEEP)
    before = _leader(supervisor)
    supervisor.ensure(_part(), lambda: pytest.fail("it runs"))
    assert _leader(supervisor) == before


def test_a_process_of_somebody_else_with_the_noted_number_is_never_taken_for_ours(supervisor: Supervisor) -> None:
    (supervisor.layout.run / "sleeper.pid").write_text(f"{os.getpid()}\n")
    assert supervisor.leader("sleeper") is None
    supervisor.stop(_part())
    supervisor.ensure(_part(), lambda: _SLEEP)
    assert _leader(supervisor).pid != os.getpid()


def test_a_part_that_ends_is_reported_with_the_end_of_its_log_and_no_secret(supervisor: Supervisor) -> None:
    files.write(supervisor.layout.deployer_key, "my-secret-key\n")
    script = "echo first; echo the key is my-secret-key; echo Authorization: Bearer abcdefghijklmnop; exit 7"
    began = time.monotonic()
    with pytest.raises(SandboxError) as caught:
        supervisor.ensure(
            _part(limit=60, problem="it does not answer"), lambda: Command(["sh", "-c", script], _ENVIRON)
        )
    assert time.monotonic() - began < 30
    text = str(caught.value)
    assert "the sleeper did not come up: it ended" in text
    assert str(supervisor.layout.log("sleeper")) in text
    assert "    first\n    the key is ***\n    Authorization: ***" in text
    assert "run the command again" in caught.value.remedy


def test_a_program_that_is_not_there_is_reported(supervisor: Supervisor) -> None:
    with pytest.raises(SandboxError, match="did not come up: it ended"):
        supervisor.ensure(_part(), lambda: Command(["/nowhere/at-all"], _ENVIRON))


def test_a_part_that_never_gets_healthy_is_given_up_with_the_reason(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = psutil.cpu_count() or 1
    monkeypatch.setattr(psutil, "cpu_times", lambda: SimpleNamespace(idle=time.monotonic() * every))
    with pytest.raises(SandboxError, match="did not come up: its door is locked, after 1 s"):
        supervisor.ensure(_part(limit=1, problem="its door is locked"), lambda: _SLEEP)


@pytest.mark.parametrize("written", [None, "", "\n"])
def test_a_number_that_is_not_written_yet_is_neither_an_end_nor_health(
    supervisor: Supervisor, written: str | None
) -> None:
    """A file is empty between being made and being written, and the process behind it may be anything yet."""
    pid_file = supervisor.layout.run / "sleeper.pid"
    if written is not None:
        pid_file.write_text(written)
    began = time.monotonic()
    asked: list[float] = []
    part = Part("sleeper", "the sleeper", "nowhere", lambda: asked.append(time.monotonic()), usually=1)
    with subprocess.Popen(["sleep", "600"]) as sleeper:

        def write() -> None:
            supervisor.cgroup.entrance("sleeper").write_text(f"{sleeper.pid}\n")
            pid_file.write_text(f"{sleeper.pid}\n")

        timer = threading.Timer(0.5, write)
        timer.start()
        problem = supervisor.wait(part, 60)
        timer.join()
        sleeper.kill()
    assert problem is None
    assert [moment - began > 0.4 for moment in asked] == [True]


def test_parts_that_start_under_load_are_never_taken_for_ended_or_for_healthy_unasked(supervisor: Supervisor) -> None:
    assert wrong_starts(supervisor, 300) == []


def test_on_a_machine_without_idle_time_a_part_is_told_to_be_slow_and_waited_for(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    busy = psutil.cpu_times()
    monkeypatch.setattr(psutil, "cpu_times", lambda: busy)
    began = time.monotonic()
    slow = Part(
        "sleeper",
        "the sleeper",
        "nowhere",
        lambda: "it is not there yet" if time.monotonic() - began < 3 else None,
        usually=1,
        limit=1,
    )
    supervisor.ensure(slow, lambda: _SLEEP)
    said = capsys.readouterr().err
    assert said.count("the sleeper is slow to come up on this busy machine (it is not there yet)") == 1
    assert str(supervisor.layout.log("sleeper")) in said
    supervisor.stop(slow)
    with pytest.raises(SandboxError, match=r"did not come up: its door is locked, after [23] s"):
        supervisor.ensure(_part(limit=0.2, problem="its door is locked"), lambda: _SLEEP)


def test_looking_at_a_part_that_starts_takes_little_from_it(supervisor: Supervisor) -> None:
    began = time.monotonic()
    looks: list[float] = []

    def slowly_looked_at() -> str | None:
        looks.append(time.monotonic())
        time.sleep(0.05)
        return None if time.monotonic() - began > 1.5 else "not yet"

    supervisor.ensure(Part("sleeper", "the sleeper", "nowhere", slowly_looked_at, usually=1), lambda: _SLEEP)
    assert supervisor.until(slowly_looked_at, 1) is None
    assert 0.05 * len(looks) < (time.monotonic() - began) / 4


def test_waiting_ends_when_the_run_is_cancelled(supervisor: Supervisor) -> None:
    cancelled = threading.Event()
    threading.Timer(0.3, cancelled.set).start()
    began = time.monotonic()
    with pytest.raises(CancelledError):
        Supervisor(supervisor.layout, cancelled).ensure(_part(limit=60, problem="not yet"), lambda: _SLEEP)
    assert time.monotonic() - began < 30
    assert supervisor.leader("sleeper"), "the next run finds it, and goes on waiting for it"


def test_what_a_part_has_started_is_stopped_with_it(supervisor: Supervisor) -> None:
    supervisor.ensure(_part(), lambda: Command(["sh", "-c", "setsid sleep 600 & exec sleep 600"], _ENVIRON))
    assert supervisor.until(lambda: None if len(supervisor.cgroup.members("sleeper")) == 2 else "one", 5) is None
    supervisor.stop(_part())
    assert supervisor.until(lambda: str(supervisor.cgroup.members("sleeper") or "") or None, 5) is None


def test_what_a_part_has_started_can_outlive_it(supervisor: Supervisor) -> None:
    part = _part(keeps_children=True)
    command = Command(["sh", "-c", "setsid sleep 600 & exec sleep 600"], _ENVIRON)
    supervisor.ensure(part, lambda: command)
    assert supervisor.until(lambda: None if len(supervisor.cgroup.members("sleeper")) == 2 else "one", 5) is None
    first = _leader(supervisor)
    children = supervisor.cgroup.members("sleeper") - {first.pid}
    os.kill(first.pid, signal.SIGKILL)
    assert supervisor.until(lambda: "alive" if supervisor.leader("sleeper") else None, 5) is None
    supervisor.ensure(part, lambda: command)
    assert children < supervisor.cgroup.members("sleeper")
    assert _leader(supervisor).pid != first.pid


def test_a_part_that_ignores_being_asked_is_killed(supervisor: Supervisor) -> None:
    script = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(600)"
    log = supervisor.layout.log("sleeper")
    part = Part("sleeper", "the sleeper", "nowhere", lambda: None if "\n1\n" in log.read_text() else "?", usually=1)
    supervisor.ensure(part, lambda: Command([sys.executable, "-c", script], _ENVIRON))
    supervisor.stop(part, grace=0.3)
    assert supervisor.until(lambda: "alive" if supervisor.leader("sleeper") else None, 5) is None


def test_the_root_hands_down_the_same_controllers_afterwards_as_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A group of cgroup v2 plays the root, so that nothing else on this machine is touched."""
    v2 = [mount.target for mount in mounts.read() if mount.kind == "cgroup2"]
    if not v2 or not (offered := (v2[0] / "cgroup.subtree_control").read_text().split()):
        pytest.skip("this machine's cgroup v2 hands down no controller")
    root = v2[0] / f"icr-test-{os.getpid()}"
    root.mkdir()
    handed_down = root / "cgroup.subtree_control"
    monkeypatch.setattr(mounts, "read", lambda: [mounts.Mount(root, "cgroup2")])
    note = tmp_path / "controllers"
    cgroup = cgroups.Cgroup("sandbox")
    try:
        cgroup.note(note)
        cgroup.make()
        assert set(handed_down.read_text().split()) == set(offered) & set(cgroups.V2_CONTROLLERS) != set()
        cgroup.note(note)  # a second `up` must not take them for the machine's own
        cgroup.remove()
        cgroup.restore(note)
        assert handed_down.read_text().split() == []
        assert not note.exists()

        handed_down.write_text(f"+{offered[0]}")
        cgroup.note(note)
        cgroup.make()
        cgroup.remove()
        cgroup.restore(note)
        assert handed_down.read_text().split() == [offered[0]]
    finally:
        cgroup.remove()
        root.rmdir()
