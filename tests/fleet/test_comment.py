"""The one comment: what it says, how long it may be, what text in it can do, and where it is put."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from base.errors import SandboxError
from fleet.__main__ import app
from fleet.comment import LIMIT, MARK, body
from fleet.hosts.github import PullRequest
from fleet.hosts.gitlab import MergeRequest
from fleet.hosts.review import STALE, Review, mark_stale, publish
from fleet.result import read
from tests.fleet.fake_hosts import LONGEST, TOKEN, FakeHost, fake_host

pytestmark = pytest.mark.fleet

COMMIT, NEWER = "a" * 40, "b" * 40
KINDS = ("create", "update", "replace", "delete")


def resource(number: int, operation: str = "update", value: str = "x") -> dict[str, Any]:
    changed = [{"path": f"inputs[{number}].name", "old": f"{value}-before", "new": f"{value}-after"}]
    return {
        "operation": operation,
        "type": "kubernetes:core/v1:Pod",
        "name": f"resource-{number}",
        "properties": changed,
    }


def stack(name: str, changes: int = 0, *, value: str = "x", errors: tuple[str, ...] = ()) -> dict[str, Any]:
    resources = [resource(number, KINDS[number % 4], value) for number in range(changes)]
    return {
        "stack": name,
        "region": "us-south",
        "status": "failed" if errors else "changes" if changes else "unchanged",
        "changes": {kind: sum(each["operation"] == kind for each in resources) for kind in KINDS},
        "resources": resources,
        "errors": [*errors],
        "notes": [],
    }


def result(*stacks: dict[str, Any]) -> dict[str, Any]:
    return {"operation": "preview", "stacks": [*stacks]}


def rows(text: str) -> dict[str, list[str]]:
    """Return the table's cells by stack."""
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("| `")
    ]
    return {row[0].strip("`"): row[2:] for row in cells}


def test_it_says_a_line_for_all_a_row_a_stack_and_only_what_changes() -> None:
    text = body(result(stack("one", 5), stack("same"), stack("bad", errors=("it broke\nfor a reason",))), COMMIT)
    assert text.startswith(MARK)
    assert "### 3 stacks: +2 ~1 ±1 -1, 1 unchanged, 1 failed" in text
    assert rows(text) == {
        "one": ["2", "1", "1", "1", ""],
        "same": ["", "", "", "", ""],
        "bad": ["", "", "", "", "1"],
    }
    assert "      ~ inputs[1].name: x-before => x-after" in text
    assert "it broke\nfor a reason" in text
    assert text.count("<details>") == 1, "what doesn't change has no part of its own"


@pytest.mark.parametrize("value", ["x", "y" * 200])
def test_40_stacks_of_50_changes_fit_without_losing_a_count(value: str) -> None:
    text = body(result(*(stack(f"stack-{number:02}", 50, value=value) for number in range(40))), COMMIT)
    assert len(text) <= LIMIT
    assert "40 stacks: +520 ~520 ±480 -480" in text
    assert rows(text) == {f"stack-{number:02}": ["13", "13", "12", "12", ""] for number in range(40)}
    assert "summed up" in text


def test_one_stack_too_long_does_not_fold_the_others() -> None:
    text = body(result(stack("big", 3000), stack("small", 4)), COMMIT)
    assert len(text) <= LIMIT
    assert "~ inputs[1].name: x-before => x-after" in text
    assert "+ 750 x kubernetes:core/v1:Pod" in text


def test_errors_are_whole_and_only_a_flood_of_them_is_cut_with_its_length() -> None:
    reason = "line of a reason\n" * 300
    assert reason in body(result(stack("bad", errors=(reason,))), COMMIT)
    flood = body(result(*(stack(f"bad-{number}", errors=("z" * 50_000,)) for number in range(10))), COMMIT)
    assert len(flood) <= LIMIT
    assert flood.count("characters more, in the run's log") == 10


text_of_anybody = st.text(st.sampled_from("`|<>@\\\n~=ab-!#*[]()") | st.characters(codec="utf-8"), max_size=40)


@given(text_of_anybody, text_of_anybody)
@settings(max_examples=150, deadline=None)
def test_no_text_gets_out_of_its_place(name: str, value: str) -> None:
    hostile = stack("s", 1, value=value, errors=(value,))
    hostile["resources"][0]["name"] = name
    hostile["resources"][0]["properties"][0]["path"] = name
    text = body(result(hostile), COMMIT)
    outside = re.sub(r"(?ms)^(`{3,})text\n.*?\n\1$", "", text)
    plain = body(result(stack("s", 1, errors=("harmless",))), COMMIT)
    assert outside == re.sub(r"(?ms)^(`{3,})text\n.*?\n\1$", "", plain)


