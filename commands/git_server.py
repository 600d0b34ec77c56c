"""Serves a bare repository to Pods over HTTPS, by git's own `http-backend`: the operator takes no plain HTTP."""

from __future__ import annotations

import os
import ssl
import subprocess
import threading
from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Handler(BaseHTTPRequestHandler):
    """Hands each request on to `git http-backend`, which serves the repositories below `folder`."""

    protocol_version = "HTTP/1.1"

    def __init__(self, folder: Path, *words: object) -> None:
        self._folder = folder
        super().__init__(*words)  # pyright: ignore[reportArgumentType]  # the server's own words

    def do_GET(self) -> None:  # the server's
        """Answer as CGI says."""
        path, _, query = self.path.partition("?")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        variables = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self._folder),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }
        done = subprocess.run(["git", "http-backend"], input=body, env=variables, capture_output=True, check=False)
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line)
        self.send_response(int(fields.pop("Status", "200").split()[0]))
        for name, value in fields.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_GET  # noqa: N815 - the server's

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the server's
        """Say nothing."""


@contextmanager
def serving(folder: Path, host: str, certificate: Path, key: Path) -> Generator[str]:
    """Serve the bare repositories below `folder` for reading while the block runs; yields the URL in front of them."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    with ThreadingHTTPServer((host, 0), partial(Handler, folder)) as server:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"https://{host}:{server.server_port}"
        finally:
            server.shutdown()
