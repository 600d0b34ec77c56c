"""A registry for the proof of access: the stand-in's own login, and manifests that tokens open."""

from __future__ import annotations

import base64
import json
import threading
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, urlsplit


class Registry:
    """One loopback host with `/v2/` and `/oauth/token`; the latter is the stand-in's.

    `images` are `repository@digest`. `realm` replaces the challenge's; `refusal` is what manifests answer instead.
    `redirects` are paths that lead to another URL, `statuses` those that answer one and nothing else.
    `gives_everybody` logs everybody in, `tokens_for_nobody` gives a token of no right to who shows no key.
    `basics` are the Authorization headers that `/oauth/token` got, `reads` the manifest requests.
    """

    def __init__(self, cloud_url: str) -> None:
        self.images: set[str] = set()
        self.realm = ""
        self.refusal: tuple[int, str] | None = None
        self.down = False
        self.open = False
        self.gives_everybody = False
        self.tokens_for_nobody = False
        self.refusals_left = -1
        self.redirects: dict[str, str] = {}
        self.statuses: dict[str, int] = {}
        self.basics: list[str] = []
        self.reads: list[str] = []
        self._cloud = cloud_url
        registry = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do(self) -> None:
                try:
                    registry.answer(self)
                except ConnectionError:
                    self.close_connection = True

            do_GET = do_HEAD = do  # noqa: N815  # the base class's names

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
                del format, args

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        self.host = f"127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer one request."""
        path = handler.path.partition("?")[0]
        if path in self.redirects:
            self._send(handler, 307, "{}", location=self.redirects[path])
        elif path in self.statuses:
            self._send(handler, self.statuses[path], "{}")
        elif self.down:
            self._send(handler, 503, "{}")
        elif path == "/oauth/token":
            self.basics.append(handler.headers.get("Authorization", ""))
            self._send(handler, *self._login(handler))
        elif self.open:
            self._send(handler, 200, "{}")
        elif path == "/v2/":
            realm = self.realm or f"http://{self.host}/oauth/token"
            self._send(handler, 401, "{}", f'Bearer realm="{realm}",service="registry"')
        else:
            self.reads.append(f"{handler.command} {path}")
            self._send(handler, *self._manifest(handler, path))

    def _login(self, handler: BaseHTTPRequestHandler) -> tuple[int, str]:
        if self.tokens_for_nobody and not handler.headers.get("Authorization"):
            return 200, json.dumps({"token": "e30.e30."})
        if self.gives_everybody:
            repository = parse_qs(urlsplit(handler.path).query)["scope"][0].split(":")[1]
            claims = json.dumps({"access": [{"name": repository, "actions": ["pull"]}]})
            return 200, json.dumps({"token": f"e30.{base64.urlsafe_b64encode(claims.encode()).decode().rstrip('=')}."})
        request = urllib.request.Request(
            self._cloud + handler.path,
            headers={"Authorization": handler.headers.get("Authorization", ""), "Host": urlsplit(self._cloud).netloc},
        )
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def _manifest(self, handler: BaseHTTPRequestHandler, path: str) -> tuple[int, str]:
        repository, _, digest = path.removeprefix("/v2/").rpartition("/manifests/")
        if self.refusal and self.refusals_left:
            self.refusals_left -= 1
            return self.refusal
        payload = (handler.headers.get("Authorization", "") + "..").split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)) or b"{}")
        allowed = [each["name"] for each in claims.get("access", []) if "pull" in each["actions"]]
        if repository not in allowed:
            return 401, '{"errors": [{"code": "UNAUTHORIZED", "message": "authentication required"}]}'
        if f"{repository}@{digest}" not in self.images:
            return 404, '{"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]}'
        if "application/vnd.oci.image.index.v1+json" not in handler.headers.get("Accept", ""):
            return 406, "{}"
        return 200, "{}"

    @staticmethod
    def _send(handler: BaseHTTPRequestHandler, status: int, body: str, challenge: str = "", location: str = "") -> None:
        handler.send_response_only(status)
        for name, value in (("WWW-Authenticate", challenge), ("Location", location)):
            if value:
                handler.send_header(name, value)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(body.encode())
