"""Which files a .dockerignore keeps out: the cases of Docker's documentation, and the corners of its matcher."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.plugins.docker import ignore
from sandbox.plugins.serving import PluginError

pytestmark = pytest.mark.plugins


def ignored(text: str, path: str) -> bool:
    matcher = ignore.Matcher(ignore.parse(text, ".dockerignore"))
    matches: tuple[bool, ...] | None = None
    for each in reversed([PurePosixPath(path), *PurePosixPath(path).parents[:-1]]):
        matches = matcher.matches(str(each), matches)
    assert matches is not None
    return matcher.ignored(matches)


@pytest.mark.parametrize(
    ("patterns", "path", "expected"),
    [
        ("# comment", "# comment", False),
        ("a", "a", True),
        ("a", "b/a", False),
        ("a", "a/b/c", True),
        ("/a/", "a/b", True),
        ("./a", "a", True),
        ("b/../a", "a", True),
        ("*/temp*", "one/temporary.txt", True),
        ("*/temp*", "one/two/temporary.txt", False),
        ("*/*/temp*", "one/two/temporary.txt", True),
        ("temp?", "tempa", True),
        ("temp?", "tempab", False),
        ("**/*.go", "main.go", True),
        ("**/*.go", "a/b/main.go", True),
        ("**/*.go", "main.goo", False),
        ("**.go", "a/main.go", True),
        ("a**.go", "a/main.go", False),
        ("a/**", "a/b/c", True),
        ("a/**", "a", False),
        ("a/**/z", "a/z", True),
        ("a/**/z", "a/b/c/z", True),
        ("**", "anything/at/all", True),
        ("*.md\n!README.md", "README.md", False),
        ("*.md\n!README.md", "other.md", True),
        ("*.md\n!README*.md\nREADME-secret.md", "README-secret.md", True),
        ("docs\n!docs/keep", "docs/keep/page", False),
        ("docs\n!docs/keep", "docs/drop", True),
        ("**/z\n!a", "a/z", True),
        ("a\n!a\n**/z", "a/z", True),
        ("z\n/!z", "z", False),
        ("a.b", "aXb", False),
        ("a+(b)", "a+(b)", True),
        ("[ab]c", "bc", True),
        ("[^ab]c", "bc", False),
        (r"\*", "*", True),
        (r"\*", "x", False),
        ("  a  \n\n", "a", True),
        ("! a", "a", False),
        ("/ a", "a", True),
        ("\ufeffa", "a", False),
    ],
)
def test_the_last_pattern_that_matches_decides(patterns: str, path: str, *, expected: bool) -> None:
    assert ignored(patterns, path) is expected


def test_a_byte_order_mark_is_not_part_of_the_first_pattern(tmp_path: object) -> None:
    folder = PurePosixPath(str(tmp_path))
    with open(folder / ".dockerignore", "w", encoding="utf-8-sig") as file:  # noqa: PTH123 - it names the encoding
        file.write("a\n")
    assert [each.text for each in ignore.patterns_for(str(folder), str(folder / "Dockerfile"))] == ["a"]


def test_a_file_that_is_no_utf_8_is_read_as_the_bytes_that_names_are(tmp_path: Path) -> None:
    (tmp_path / ".dockerignore").write_bytes(b"caf\xe9\n\x0ca\xa0b\n")
    patterns = ignore.patterns_for(str(tmp_path), str(tmp_path / "Dockerfile"))
    matcher = ignore.Matcher(patterns)
    assert [os.fsencode(each.text) for each in patterns] == [b"caf\xe9", b"a\xa0b"]
    assert matcher.ignored(matcher.matches(os.fsdecode(b"caf\xe9"), None))


@pytest.mark.parametrize(
    ("text", "message"),
    [("a\n!", ":2: illegal exclusion"), ("!/", ":1: illegal exclusion"), ("[a", ":1: no valid pattern")],
)
def test_a_line_that_is_no_pattern_is_named(text: str, message: str) -> None:
    with pytest.raises(PluginError, match=message):
        ignore.parse(text, ".dockerignore")


@pytest.mark.parametrize(
    ("patterns", "folder", "expected"),
    [("a", "a", False), ("a\n!a/b", "a", True), ("a\n!b", "a", False), ("a\n!**/*.md", "a", True)],
)
def test_a_folder_is_walked_only_if_something_in_it_may_be_kept(patterns: str, folder: str, *, expected: bool) -> None:
    assert ignore.Matcher(ignore.parse(patterns, "x")).may_keep_below(folder) is expected


@given(st.lists(st.text("ab*?!/.", min_size=1, max_size=6), max_size=4), st.text("ab/.", min_size=1, max_size=8))
def test_skipping_a_folder_never_hides_a_kept_file(patterns: list[str], path: str) -> None:
    names = [part for part in path.split("/") if part not in {"", ".", ".."}]
    try:
        matcher = ignore.Matcher(ignore.parse("\n".join(patterns), "x"))
    except PluginError:
        return
    matches: tuple[bool, ...] | None = None
    skipped = False
    for depth in range(1, len(names) + 1):
        place = "/".join(names[:depth])
        matches = matcher.matches(place, matches)
        if skipped:
            assert matcher.ignored(matches)
        skipped = skipped or (matcher.ignored(matches) and not matcher.may_keep_below(place))
