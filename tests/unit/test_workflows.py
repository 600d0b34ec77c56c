"""The pipelines: what they may do, that what they use is pinned, and that each of their commands exists."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml
from typer.testing import CliRunner

from base.errors import SandboxError
from base.paths import CHECKOUT
from commands.__main__ import COMMANDS
from fleet.__main__ import app
from tests.unit.samples import script

pytestmark = pytest.mark.unit

WORKFLOWS = sorted(CHECKOUT.glob(".github/workflows/*.yml"))
TEXTS = [*WORKFLOWS, *CHECKOUT.glob(".github/actions/*/action.yml"), CHECKOUT / ".gitlab-ci.yml"]


def jobs(path: Path) -> dict[str, dict[str, Any]]:
    return yaml.safe_load(path.read_text())["jobs"]


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_each_command_exists_with_its_options(path: Path) -> None:
    group = typer.main.get_command(app)
    for name, rest in re.findall(
        r"\bfleet ([a-z]+)([^\n]*)", path.read_text().partition("\non:")[2] or path.read_text()
    ):
        command = group.commands[name]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownVariableType]  # a group
        known = {option for parameter in command.params for option in parameter.opts}  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        assert set(re.findall(r"(?<=\s)--[a-z-]+", rest)) <= known, rest
    assert set(re.findall(r"(?:run: |\$\(|script: )make ([a-z]+)", path.read_text())) <= set(COMMANDS)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_every_action_is_pinned_by_its_commit_with_its_version_beside(path: Path) -> None:
    for used in re.findall(r"uses: (.*)", path.read_text()):
        assert re.fullmatch(r"\./\.github/\S+|[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", used)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_nothing_is_allowed_that_a_job_does_not_name(path: Path) -> None:
    assert yaml.safe_load(path.read_text())["permissions"] == {}
    writes = {
        (name, right) for name, job in jobs(path).items() for right, how in job["permissions"].items() if how == "write"
    }
    allowed = {
        "drift.yml": {("issues", "issues")},
        "preview-comment.yml": {("comment", "pull-requests"), ("stale", "pull-requests")},
        "preview-live.yml": {("comment", "pull-requests")},
        "release.yml": {("publish", "id-token")},
        "rotate.yml": {("propose", "contents"), ("propose", "pull-requests")},
    }
    assert writes == allowed.get(path.name, set())


def test_a_strangers_change_runs_without_a_secret_and_what_holds_secrets_is_behind_an_environment() -> None:
    for path in WORKFLOWS:
        for name, job in jobs(path).items():
            text = yaml.safe_dump(job)
            if "secrets." in text and "uses: ./.github/workflows" not in text:
                assert "environment" in job, f"{path.name}: {name}"
    assert "secrets." not in (CHECKOUT / ".github/workflows/preview-open.yml").read_text()
    live = jobs(CHECKOUT / ".github/workflows/preview-live.yml")["preview"]
    assert live["if"] == "github.event.pull_request.head.repo.full_name == github.repository"


def test_a_delivery_is_one_at_a_time_a_stack_and_never_cancelled() -> None:
    waves = [job for job in jobs(CHECKOUT / ".github/workflows/deliver.yml").values() if "strategy" in job]
    assert [each["strategy"]["fail-fast"] for each in waves] == [False] * 4
    delivery = jobs(CHECKOUT / ".github/workflows/stack.yml")["up"]
    assert delivery["concurrency"] == {"group": "stack-${{ inputs.stack }}", "cancel-in-progress": False}


def test_the_waves_of_a_delivery_are_what_the_stack_files_say() -> None:
    ran = CliRunner().invoke(app, ["list", "--tag", "environment=production", "--waves", "-C", str(CHECKOUT)])
    assert ran.stdout == 'wave1=["jp-tok"]\nwave2=["eu-de", "jp-osa", "us-south"]\nwave3=[]\nwave4=[]\n'


def test_what_lint_builds_by_go_has_go() -> None:
    steps = jobs(CHECKOUT / ".github/workflows/checks.yml")["checks"]["steps"]
    assert any("actions/setup-go@" in step.get("uses", "") for step in steps)
    lint = yaml.safe_load((CHECKOUT / ".gitlab-ci.yml").read_text())["lint"]
    assert lint["image"].startswith("golang:")


def test_no_job_holds_a_secret_and_a_right_to_write() -> None:
    for path in WORKFLOWS:
        for name, job in jobs(path).items():
            writes = {right for right, how in job["permissions"].items() if how == "write"}
            assert not (writes and "secrets." in yaml.safe_dump(job)), f"{path.name}: {name}"


def test_a_fifth_wave_is_refused_since_the_delivery_has_no_job_for_it(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: p")
    for wave in range(5):
        (tmp_path / f"Pulumi.s{wave}.yaml").write_text(f'config: {{"pulumi:tags": {{wave: "{wave}"}}}}')
    ran = CliRunner().invoke(app, ["list", "--waves", "-C", str(tmp_path)])
    assert isinstance(ran.exception, SandboxError)
    assert "the stacks are in 5 waves, and .github/workflows/deliver.yml has 4" in str(ran.exception)
    assert len([name for name in jobs(CHECKOUT / ".github/workflows/deliver.yml") if name.startswith("wave")]) == 4


def test_a_due_rotation_is_proposed_once_and_renewed_while_its_pull_request_is_open(tmp_path: Path) -> None:
    origin, clone, programs = (tmp_path / name for name in ("origin.git", "clone", "programs"))
    programs.mkdir()
    script(
        programs / "gh",
        f'echo "$1 $2" >>{tmp_path}/asked; test "$1 $2" = "pr create" && touch {tmp_path}/open; '
        f'test "$1 $2" = "pr list" && test -e {tmp_path}/open && echo 7; true',
    )
    environ = {"PATH": f"{programs}:{os.environ['PATH']}", "HOME": str(tmp_path)}

    def run(*words: str, folder: Path = clone) -> str:
        done = subprocess.run(words, cwd=folder, env=environ, check=True, capture_output=True, text=True)
        return done.stdout

    run("git", "init", "--quiet", "--bare", str(origin), folder=tmp_path)
    run("git", "clone", "--quiet", str(origin), str(clone), folder=tmp_path)
    (clone / "Pulumi.prod.yaml").write_text("config:\n  keyEpoch: 1\n")
    run("git", "add", "--all")
    run("git", "-c", "user.name=t", "-c", "user.email=t@localhost", "commit", "--quiet", "--message", "one")
    (clone / "rotate.patch").write_text("")
    assert run("bash", str(CHECKOUT / ".github/propose.sh")) == "no key is due\n"
    assert not (tmp_path / "asked").exists()

    for _ in range(2):
        (clone / "Pulumi.prod.yaml").write_text("config:\n  keyEpoch: 2\n")
        (clone / "rotate.patch").write_text(run("git", "diff"))
        run("git", "checkout", "--", "Pulumi.prod.yaml")
        run("bash", str(CHECKOUT / ".github/propose.sh"))
        run("git", "checkout", "--quiet", "-")
        run("git", "branch", "--quiet", "-D", "rotate-keys")
    assert (tmp_path / "asked").read_text().splitlines().count("pr create") == 1
    assert run("git", "show", "rotate-keys:Pulumi.prod.yaml", folder=origin) == "config:\n  keyEpoch: 2\n"
    assert run("git", "log", "-1", "--format=%s", "rotate-keys", folder=origin) == "Rotate the keys of prod\n"
