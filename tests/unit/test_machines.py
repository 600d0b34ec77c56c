"""What `make machine-test` says before it makes anything, and by what it runs a machine."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from base.errors import SandboxError
from tests.checkout import files_of
from tests.machines import power, user_mode

pytestmark = pytest.mark.unit


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the one folder on PATH: it is empty, so that this computer has nothing that is needed, and no KVM."""
    monkeypatch.setattr(power, "KVM_DEVICE", tmp_path / "kvm")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def _install(folder: Path, *programs: str) -> None:
    for program in programs:
        folder.joinpath(program).touch(mode=0o755)


def test_missing_tools_are_one_line_with_the_packages_that_have_them(programs: Path) -> None:
    _install(programs, "mke2fs", "ssh", "ssh-keygen")

    with pytest.raises(SandboxError) as caught:
        power.ways()

    assert caught.value.what == "machine-test needs mmdebstrap, qemu-system-x86_64."
    assert caught.value.remedy == "apt-get install --no-install-recommends mmdebstrap qemu-system-x86"


def test_a_user_who_is_not_root_is_told_the_command(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    _install(programs, "mke2fs", "ssh", "ssh-keygen", "mmdebstrap", "qemu-system-x86_64")

    with pytest.raises(SandboxError, match="root's rights") as caught:
        power.ways()

    assert caught.value.remedy == "sudo make machine-test"


@pytest.mark.parametrize(
    ("kvm", "user_mode_is_there", "names"),
    [
        (True, True, ["KVM", "user-mode Linux"]),
        (True, False, ["KVM", "emulation"]),
        (False, True, ["user-mode Linux"]),
        (False, False, ["emulation"]),
    ],
)
def test_kvm_comes_before_user_mode_linux_and_that_before_emulation(
    programs: Path, monkeypatch: pytest.MonkeyPatch, *, kvm: bool, user_mode_is_there: bool, names: list[str]
) -> None:
    monkeypatch.setattr(user_mode, "PLUGINS", programs)
    _install(programs, "mke2fs", "ssh", "ssh-keygen", "mmdebstrap", "qemu-system-x86_64", "linux.uml", "vde_plug")
    if kvm:
        power.KVM_DEVICE.touch()
    if user_mode_is_there:
        plugin = programs / "x86_64-linux-gnu/vdeplug/libvdeplug_slirp.so"
        plugin.parent.mkdir(parents=True)
        plugin.touch()

    assert [way.name for way in power.ways()] == names


def test_a_checkout_of_another_user_is_listed_as_in_a_container_of_a_pipeline(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    (tmp_path / "one").touch()
    os.chown(tmp_path, 12345, 12345)
    assert files_of(tmp_path) == ["one"]
