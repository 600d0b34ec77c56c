"""The workflows themselves, run by act on this machine: a pull request's open preview, and its comment.

What only GitHub has is put in place: the event, artifacts (a folder), the API for comments. Python and the checkout are
this machine's.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from base import paths
from fleet.comment import commit_of
from tests.fleet.fake_hosts import TOKEN, fake_host
from tests.fleet.test_comment import rows

pytestmark = [pytest.mark.fleet, pytest.mark.timeout(900)]

STUBS = {
    "actions/setup-python": "true",
    "actions/upload-artifact": 'cp "$INPUT_PATH" "$ARTIFACTS/$INPUT_NAME"',
    "actions/download-artifact": 'cp "$ARTIFACTS/$INPUT_NAME" "$INPUT_NAME.json"',
}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Return a clone of this checkout as it is, with one good stack file and one with a typing mistake."""
    folder = tmp_path / "repository"
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=paths.CHECKOUT, capture_output=True, text=True, check=True
    )
    for name in listed.stdout.splitlines():
        if (paths.CHECKOUT / name).is_file() and not Path(name).match("Pulumi.*.yaml"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(paths.CHECKOUT / name, folder / name)
    (folder / ".venv").symlink_to(paths.CHECKOUT / ".venv")
    (folder / ".gitignore").unlink()
    (folder / "Pulumi.good.yaml").write_text("config: {region: us-south}")
    (folder / "Pulumi.bad.yaml").write_text("config: {regin: us-south}")
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@localhost"]
    for words in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message", "all"]):
        subprocess.run([*git, *words], cwd=folder, check=True)
    return folder


def stubs(folder: Path) -> Iterator[str]:
    """Yield act's options that put what GitHub does in place."""
    texts = [path.read_text() for path in paths.CHECKOUT.glob(".github/**/*.yml")]
    pins = {pin for text in texts for pin in re.findall(r"uses: (\S+@\S+)", text)}
    for pin in sorted(pins):
        name, _, _ = pin.partition("@")
        if name in STUBS:
            place = folder / name
            place.mkdir(parents=True, exist_ok=True)
            inputs = {
                each: {"required": False} for each in ("name", "path", "python-version", "run-id", "github-token")
            }
            given = {"INPUT_NAME": "${{ inputs.name }}", "INPUT_PATH": "${{ inputs.path }}"}
            step = {"shell": "bash", "run": STUBS[name], "env": given}
            action = {"name": name, "inputs": inputs, "runs": {"using": "composite", "steps": [step]}}
            (place / "action.yml").write_text(yaml.safe_dump(action))
            yield f"--local-repository={pin}={place}"


def act(repository: Path, workflow: str, event: str, payload: Mapping[str, Any], **variables: str) -> tuple[int, str]:
    """Run a workflow; returns the exit status and all that was said."""
    work = repository.parent / "act"
    (work / "artifacts").mkdir(parents=True, exist_ok=True)
    (work / "event.json").write_text(json.dumps(payload))
    known = {"ARTIFACTS": str(work / "artifacts"), **variables}
    words = [
        *(str(Path(sys.executable).with_name("act")), event, "--workflows", f".github/workflows/{workflow}"),
        *("--eventpath", str(work / "event.json"), "--platform", "ubuntu-24.04=-self-hosted"),
        *("--no-cache-server", "--artifact-server-addr=127.0.0.1"),
        *("--action-offline-mode", "--secret", f"GITHUB_TOKEN={TOKEN}"),
        *(f"--env={name}={value}" for name, value in known.items()),
        *stubs(work / "stubs"),
    ]
    environ = {"HOME": str(work), "XDG_CACHE_HOME": str(work / "cache"), "PATH": os.environ["PATH"]}
    environ["ICR_SANDBOX_CACHE"] = str(paths.cache())
    ran = subprocess.run(words, cwd=repository, env=environ, capture_output=True, text=True, check=False)
    return ran.returncode, ran.stdout + ran.stderr


def test_a_pull_requests_preview_is_made_and_shown_as_its_workflows_say(repository: Path) -> None:
    head = "a" * 40
    payload = {"number": 7, "pull_request": {"number": 7, "head": {"sha": head}}}
    status, said = act(repository, "preview-open.yml", "pull_request", payload)
    artifact = repository.parent / "act/artifacts/preview"
    assert artifact.is_file(), said
    result = json.loads(artifact.read_text() or said)
    stacks = {each["stack"]: each for each in result["stacks"]}
    assert status == 1, "a stack file is bad, and the job says so"
    assert "the nearest is region" in "\n".join(stacks["bad"]["errors"])
    assert stacks["good"]["status"] == "done", said
    assert stacks["good"]["changes"]["create"] > 10

    run = {"id": 1, "event": "pull_request", "head_sha": head}
    with fake_host() as host:
        host.head = head
        known = {"GITHUB_API_URL": host.url, "FLEET_GITHUB_LOGIN": "me", "GITHUB_REPOSITORY": "owner/name"}
        event = {"action": "completed", "workflow_run": run}
        status, said = act(repository, "preview-comment.yml", "workflow_run", event, **known)
        assert status == 0, said
        (comment,) = host.of("me")
        assert rows(comment).keys() == {"good", "bad"}
        assert commit_of(comment) == head
        assert "Open preview" in comment

        host.head = run["head_sha"] = "b" * 40
        event = {"action": "requested", "workflow_run": run}
        status, said = act(repository, "preview-comment.yml", "workflow_run", event, **known)
        assert status == 0, said
        assert "**Stale:**" in host.of("me")[0]
    assert TOKEN not in said
