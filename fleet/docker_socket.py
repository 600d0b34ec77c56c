"""A Docker Engine that only says that it is there: the docker plugin asks for no more before it previews an image."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path

VERSION = "1.41"
"""Of the Docker Engine API, as Debian 12's engine speaks it."""


_ANSWERS = {
    "/_ping": b"OK",
    "/version": json.dumps({"ApiVersion": VERSION, "MinAPIVersion": "1.24", "Os": "linux", "Arch": "amd64"}).encode(),
}


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:  # the server's
        """Say that it is there, and which API it speaks; refuse the rest."""
        self._answer(next((body for path, body in _ANSWERS.items() if self.path.endswith(path)), None))

    def do_HEAD(self) -> None:  # the server's
        """Say that it is there."""
        self._answer(b"" if self.path.endswith("/_ping") else None)

    def _answer(self, body: bytes | None) -> None:
        self.send_response(501 if body is None else 200)
        self.send_header("Api-Version", VERSION)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the server's
        """Say nothing: a socket's caller has no address to tell."""

    def address_string(self) -> str:
        """Return nothing: a socket's caller has no address."""
        return ""


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


@contextmanager
def answering(path: Path) -> Generator[str]:
    """Answer pings on a socket at `path` while the block runs; yields its address, as DOCKER_HOST has it."""
    with _Server(str(path), _Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield f"unix://{path}"
        finally:
            server.shutdown()
            thread.join()
