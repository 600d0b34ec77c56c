"""GitHub and GitLab as far as comments and issues need them: pages, authors, edits; each keeps what it was asked."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "the-token-of-this-test"
LONGEST = 65_536
"""GitHub's own limit for a comment's body."""
_IDS = {"me": 7, "somebody": 8}
"""Users' ids, by which GitLab names authors."""


@dataclass
class FakeHost:
    """Comments by id, each with `author` and `body`; `head` is the commit that the request is at."""

    url: str = ""
    head: str = "a" * 40
    comments: dict[int, dict[str, str]] = field(default_factory=dict[int, dict[str, str]])
    issues: dict[int, dict[str, Any]] = field(default_factory=dict[int, dict[str, Any]])
    """Issues by number, as GitHub shows them."""
    asked: list[str] = field(default_factory=list[str])

    @property
    def known(self) -> dict[str, str]:
        """What a job's environment says of it, and of who its token is."""
        return {"GITHUB_API_URL": self.url, "FLEET_GITHUB_LOGIN": "me"}

    def add_issue(self, author: str, title: str, body: str, **more: Any) -> dict[str, Any]:
        """Open an issue; returns it."""
        number = len(self.issues) + 1
        shown = {"number": number, "title": title, "body": body, "user": {"login": author}, "state": "open", **more}
        self.issues[number] = shown
        return shown

    def add(self, author: str, body: str) -> int:
        """Add a comment; returns its id."""
        number = len(self.comments) + 1
        self.comments[number] = {"author": author, "body": body}
        return number

    def of(self, author: str) -> list[str]:
        """Return the bodies of an author's comments."""
        return [each["body"] for each in self.comments.values() if each["author"] == author]

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> tuple[int, Any]:
        """Answer one request of either host's API."""
        if body and len(body.get("body", "")) > LONGEST:
            return 422, {"message": "Body is too long (maximum is 65536 characters)"}
        if re.search(r"/issues(/\d+)?$", path):
            of_host = self._issues_on_gitlab if path.startswith("/projects/") else self._issues_on_github
            return of_host(method, path.rpartition("/")[2], query, body)
        if re.search(r"/(issues|merge_requests)/7/(comments|notes)$", path):
            if method == "POST":
                return 201, self._shown(self.add("me", body["body"]))
            return 200, _page([self._shown(number) for number in self.comments], query)
        if edited := re.search(r"/(?:comments|notes)/(\d+)$", path):
            self.comments[int(edited[1])]["body"] = body["body"]
            return 200, self._shown(int(edited[1]))
        known = {
            "/pulls/7": {"head": {"sha": self.head}},
            "/merge_requests/7": {"sha": self.head},
            "/user": {"id": _IDS["me"]},
            f"/commits/{self.head}/pulls": [{"number": 7, "state": "open", "head": {"sha": self.head}}],
        }
        return next(
            ((200, found) for end, found in known.items() if path.endswith(end)), (404, {"message": "Not Found"})
        )

    def _issues_on_github(self, method: str, last: str, query: dict[str, list[str]], body: Any) -> tuple[int, Any]:
        if method == "PATCH":
            self.issues[int(last)] |= body
            return 200, self.issues[int(last)]
        if method == "POST":
            return 201, self.add_issue("me", body["title"], body["body"])
        there = [one for one in self.issues.values() if one["state"] == query["state"][0]]
        return 200, _page(there, query)

    def _issues_on_gitlab(self, method: str, last: str, query: dict[str, list[str]], body: Any) -> tuple[int, Any]:
        """As docs.gitlab.com/api/issues has it: `iid`, `description` and `opened`, and an event that closes."""

        def shown(one: dict[str, Any]) -> dict[str, Any]:
            state = "opened" if one["state"] == "open" else one["state"]
            author = {"id": _IDS[one["user"]["login"]]}
            return {"iid": one["number"], "description": one["body"], "state": state, "author": author}

        if method == "PUT":
            closing = {"state": "closed"} if body.get("state_event") == "close" else {}
            self.issues[int(last)] |= {"body": body.get("description", self.issues[int(last)]["body"]), **closing}
            return 200, shown(self.issues[int(last)])
        if method == "POST":
            return 201, shown(self.add_issue("me", body["title"], body["description"]))
        issues = (one for one in self.issues.values() if "pull_request" not in one)
        there = [one for one in map(shown, issues) if one["state"] == query["state"][0]]
        return 200, _page([one for one in there if str(one["author"]["id"]) == query["author_id"][0]], query)

    def _shown(self, number: int) -> dict[str, Any]:
        comment = self.comments[number]
        return {
            "id": number,
            "body": comment["body"],
            "user": {"login": comment["author"]},
            "author": {"id": _IDS[comment["author"]]},
        }


def _page(items: list[Any], query: dict[str, list[str]]) -> list[Any]:
    each, page = int(query["per_page"][0]), int(query["page"][0])
    return items[(page - 1) * each : page * each]


@contextmanager
def fake_host() -> Generator[FakeHost]:
    """Serve a host on loopback while the block runs."""
    host = FakeHost()

    class Handler(BaseHTTPRequestHandler):
        def _handle(self) -> None:
            given = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            authorized = TOKEN in (self.headers.get("Authorization") or "", self.headers.get("PRIVATE-TOKEN") or "")
            authorized = authorized or self.headers.get("Authorization") == f"Bearer {TOKEN}"
            url = urlsplit(self.path)
            host.asked.append(f"{self.command} {url.path}")
            body = json.loads(given) if given else None
            status, answer = (
                host.answer(self.command, url.path, parse_qs(url.query), body)
                if authorized
                else (401, {"message": "Bad credentials"})
            )
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = do_PUT = _handle  # noqa: N815  # the server's

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        host.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield host
        finally:
            server.shutdown()
            thread.join()
