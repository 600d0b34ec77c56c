"""What the sandbox finds out before it starts anything: what is missing has one clear line and its remedy."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from base.errors import SandboxError
from sandbox import machine, preflight
from sandbox.host.layout import Layout
from sandbox.host.supervisor import Supervisor

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("command", [machine.up, machine.down, machine.reset])
def test_a_user_who_is_not_root_is_told_the_line_that_runs_the_same_command(
    command: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(sys, "orig_argv", ["/a b/python", "-m", "sandbox", "up"])
    with pytest.raises(SandboxError, match="root's rights") as caught:
        command()
    assert "'/a b/python' -m sandbox up" in caught.value.remedy


def test_a_path_too_long_for_unix_sockets_is_refused_with_its_length() -> None:
    long = Path("/var/lib") / ("x" * 80)
    with pytest.raises(SandboxError, match="has 89 characters, and unix sockets in it allow 67") as caught:
        preflight.check_home(Layout(long))
    assert "ICR_SANDBOX_HOME" in caught.value.remedy


@pytest.mark.parametrize("path", ["/root/.local/state/icr-sandbox", "/tmp/icr-1a2b/home", "/srv/a+b@c=d%e"])  # noqa: S108
def test_usual_paths_are_taken(path: str) -> None:
    preflight.check_home(Layout(Path(path)))


@pytest.mark.parametrize("path", ["/home/my user/sandbox", "/srv/it's", "/srv/a;b", '/srv/"', "/srv/$HOME"])
def test_a_path_that_settings_files_can_not_hold_is_refused(path: str) -> None:
    with pytest.raises(SandboxError, match="blank or a special character"):
        preflight.check_home(Layout(Path(path)))


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_busy_port_names_the_part_that_needs_it_and_the_program_that_has_it(
    taken: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preflight, "ADDRESSES", {f"127.0.0.1:{taken}": "front"})
    with pytest.raises(SandboxError) as caught:
        preflight.check_addresses(Supervisor(Layout(tmp_path)))
    assert f"127.0.0.1:{taken}, which front needs, is in use by " in caught.value.what
    assert f"(process {os.getpid()})" in caught.value.what
    assert "stop that program" in caught.value.remedy


def test_free_ports_are_no_problem(taken: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        free = other.getsockname()[1]
    assert free != taken
    monkeypatch.setattr(preflight, "ADDRESSES", {f"127.0.0.1:{free}": "front"})
    preflight.check_addresses(Supervisor(Layout(tmp_path)))


def test_a_full_disk_says_how_much_is_free_and_how_much_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preflight, "DISK", 1 << 60)
    with pytest.raises(SandboxError, match="MiB free, and the sandbox needs") as caught:
        preflight.check_room(Layout(tmp_path))
    assert "larger disk" in caught.value.remedy


def test_too_little_memory_is_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "DISK", 1)
    monkeypatch.setattr(preflight, "MEMORY", 1 << 60)
    with pytest.raises(SandboxError, match="MiB of memory are available"):
        preflight.check_room(Layout(tmp_path))


def test_a_machine_without_mount_is_told_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SandboxError, match="`mount` is not on PATH") as caught:
        preflight.check_overlay(Layout(tmp_path))
    assert caught.value.remedy == "apt-get install mount"