def test_a_name_can_neither_end_its_cell_nor_mention_anybody() -> None:
    text = body(result(stack("a`|</b>@x", 1)), "0123<!--")
    assert list(rows(text)) == ["a  </b>@x"], "inside code, where HTML and mentions mean nothing"
    assert "<b>a`|&lt;/b&gt;&#64;x</b>" in text
    assert "<!-- commit: 0123 -->" in text


@pytest.fixture
def host() -> Iterator[FakeHost]:
    with fake_host() as served:
        yield served


@pytest.fixture(params=["github", "gitlab"])
def request_of(request: pytest.FixtureRequest, host: FakeHost) -> Review:
    if request.param == "github":
        return PullRequest("owner/name", 7, TOKEN, host.url, "me")
    return MergeRequest("group/name", 7, TOKEN, host.url)


def test_it_is_made_once_and_then_edited_in_place_beyond_100_comments(request_of: Review, host: FakeHost) -> None:
    for number in range(150):
        host.add("somebody", f"{MARK} a copy of the mark" if number == 3 else "hello")
    first, second = (body(result(stack("one", changes)), COMMIT) for changes in (1, 2))
    assert publish(request_of, first, COMMIT) == "added"
    for _ in range(120):
        host.add("somebody", "more")
    assert publish(request_of, second, COMMIT) == "edited"
    assert publish(request_of, second, COMMIT) == "unchanged"
    assert host.of("me") == [second]
    assert f"{MARK} a copy of the mark" in host.of("somebody"), "another's comment is never edited"


def test_what_is_about_an_older_commit_is_marked_and_never_overwrites_a_newer_one(
    request_of: Review, host: FakeHost
) -> None:
    old = body(result(stack("one", 1)), COMMIT)
    publish(request_of, old, COMMIT)
    host.head = NEWER
    assert mark_stale(request_of) == "marked as stale"
    assert mark_stale(request_of) == "nothing to mark"
    assert STALE in host.of("me")[0]
    assert publish(request_of, old, COMMIT).startswith("not shown")
    newer = body(result(stack("one", 2)), NEWER)
    assert publish(request_of, newer, NEWER) == "edited"
    assert host.of("me") == [newer]


def test_a_refusal_is_told_in_the_hosts_words_and_without_the_token(host: FakeHost) -> None:
    with pytest.raises(SandboxError, match="401 Bad credentials") as caught:
        publish(PullRequest("owner/name", 7, "a-wrong-token", host.url, "me"), "text", COMMIT)
    assert "a-wrong-token" not in str(caught.value)
    with pytest.raises(SandboxError, match="Body is too long"):
        PullRequest("owner/name", 7, TOKEN, host.url, "me").add("x" * (LONGEST + 1))


def test_the_command_shows_one_comment_of_several_jobs_results(
    host: FakeHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [tmp_path / f"{name}.json" for name in ("one", "two")]
    for path in files:
        path.write_text(json.dumps(result(stack(path.stem, 2))))
    for name, value in {
        "GITHUB_REPOSITORY": "owner/name",
        "GITHUB_TOKEN": TOKEN,
        "GITHUB_API_URL": host.url,
        "FLEET_GITHUB_LOGIN": "me",
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
    }.items():
        monkeypatch.setenv(name, value)
    words = [
        "comment",
        *map(str, files),
        "--commit",
        COMMIT,
        "--github",
        "7",
        "--summary",
        "--file",
        f"{tmp_path}/it.md",
    ]
    ran = CliRunner().invoke(app, words)
    assert (ran.exit_code, ran.stdout) == (0, "added\n")
    (shown,) = host.of("me")
    assert set(rows(shown)) == {"one", "two"}
    assert (tmp_path / "it.md").read_text() == shown
    assert shown in (tmp_path / "summary.md").read_text()


@pytest.mark.parametrize(
    "content",
    ["", "[]", '{"operation": "x", "stacks": [{}]}', json.dumps(result({**stack("a"), "changes": {"create": -1}}))],
)
def test_what_is_no_result_is_refused_with_the_place(tmp_path: Path, content: str) -> None:
    path = tmp_path / "result.json"
    path.write_text(content)
    with pytest.raises(SandboxError, match="is no result of the fleet"):
        read([path])
