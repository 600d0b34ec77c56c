"""Who may run the commands that need root, what is advised otherwise, and what is theirs afterwards."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from base import rights
from base.errors import SandboxError
from tests.unit.toolchain_bench import Bench

pytestmark = pytest.mark.unit

USER = 4711
"""An account that this machine need not have."""


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Return a machine with sudo, and a user's checkout and home on it; what a shell has in its environment is not."""
    bench = Bench(tmp_path, monkeypatch)
    bench.program("sudo", "exit 9")
    for name in (*rights.KEPT[2:], "SUDO_UID", "SUDO_USER"):
        monkeypatch.delenv(name, raising=False)
    bench.folder.joinpath("checkout").mkdir()
    bench.folder.joinpath("user").mkdir()
    monkeypatch.setattr(rights, "CHECKOUT", bench.folder / "checkout")
    return bench


def advice(command: str) -> str:
    with pytest.raises(SandboxError) as caught:
        rights.require_root(command)
    return caught.value.remedy


@pytest.mark.usefixtures("bench")
def test_the_advice_is_for_the_command_asked_for_and_keeps_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: USER)
    assert advice("make down") == 'sudo env "PATH=$PATH" "HOME=$HOME" make down'

    monkeypatch.setenv("ICR_SANDBOX_HOME", "/srv/my data")
    monkeypatch.setenv("https_proxy", "http://user:secret@proxy")
    assert advice("make up") == (
        'sudo env "PATH=$PATH" "HOME=$HOME" "ICR_SANDBOX_HOME=$ICR_SANDBOX_HOME" "https_proxy=$https_proxy" make up'
    )


def test_without_sudo_the_advice_is_su(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.programs.joinpath("sudo").unlink()
    monkeypatch.setattr(os, "geteuid", lambda: USER)
    assert advice("make up") == "su --preserve-environment --command 'make up'"


@pytest.mark.usefixtures("bench")
@pytest.mark.parametrize(
    ("sudo", "checkout", "home", "refused"),
    [
        (str(USER), USER, 0, True),
        (str(USER), USER, USER, False),
        (str(USER), 0, 0, False),  # a root shell by sudo, in a checkout of root's own
        ("", 0, 0, False),
        ("", USER, 0, False),
    ],
)
def test_a_sudo_that_hides_the_users_home_is_refused(
    sudo: str, checkout: int, home: int, refused: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    owners = {rights.CHECKOUT: checkout, Path.home(): home}
    real = Path.stat

    def stat(path: Path) -> os.stat_result:
        fields = list(real(path))
        fields[4] = owners[path]
        return os.stat_result(fields)

    monkeypatch.setattr(Path, "stat", stat)
    if sudo:
        monkeypatch.setenv("SUDO_UID", sudo)
        monkeypatch.setenv("SUDO_USER", "tess")
    if refused:
        assert advice("make up") == 'sudo env "PATH=$PATH" "HOME=$HOME" make up'
    else:
        rights.require_root("make up")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_what_root_made_becomes_the_users_and_the_parts_files_stay_roots(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    user, checkout = bench.folder / "user", bench.folder / "checkout"
    data = user / ".local/state/icr-sandbox"
    monkeypatch.setenv("ICR_SANDBOX_HOME", str(data))
    monkeypatch.setenv("ICR_SANDBOX_CACHE", str(user / ".cache/icr-sandbox"))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    theirs = (
        checkout / ".venv/bin/python",
        user / ".cache/icr-sandbox/tool",
        data / "pulumi/state.json",
        data / "kubeconfig",
        data / "run/docker.sock",
    )
    roots = (data / "pki/ca.key", data / "run/etcd.pid", user / ".local/share/other")
    for file in (*theirs, *roots):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    elsewhere = bench.folder / "elsewhere"
    elsewhere.touch()
    checkout.joinpath("link").symlink_to(elsewhere)
    for folder in (checkout, user):
        os.chown(folder, USER, USER)

    rights.hand_over()

    owned = {file for file in bench.folder.rglob("*") if file.lstat().st_uid == USER}
    assert owned >= {*theirs, checkout / "link", user / ".cache", user / ".local/state", data}
    assert not owned & {*roots, elsewhere, data / "run"}


def test_nothing_changes_hands_in_roots_own_checkout(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(rights, "CHECKOUT", Path("/"))
    bench.program("find", f"touch {bench.folder}/called")

    rights.hand_over()

    assert not bench.folder.joinpath("called").exists()
