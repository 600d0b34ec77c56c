"""One issue a stack: opened when it drifts, edited in place, closed when all is well; what isn't ours is left alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from fleet.__main__ import app
from tests.fleet.fake_hosts import TOKEN, FakeHost, fake_host

pytestmark = pytest.mark.fleet

FINDING = {"what": "API key ApiKey-1 (by hand)", "since": "2026-11-27", "mend": "python -m fleet remove ApiKey-1"}


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHost]:
    with fake_host() as served:
        urls = dict.fromkeys(("GITHUB_API_URL", "CI_API_V4_URL"), served.url)
        names = {"GITHUB_REPOSITORY": "owner/name", "CI_PROJECT_ID": "12", "FLEET_GITHUB_LOGIN": "me", **urls}
        names |= dict.fromkeys(("GITHUB_TOKEN", "GITLAB_TOKEN"), TOKEN)
        for name, value in names.items():
            monkeypatch.setenv(name, value)
        yield served


def stack(name: str, *changed: str, status: str = "") -> dict[str, Any]:
    properties = [{"path": "description", "old": "mine", "new": "```\n<!-- fleet: x --> @everybody"}]
    resources = [{"operation": "update", "type": "t:i:T", "name": each, "properties": properties} for each in changed]
    counts = {"create": 0, "update": len(changed), "replace": 0, "delete": 0}
    told = {"stack": name, "region": "jp-tok", "status": status or ("changes" if changed else "unchanged")}
    return {**told, "changes": counts, "resources": resources, "errors": [], "notes": []}


Run = Callable[..., list[str]]


@pytest.fixture(params=[(), ("--gitlab",)], ids=["github", "gitlab"])
def run(request: pytest.FixtureRequest, host: FakeHost, tmp_path: Path) -> Run:
    del host

    def run_it(*stacks: dict[str, Any], findings: Any = (), errors: Any = ()) -> list[str]:
        path = tmp_path / "drift.json"
        told = {"operation": "drift", "stacks": stacks, "findings": findings, "errors": errors}
        path.write_text(json.dumps(told))
        ran = CliRunner().invoke(app, ["issues", str(path), *request.param])
        assert ran.exit_code == 0, ran.output
        return ran.stdout.splitlines()

    return run_it


def test_an_issue_is_opened_updated_and_closed_and_others_are_left_alone(host: FakeHost, run: Run) -> None:
    for number in range(150):
        host.add_issue("somebody", "Drift: one", "<!-- fleet: drift of one -->" if number == 3 else "hello")
    host.add_issue("me", "a pull request", "<!-- fleet: drift of two -->", pull_request={})
    others = json.dumps(host.issues)

    by_key = {**FINDING, "stack": "two"}
    no_stack = {**FINDING, "stack": "", "what": "service ID ServiceId-1 (lost)"}
    first = run(stack("one", "pull"), stack("two"), stack("well"), findings=[by_key, no_stack])
    assert first == [
        "Drift: what belongs to no stack: opened #152",
        "Drift: one: opened #153",
        "Drift: two: opened #154",
    ]
    assert "description: mine => " in host.issues[153]["body"]
    assert host.issues[153]["body"].splitlines()[:2] == ["<!-- fleet: drift of one -->", "````text"]
    assert "python -m fleet remove ApiKey-1" in host.issues[154]["body"]
    assert "ServiceId-1" in host.issues[152]["body"]

    same = run(stack("one", "pull"), stack("two"), stack("well"), findings=[by_key, no_stack])
    assert same == []
    blind = run(stack("one", status="failed"), stack("two", "pod"), errors=["the account can't be asked"])
    assert blind == ["Drift: two: updated #154"]
    ended = run(stack("one"), stack("two"))
    assert ended == [
        "Drift: what belongs to no stack: closed #152",
        "Drift: one: closed #153",
        "Drift: two: closed #154",
    ]
    assert run(stack("one", "pull")) == ["Drift: one: opened #155"]
    assert json.dumps({number: each for number, each in host.issues.items() if number <= 151}) == others


def test_an_issue_is_as_long_as_github_takes(host: FakeHost, run: Run) -> None:
    run(stack("one", *(f"{number}-{'x' * 500}" for number in range(300))))
    assert "characters more, in the run's log" in host.issues[1]["body"]
