"""A merge request on GitLab (docs.gitlab.com/api/notes)."""

from __future__ import annotations

from urllib.parse import quote

from fleet.hosts.http import Api
from fleet.hosts.review import Found


class MergeRequest:
    """Merge request `number` of `project` (its id, or group/name), seen with `token`, a project access token."""

    def __init__(self, project: str, number: int, token: str, url: str) -> None:
        self._api = Api(url, {"PRIVATE-TOKEN": token})
        self._path = f"projects/{quote(project, safe='')}/merge_requests/{number}"

    def head(self) -> str:
        """Return the commit that the merge request is at."""
        return str(self._api.call("GET", self._path)["sha"])

    def comments(self) -> list[Found]:
        """Return our notes; others may copy our mark, so the author counts."""
        me = self._api.call("GET", "user")["id"]
        notes = [each for each in self._api.pages(f"{self._path}/notes") if each["author"]["id"] == me]
        return [Found(each["id"], each["body"]) for each in sorted(notes, key=lambda each: int(each["id"]))]

    def add(self, text: str) -> None:
        """Add a note."""
        self._api.call("POST", f"{self._path}/notes", {"body": text})

    def edit(self, comment: Found, text: str) -> None:
        """Put `text` in a note's place."""
        self._api.call("PUT", f"{self._path}/notes/{comment.id}", {"body": text})
