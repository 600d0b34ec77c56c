"""What `make machine-test` says before it makes anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from base.errors import SandboxError
from tests.machines import machine

pytestmark = pytest.mark.unit


def test_missing_tools_are_one_line_with_the_packages_that_have_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    for there in ("mke2fs", "ssh", "ssh-keygen"):
        tmp_path.joinpath(there).touch(mode=0o755)

    with pytest.raises(SandboxError) as caught:
        machine.require_tools()

    assert caught.value.what == "machine-test needs qemu-system-x86_64, mmdebstrap."
    assert caught.value.remedy == "apt-get install --no-install-recommends mmdebstrap qemu-system-x86"


def test_a_user_who_is_not_root_is_told_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    for there in machine.TOOLS:
        tmp_path.joinpath(there).touch(mode=0o755)

    with pytest.raises(SandboxError, match="root's rights") as caught:
        machine.require_tools()

    assert caught.value.remedy == "sudo make machine-test"
