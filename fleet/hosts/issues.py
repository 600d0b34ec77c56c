"""One issue a stack: opened when it drifts, kept up to date, closed when all is as its state has it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from fleet.comment import MARK, plain_list
from fleet.hosts.review import Found

NOBODY = ""
"""Stands for what belongs to no stack."""


class Issues(Protocol):
    """The issues of a repository, on whatever host; its calls raise SandboxError with the host's words."""

    def mine(self) -> Iterator[Found]:
        """Yield the open issues that the holder of our token made, however many others there are."""
        ...

    def add(self, title: str, text: str) -> int:
        """Open an issue; returns its number."""
        ...

    def edit(self, issue: Found, text: str) -> None:
        """Put `text` in an issue's place."""
        ...

    def close(self, issue: Found) -> None:
        """Close an issue."""
        ...


def show(issues: Issues, drift: Mapping[str, Any]) -> Iterator[str]:
    """Bring the issues in line with what `fleet drift` told; yields what was done.

    A stack that couldn't be looked at keeps its issue as it is.
    """
    mine = {each.text.partition("\n")[0].strip(): each for each in issues.mine() if each.text.startswith(MARK)}
    for name, texts in _by_stack(drift).items():
        mark = f"{MARK}drift of {name or 'no stack'} -->"
        found = mine.get(mark)
        text = f"{mark}\n{plain_list(texts)}" if texts else ""
        title = f"Drift: {name or 'what belongs to no stack'}"
        if text and not found:
            yield f"{title}: opened #{issues.add(title, text)}"
        elif found and not text:
            issues.close(found)
            yield f"{title}: closed #{found.id}"
        elif found and text.strip() != found.text.strip():
            issues.edit(found, text)
            yield f"{title}: updated #{found.id}"


def _by_stack(drift: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return what is to be told of each stack that was looked at, and of none."""
    told: dict[str, list[str]] = {} if drift["errors"] else {NOBODY: []}
    for stack in drift["stacks"]:
        if stack["status"] in {"unchanged", "changes"}:
            lines = [
                f"{each['operation']} {each['type']} {each['name']}: "
                + ", ".join(f"{one['path']}: {one['old']} => {one['new']}" for one in each["properties"])
                for each in stack["resources"]
            ]
            told[stack["stack"]] = [*lines, *(stack["notes"] if lines else [])]
    for each in drift["findings"]:
        since = f", since {each['since']}" if each["since"] else ""
        told.setdefault(each["stack"], []).append(f"{each['what']}{since}\n  To mend it: {each['mend']}")
    return told
