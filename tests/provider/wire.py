"""A plain HTTP hop in front of the stand-in: counts calls, and breaks those that a test names.

It forwards the stand-in's own Host header, since that is how the stand-in knows its region.
"""

from __future__ import annotations

import http.client
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit


@dataclass
class Trouble:
    """What happens to the next `count` calls whose `METHOD /path` matches; `after` calls pass before.

    `kind`: `drop before` and `drop after` reset the connection, without or with the effect; `answer` gives `status`,
    `body` and `retry_after` without the effect; `garble` has the effect and spoils the answer; `pass` does nothing.
    `then` runs before the answer is sent.
    """

    call: str
    kind: str
    count: int = 1
    after: int = 0
    status: int = 500
    body: str = "{}"
    retry_after: int | None = None
    then: Callable[[], None] | None = None


class Wire:
    """The hop; `url` is its address, `calls` what passed, as `METHOD /path`, `bodies` their bodies."""

    def __init__(self, target: str) -> None:
        self.calls: list[str] = []
        self.bodies: list[bytes] = []
        self.troubles: list[Trouble] = []
        self._lock = threading.Lock()
        wire = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def handle_one_request(self) -> None:
                try:
                    super().handle_one_request()
                except ConnectionError:
                    self.close_connection = True

            def do(self) -> None:
                wire.pass_on(self, target)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do  # noqa: N815  # the base class's names

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
                del format, args

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def count(self, pattern: str) -> int:
        """Return how many calls match."""
        return sum(bool(re.fullmatch(pattern, call)) for call in self.calls)

    def _trouble(self, call: str) -> Trouble | None:
        with self._lock:
            self.calls.append(call)
            for each in self.troubles:
                if each.count and re.fullmatch(each.call, call):
                    if each.after:
                        each.after -= 1
                        return None
                    each.count -= 1
                    return each
        return None

    def pass_on(self, handler: BaseHTTPRequestHandler, target: str) -> None:
        """Answer one call."""
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        self.bodies.append(body)
        trouble = self._trouble(f"{handler.command} {handler.path.partition('?')[0]}")
        kind = trouble.kind if trouble else ""
        if kind == "drop before":
            handler.close_connection = True
            return
        if trouble and kind == "answer":
            status, content = trouble.status, trouble.body.encode()
            headers = [("Content-Type", "application/json")]
            headers += [("Retry-After", str(trouble.retry_after))] if trouble.retry_after is not None else []
        else:
            status, content, headers = self._ask(handler, target, body)
        if trouble and trouble.then:
            trouble.then()
        if kind == "drop after":
            handler.close_connection = True
            return
        self._answer(handler, status, b'{"broken": ' if kind == "garble" else content, headers)

    def _ask(
        self, handler: BaseHTTPRequestHandler, target: str, body: bytes
    ) -> tuple[int, bytes, list[tuple[str, str]]]:
        host = urlsplit(target).netloc
        headers = {name: value for name, value in handler.headers.items() if name.lower() not in {"host", "connection"}}
        connection = http.client.HTTPConnection(host, timeout=30)
        try:
            connection.request(handler.command, handler.path, body or None, {**headers, "Host": host})
            answer = connection.getresponse()
            return answer.status, answer.read(), answer.getheaders()
        finally:
            connection.close()

    @staticmethod
    def _answer(handler: BaseHTTPRequestHandler, status: int, body: bytes, headers: list[tuple[str, str]]) -> None:
        handler.send_response_only(status)
        for name, value in headers:
            if name.lower() not in {"content-length", "transfer-encoding", "connection"}:
                handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(body)
