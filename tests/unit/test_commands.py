"""The commands' own behaviour: what a person reads when something is missing, broken or stopped."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from base.errors import SandboxError
from commands import __main__ as commands
from commands import journey
from fleet.kubectl import Cluster
from fleet.stack import Stack
from fleet.verify import Check, show_checks
from sandbox.toolchain import launchers
from tests.unit import samples

pytestmark = pytest.mark.unit


def test_an_error_is_shown_as_text_with_its_remedy(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(_: object) -> int:
        raise SandboxError("it is broken", "mend it")

    monkeypatch.setitem(journey.COMMANDS, "up", broken)
    assert commands.main(["up"]) == 1
    said = capsys.readouterr().err
    assert "it is broken" in said
    assert "mend it" in said
    assert "Traceback" not in said


def test_ctrl_c_says_how_to_go_on(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def stopped(_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setitem(journey.COMMANDS, "down", stopped)
    assert commands.main(["down"]) == 130
    assert "`make down` goes on from here" in capsys.readouterr().err


def test_only_test_takes_words_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        commands.main(["up", "--now"])
    assert caught.value.code == 2
    assert "up takes no --now" in capsys.readouterr().err


@pytest.mark.parametrize("tool", ["pulumi", "kubectl"])
def test_a_missing_tool_is_named(tool: str, tmp_path: Path) -> None:
    environ = {"PATH": str(tmp_path)}
    with pytest.raises(SandboxError, match="is not on PATH"):
        Stack("dev", environ).outputs() if tool == "pulumi" else Cluster(environ, "")


def test_a_cli_that_a_power_cut_has_emptied_is_named_with_what_mends_it(tmp_path: Path) -> None:
    samples.script(tmp_path / "pulumi", "")
    os.truncate(tmp_path / "pulumi", 0)
    with pytest.raises(SandboxError, match="pulumi is an empty file") as caught:
        Stack("dev", {"PATH": str(tmp_path)}).outputs()
    assert "make up" in caught.value.remedy


def test_the_clis_own_words_are_shown_when_it_fails(tmp_path: Path) -> None:
    samples.script(tmp_path / "pulumi", "echo 'no stack named x' >&2; exit 255")
    with pytest.raises(SandboxError, match="no stack named x"):
        Stack("x", {"PATH": f"{tmp_path}:/bin"}).outputs()


def test_the_environment_with_its_keys_is_not_in_a_stacks_text() -> None:
    assert "the-key" not in repr(Stack("dev", {"IBMCLOUD_API_KEY": "the-key"}))


def test_each_check_is_printed_with_what_was_seen(capsys: pytest.CaptureFixture[str]) -> None:
    assert show_checks([Check("it runs", passed=True, seen="Running")])
    assert not show_checks(
        [Check("it runs", passed=True, seen="Running"), Check("it serves", passed=False, seen="[x]")]
    )
    said = capsys.readouterr().out
    assert "ok  it runs: Running" in said
    assert "NO  it serves: [x]" in said


def test_env_in_a_fresh_clone_sets_nothing_and_says_what_to_run_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(launchers, "FOLDER", tmp_path / "absent")
    assert commands.main(["env"]) == 1
    said = capsys.readouterr()
    assert said.out == "", "a shell would take it"
    assert f"{tmp_path / 'absent'} isn't there yet. `make up` makes it" in said.err
