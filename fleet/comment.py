"""One comment for all stacks of a preview, as Markdown: a line, a table, and only what changes.

It is made from what `fleet preview --json` printed, which may come from a change of anybody's: all text in it is data,
shown where Markdown, HTML and mentions mean nothing. Pure.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fleet.changes import SIGNS

LIMIT = 65_000
"""Characters; GitHub takes 65,536 (its own message, "body is too long"), and a mark of ours is added later."""
MARK = "<!-- fleet: "
"""What every comment of ours begins with."""
_MARKS = {
    "open preview": f"{MARK}preview of all stacks -->",
    "preview": f"{MARK}live preview of all stacks -->",
    "drift": f"{MARK}drift of all stacks -->",
}
"""The open and the live preview are two comments: a stranger's change has only the one."""
_LONGEST_VALUE = 300
_MOST_NOTES = 20
_LONGEST_ERRORS = 20_000

Stack = Mapping[str, Any]
Json = Mapping[str, Any]


def body(result: Json, commit: str = "", limit: int = LIMIT) -> str:
    """Return the comment on a preview's `result`; `commit` is what was previewed.

    Where it would be too long, the stacks with the longest parts are folded first: to one line a resource, then to
    one a type, then to their counts. No count is ever left out.
    """
    stacks: Sequence[Stack] = result["stacks"]
    head = [
        f"{_MARKS.get(result['operation'], f'{MARK}all stacks -->')}{commit_mark(commit)}",
        f"### {_roll_up(stacks)}",
        "",
        _told(result, commit),
        "",
        *_table(stacks),
        *_notes(stacks),
    ]
    errors = [line for stack in stacks for line in _errors(stack, _LONGEST_ERRORS // max(1, len(stacks)))]
    errors += _findings(result)
    levels = {number: 0 for number, stack in enumerate(stacks) if _total(stack)}
    parts = {number: _details(stacks[number], 0) for number in levels}
    room = limit - len("\n".join([*head, *errors])) - 200
    while sum(len(part) + 1 for part in parts.values()) > room and any(level < _FOLDED for level in levels.values()):
        longest = max((number for number in levels if levels[number] < _FOLDED), key=lambda number: len(parts[number]))
        levels[longest] += 1
        parts[longest] = _details(stacks[longest], levels[longest])
    folded = sum(level > 0 for level in levels.values())
    note = [f"\n*The changes of {folded} stacks are summed up: all of them are in the run's log.*"] if folded else []
    return "\n".join([*head, *errors, *(part for part in parts.values() if part), *note]) + "\n"


def mark_of(text: str) -> str:
    """Return the hidden mark that tells which comment of ours a text is."""
    return f"{text.partition('-->')[0]}-->"


def plain_list(lines: Sequence[str], longest: int = LIMIT) -> str:
    """Return lines as text in which Markdown, HTML and mentions mean nothing, no longer than a host takes."""
    text = "\n".join(lines)
    if len(text) > longest - 500:
        text = f"{text[: longest - 500]}\n... and {len(text) - longest + 500:,} characters more, in the run's log"
    return "\n".join(_fenced(text))


def commit_mark(commit: str) -> str:
    """Return the hidden mark that names the commit."""
    return f"<!-- commit: {re.sub(r'[^0-9a-f]', '', commit)} -->"


def commit_of(text: str) -> str:
    """Return the commit that a comment of ours is about."""
    found = re.search(r"<!-- commit: ([0-9a-f]*) -->", text)
    return found[1] if found else ""


def _roll_up(stacks: Sequence[Stack]) -> str:
    total = Counter[str]()
    for stack in stacks:
        total.update(stack["changes"])
    failed = sum(stack["status"] in {"failed", "stopped", "skipped"} for stack in stacks)
    counted = " ".join(f"{sign}{total[kind]}" for kind, sign in SIGNS.items())
    unchanged = sum(not _total(stack) and stack["status"] != "failed" for stack in stacks)
    parts = [f"{len(stacks)} stacks: {counted}", f"{unchanged} unchanged", *([f"{failed} failed"] if failed else [])]
    return ", ".join(parts)


def _told(result: Json, commit: str) -> str:
    kind = (
        "Open preview: on an empty state, so everything counts as new."
        if result.get("operation") == "open preview"
        else "Against the stacks' states."
    )
    return f"{kind} Commit {_code(commit[:12])}." if commit else kind


def _table(stacks: Sequence[Stack]) -> list[str]:
    signs = " | ".join(SIGNS.values())
    rows = [
        f"| {_code(stack['stack'])} | {_code(stack['region'])} | "
        + " | ".join(str(stack["changes"].get(kind) or "") for kind in SIGNS)
        + f" | {len(stack['errors']) or ''} |"
        for stack in stacks
    ]
    return [f"| stack | region | {signs} | errors |", "|---|---|--:|--:|--:|--:|--:|", *rows, ""]


def _notes(stacks: Sequence[Stack]) -> list[str]:
    lines = [
        f"- {_code(stack['stack'])}: {_code(note[:_LONGEST_VALUE])}" for stack in stacks for note in stack["notes"]
    ]
    return [*lines[:_MOST_NOTES], ""] if lines else []


def _findings(result: Json) -> list[str]:
    told = [f"{each['what']}\n  To mend it: {each['mend']}" for each in result.get("findings", ())]
    return ["**What no state knows:**", plain_list(told, _LONGEST_ERRORS), ""] if told else []


def _errors(stack: Stack, longest: int) -> list[str]:
    if not stack["errors"]:
        return []
    text = "\n".join(stack["errors"])
    if len(text) > longest:
        text = f"{text[:longest]}\n... and {len(text) - longest:,} characters more, in the run's log"
    return [f"**{_code(stack['stack'])} failed:**", *_fenced(text), ""]


def _full(stack: Stack) -> list[str]:
    lines: list[str] = []
    for each in stack["resources"]:
        lines.append(_resource(each))
        for changed in each["properties"]:
            old, new = (None if changed[side] is None else _value(changed[side]) for side in ("old", "new"))
            text = f"{old} => {new}" if old is not None and new is not None else str(new if old is None else old)
            sign = "-" if new is None else "+" if old is None else "~"
            lines.append(f"      {sign} {_line(str(changed['path']))}: {text}")
    return lines


def _by_resource(stack: Stack) -> list[str]:
    return [_resource(each) for each in stack["resources"]]


def _by_type(stack: Stack) -> list[str]:
    counted = Counter((each["operation"], each["type"]) for each in stack["resources"])
    return [f"{SIGNS.get(kind, '?')} {count} x {_line(name)}" for (kind, name), count in counted.items()]


_LEVELS: Sequence[Callable[[Stack], list[str]]] = (_full, _by_resource, _by_type)
_FOLDED = len(_LEVELS)
"""Level of a stack of which only the table tells."""


def _details(stack: Stack, level: int) -> str:
    if level == _FOLDED:
        return ""
    counted = " ".join(f"{sign}{stack['changes'][kind]}" for kind, sign in SIGNS.items() if stack["changes"].get(kind))
    summary = f"<details><summary><b>{_html(stack['stack'])}</b>: {counted}</summary>"
    return "\n".join([summary, "", *_fenced("\n".join(_LEVELS[level](stack))), "", "</details>"])


def _resource(each: Mapping[str, Any]) -> str:
    return f"{SIGNS.get(each['operation'], '?')} {_line(each['type'])} {_line(each['name'])}"


def _total(stack: Stack) -> int:
    return sum(stack["changes"].values())


def _value(text: str) -> str:
    line = _line(text)
    return line if len(line) <= _LONGEST_VALUE else f"{line[:_LONGEST_VALUE]}... ({len(line):,} characters)"


def _line(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")


def _fenced(text: str) -> list[str]:
    """Return text in a code block that nothing in it can end."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}text", text, fence]


def _code(text: str) -> str:
    """Return text as code in a table's cell: without what would end the code or the cell."""
    bare = re.sub(r"[`|\s]", " ", text) or " "
    return f"`{bare}`"


def _html(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("@", "&#64;")
