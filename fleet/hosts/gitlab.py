"""Merge requests and issues on GitLab (docs.gitlab.com/api/notes, docs.gitlab.com/api/issues)."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

from fleet.hosts.http import Api
from fleet.hosts.review import Found


class _Project:
    """A project (its id, or group/name), seen with `token`, a project access token."""

    def __init__(self, project: str, token: str, url: str) -> None:
        self._api = Api(url, {"PRIVATE-TOKEN": token})
        self._project = f"projects/{quote(project, safe='')}"

    def _me(self) -> int:
        """Return the id of whom the token belongs to; others may copy our marks, so the author counts."""
        return int(self._api.call("GET", "user")["id"])


class MergeRequest(_Project):
    """Merge request `number` of `project`."""

    def __init__(self, project: str, number: int, token: str, url: str) -> None:
        super().__init__(project, token, url)
        self._path = f"{self._project}/merge_requests/{number}"

    def head(self) -> str:
        """Return the commit that the merge request is at."""
        return str(self._api.call("GET", self._path)["sha"])

    def comments(self) -> list[Found]:
        """Return our notes."""
        me = self._me()
        notes = [each for each in self._api.pages(f"{self._path}/notes") if each["author"]["id"] == me]
        return [Found(each["id"], each["body"]) for each in sorted(notes, key=lambda each: int(each["id"]))]

    def add(self, text: str) -> None:
        """Add a note."""
        self._api.call("POST", f"{self._path}/notes", {"body": text})

    def edit(self, comment: Found, text: str) -> None:
        """Put `text` in a note's place."""
        self._api.call("PUT", f"{self._path}/notes/{comment.id}", {"body": text})


class Issues(_Project):
    """The issues of `project`."""

    def mine(self) -> Iterator[Found]:
        """Yield the open issues that we made."""
        me = self._me()
        for each in self._api.pages(f"{self._project}/issues?state=opened&author_id={me}"):
            if each["author"]["id"] == me:
                yield Found(each["iid"], each["description"] or "")

    def add(self, title: str, text: str) -> int:
        """Open an issue; returns its number."""
        return int(self._api.call("POST", f"{self._project}/issues", {"title": title, "description": text})["iid"])

    def edit(self, issue: Found, text: str) -> None:
        """Put `text` in an issue's place."""
        self._api.call("PUT", f"{self._project}/issues/{issue.id}", {"description": text})

    def close(self, issue: Found) -> None:
        """Close an issue."""
        self._api.call("PUT", f"{self._project}/issues/{issue.id}", {"state_event": "close"})
