"""Pull requests and issues on GitHub (docs.github.com/rest/issues, API version 2022-11-28)."""

from __future__ import annotations

from collections.abc import Iterator

from base.errors import SandboxError
from fleet.hosts.http import Api
from fleet.hosts.review import Found

ACTIONS = "github-actions[bot]"
"""Who the token of a workflow is."""


class PullRequest:
    """Pull request `number` of `repository` (owner/name), seen with `token` as the user `login`."""

    def __init__(self, repository: str, number: int, token: str, url: str, login: str = ACTIONS) -> None:
        self._api = api(token, url)
        self._repository = f"repos/{repository}"
        self._number = number
        self._login = login

    def head(self) -> str:
        """Return the commit that the pull request is at."""
        return str(self._api.call("GET", f"{self._repository}/pulls/{self._number}")["head"]["sha"])

    def comments(self) -> list[Found]:
        """Return our comments; others may copy our mark, so the author counts."""
        pages = self._api.pages(f"{self._repository}/issues/{self._number}/comments")
        return [Found(each["id"], each["body"] or "") for each in pages if each["user"]["login"] == self._login]

    def add(self, text: str) -> None:
        """Add a comment."""
        self._api.call("POST", f"{self._repository}/issues/{self._number}/comments", {"body": text})

    def edit(self, comment: Found, text: str) -> None:
        """Put `text` in a comment's place."""
        self._api.call("PATCH", f"{self._repository}/issues/comments/{comment.id}", {"body": text})


class Issues:
    """The issues of `repository` (owner/name), seen with `token` as the user `login`."""

    def __init__(self, repository: str, token: str, url: str, login: str = ACTIONS) -> None:
        self._api = api(token, url)
        self._path = f"repos/{repository}/issues"
        self._login = login

    def mine(self) -> Iterator[Found]:
        """Yield the open issues that we made; GitHub lists pull requests among them."""
        for each in self._api.pages(f"{self._path}?state=open&creator={self._login}"):
            if "pull_request" not in each and each["user"]["login"] == self._login:
                yield Found(each["number"], each["body"] or "")

    def add(self, title: str, text: str) -> int:
        """Open an issue; returns its number."""
        return int(self._api.call("POST", self._path, {"title": title, "body": text})["number"])

    def edit(self, issue: Found, text: str) -> None:
        """Put `text` in an issue's place."""
        self._api.call("PATCH", f"{self._path}/{issue.id}", {"body": text})

    def close(self, issue: Found) -> None:
        """Close an issue."""
        self._api.call("PATCH", f"{self._path}/{issue.id}", {"state": "closed", "state_reason": "completed"})


def number_of(repository: str, commit: str, token: str, url: str) -> int:
    """Return the number of the open pull request that is at `commit`; raises SandboxError if none is any more."""
    for each in api(token, url).pages(f"repos/{repository}/commits/{commit}/pulls"):
        if each["state"] == "open" and each["head"]["sha"] == commit:
            return int(each["number"])
    raise SandboxError(
        f"no open pull request is at commit {commit}: it has moved on, or was closed", "nothing is to do"
    )


def api(token: str, url: str) -> Api:
    """Return GitHub's API at `url`, as the holder of `token` sees it."""
    headers = {
        "Authorization": f"Bearer {token}",
        "Accept": "application/vnd.github+json",
        "X-GitHub-Api-Version": "2022-11-28",
    }
    return Api(url, headers)
