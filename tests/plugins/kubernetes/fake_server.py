"""A server that speaks as much of the Kubernetes API as one recorded object needs."""

from __future__ import annotations

import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sandbox.kubernetes import pki


class RecordedServer:
    """Answers every create, read and change with `live`, the recorded object.

    `refusal` is the status that a create gets instead; after a deletion the object is read `reads_until_gone` times
    more. `asked` lists the calls, as method and path with its parameters; `logins` the Authorization headers,
    `identities` those of users that somebody acts as.
    """

    def __init__(self, folder: Path, *, tls: bool = False) -> None:
        self.live: dict[str, Any] | None = None
        self.refusal: dict[str, Any] | None = None
        self.reads_until_gone = 0
        self.deleting = False
        self.asked: list[str] = []
        self.logins: list[str] = []
        self.identities: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"recorded": self}))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self.kubeconfig = folder / "recorded.kubeconfig"
        if tls:
            pki.ensure(folder / "pki", "tests")
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(folder / "pki/control-plane.crt", folder / "pki/control-plane.key")
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.address = f"{'https' if tls else 'http'}://127.0.0.1:{self._server.server_port}"
        self.kubeconfig.write_text(json.dumps(kubeconfig(self.address)))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, method: str, path: str) -> tuple[int, dict[str, Any]]:
        """Return status and body for a call."""
        self.asked.append(f"{method} {path}")
        if path == "/version":
            return 200, {"gitVersion": "v1.34.4"}
        if "/events?" in path:
            return 200, {"items": []}
        if method == "POST" and self.refusal is not None:
            return int(self.refusal["code"]), self.refusal
        if method == "GET" and self.deleting:
            self.reads_until_gone -= 1
            if self.reads_until_gone < 0:
                self.live = None
        if self.live is None:
            return 404, {"kind": "Status", "message": "not found", "reason": "NotFound", "code": 404}
        self.deleting = self.deleting or method == "DELETE"
        return (201 if method == "POST" else 200), self.live


def kubeconfig(address: str) -> dict[str, Any]:
    """Return a kubeconfig for a server whose certificate is not checked, without login."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "recorded",
        "contexts": [{"name": "recorded", "context": {"cluster": "recorded"}}],
        "clusters": [{"name": "recorded", "cluster": {"server": address, "insecure-skip-tls-verify": True}}],
    }


class _Handler(BaseHTTPRequestHandler):
    recorded: RecordedServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if "Authorization" in self.headers:
            self.recorded.logins.append(self.headers["Authorization"])
        if "Impersonate-User" in self.headers:
            self.recorded.identities.append(self.headers["Impersonate-User"])
        status, body = self.recorded.answer(self.command, self.path)
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_POST = do_PATCH = do_DELETE = do_GET  # noqa: N815 - the names are http.server's

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is http.server's
        """Say nothing: pytest's output is for results."""
