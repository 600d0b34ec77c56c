"""One issue a stack on GitHub: opened when it drifts, kept up to date, closed when all is as its state has it.

docs.github.com/rest/issues/issues, API version 2022-11-28.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fleet.comment import plain_list
from fleet.hosts.github import ACTIONS, api

_MARK = "<!-- fleet: drift of {} -->"
NOBODY = ""
"""Stands for what belongs to no stack."""


class Issues:
    """The issues of `repository` (owner/name), seen with `token` as the user `login`."""

    def __init__(self, repository: str, token: str, url: str, login: str = ACTIONS) -> None:
        self._api = api(token, url)
        self._path = f"repos/{repository}/issues"
        self._login = login

    def show(self, drift: Mapping[str, Any]) -> Iterator[str]:
        """Bring the issues in line with what `fleet drift` told; yields what was done.

        A stack that couldn't be looked at keeps its issue as it is.
        """
        mine = self._mine()
        for name, texts in _by_stack(drift).items():
            mark = _MARK.format(name or "no stack")
            number, before = mine.get(mark, (0, ""))
            body = f"{mark}\n{plain_list(texts)}" if texts else ""
            title = f"Drift: {name or 'what belongs to no stack'}"
            if body and not number:
                made = self._api.call("POST", self._path, {"title": title, "body": body})
                yield f"{title}: opened #{made['number']}"
            elif body and body.strip() != before.strip():
                self._api.call("PATCH", f"{self._path}/{number}", {"body": body})
                yield f"{title}: updated #{number}"
            elif number and not body:
                self._api.call("PATCH", f"{self._path}/{number}", {"state": "closed", "state_reason": "completed"})
                yield f"{title}: closed #{number}"

    def _mine(self) -> dict[str, tuple[int, str]]:
        """Return number and text of our open issues by their mark, however many others there are."""
        found: dict[str, tuple[int, str]] = {}
        for each in self._api.pages(f"{self._path}?state=open&creator={self._login}"):
            text = str(each["body"] or "")
            if "pull_request" not in each and each["user"]["login"] == self._login and text.startswith("<!-- fleet: "):
                found[text.partition("\n")[0].strip()] = (int(each["number"]), text)
        return found


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
