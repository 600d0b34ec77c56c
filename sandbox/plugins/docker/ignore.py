"""What a .dockerignore keeps out of a build context, by the rules of Docker's own matcher.

The rules (Docker's docs, "dockerignore file", and the matcher that the engine and the official plugin share): patterns
are Go's filepath.Match plus `**`; the last one that matches decides; a pattern that matches a folder matches all in it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from posixpath import normpath

from sandbox.plugins.serving import PluginError


@dataclass(frozen=True)
class Pattern:
    """One line of a .dockerignore; `keeps` is a line that begins with `!`."""

    text: str
    keeps: bool
    regex: re.Pattern[str]


def patterns_for(context: str, dockerfile: str) -> list[Pattern]:
    """Return the patterns of `<dockerfile>.dockerignore`, else of the context's own .dockerignore, else none."""
    for place in (Path(f"{dockerfile}.dockerignore"), Path(context, ".dockerignore")):
        if place.is_file():
            # To Linux and Docker names of files are bytes; those that are no UTF-8 are kept as Python keeps names.
            return parse(place.read_text(encoding="utf-8-sig", errors="surrogateescape"), str(place))
    return []


def parse(text: str, source: str) -> list[Pattern]:
    """Return the patterns of an ignore file's text; raise PluginError for one that is no pattern."""
    patterns: list[Pattern] = []
    for number, line in enumerate(text.split("\n"), start=1):
        read = _clean(_read(line).strip())
        keeps = read.startswith("!")
        body = read.removeprefix("!")
        if keeps and not body:
            raise PluginError(f'{source}:{number}: illegal exclusion pattern: "!" names no file')
        if not body:
            continue
        try:
            patterns.append(Pattern(body, keeps, re.compile(_regex(body), re.DOTALL)))
        except re.error:
            raise PluginError(f"{source}:{number}: no valid pattern: {line.strip()}") from None
    return patterns


class Matcher:
    """Tells, folder by folder, what is ignored. A folder's matches are handed to what lies in it."""

    def __init__(self, patterns: Sequence[Pattern]) -> None:
        self._patterns = patterns

    def matches(self, path: str, parent: Sequence[bool] | None) -> tuple[bool, ...]:
        """Return which patterns match `path` (relative to the context), or its folder, whose matches are `parent`.

        A pattern that would change nothing is not asked, and then doesn't count for what lies below either: so Docker
        does it, and a digest depends on it.
        """
        ignored = False
        matches: list[bool] = []
        for pattern, above in zip(self._patterns, parent or (False,) * len(self._patterns), strict=True):
            hit = above or (pattern.keeps == ignored and pattern.regex.fullmatch(path) is not None)
            matches.append(hit)
            if hit:
                ignored = not pattern.keeps
        return tuple(matches)

    def ignored(self, matches: Sequence[bool]) -> bool:
        """Tell what those matches come to: the last pattern that matches decides."""
        ignored = False
        for hit, pattern in zip(matches, self._patterns, strict=True):
            if hit:
                ignored = not pattern.keeps
        return ignored

    def may_keep_below(self, folder: str) -> bool:
        """Tell whether something in an ignored `folder` could be kept by a later pattern."""
        return any(
            pattern.keeps and (any(c in pattern.text for c in "*?[\\") or f"{pattern.text}/".startswith(f"{folder}/"))
            for pattern in self._patterns
        )


def _read(line: str) -> str:
    """Return a line's pattern as Docker's reader hands it to the matcher, or nothing."""
    text = line.strip()
    if line.startswith("#"):
        return ""
    if text.startswith("!"):
        return "!" + _from_root(text[1:].strip())
    return _from_root(text)


def _from_root(pattern: str) -> str:
    # A leading slash means the context's root, which is where every pattern begins anyway.
    cleaned = _clean(pattern)
    return cleaned.removeprefix("/") if len(cleaned) > 1 else cleaned


def _clean(pattern: str) -> str:
    cleaned = normpath(pattern) if pattern else ""
    return cleaned[1:] if cleaned.startswith("//") else cleaned


def _regex(pattern: str) -> str:
    if pattern.startswith("**") and not any(char in pattern[2:] for char in "*?[]\\/"):
        return ".*" + re.escape(pattern[2:])  # the one place where `**` is no row of whole folders
    out: list[str] = []
    position = 0
    while position < len(pattern):
        char = pattern[position]
        position += 1
        if char == "*" and pattern[position : position + 1] == "*":
            position += 1
            if pattern[position : position + 1] == "/":
                position += 1
            out.append(".*" if position >= len(pattern) else "(.*/)?")
        elif char == "*":
            out.append("[^/]*")
        elif char == "?":
            out.append("[^/]")
        elif char == "\\":
            if position >= len(pattern):
                raise re.error("nothing after the backslash")
            out.append(re.escape(pattern[position]))
            position += 1
        elif char in "[]^-":
            out.append(char)
        else:
            out.append(re.escape(char))
    return "".join(out)
