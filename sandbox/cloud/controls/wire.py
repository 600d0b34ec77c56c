"""Around the application: each request is logged, and goes wrong where a fault says so."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from http import HTTPStatus
from typing import Protocol, cast

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sandbox.cloud.controls import Controls
from sandbox.cloud.controls.faults import Fault
from sandbox.cloud.controls.request_log import Record
from sandbox.cloud.core.clock import Clock

RECORD = "sandbox.record"
"""The scope's name for the request's record in the log."""

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_PIECES = 10


class Wire:
    """Logs and spoils requests.

    It must be the outermost application: it resets connections through uvicorn's own `send`.
    """

    def __init__(self, app: ASGIApp, controls: Controls, clock: Clock) -> None:
        self._app = app
        self._controls = controls
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        method, path = str(scope["method"]), scope["raw_path"].decode("latin-1")
        query, host = scope["query_string"].decode("latin-1"), dict(scope["headers"]).get(b"host", b"")
        record = Record(self._clock.now(), method, path, query, host.decode("latin-1"))
        fault = self._controls.faults.take(method, path)
        answer = _Answer(send, record, self._controls)
        scope[RECORD] = record
        if fault is None:
            await self._app(scope, receive, answer.pass_on)
            return
        record.fault = fault.describe()
        await asyncio.sleep(fault.delay)
        if fault.reset == "before":
            self._controls.requests.add(record)
            # A client that is still sending would see a broken pipe, which some take for an orderly end.
            while (await receive()).get("more_body"):
                pass
            await _reset(receive, send)
            return
        await self._run(fault, scope, receive, answer)
        if fault.reset == "after":
            self._controls.requests.add(record)
            await _reset(receive, send)
            return
        await answer.play(fault)

    async def _run(self, fault: Fault, scope: Scope, receive: Receive, answer: _Answer) -> None:
        """Get the answer: the fault's own, or the application's, which is kept back."""
        if fault.status is None:
            await self._app(scope, receive, answer.keep)
            return
        for message in _failure(fault):
            await answer.keep(message)


class _Answer:
    """The answer to one request, passed on as it comes or kept for playing it in another way."""

    def __init__(self, send: Send, record: Record, controls: Controls) -> None:
        self._send = send
        self._record = record
        self._controls = controls
        self._start: Message = {}
        self._body = b""

    async def pass_on(self, message: Message) -> None:
        """Send a part of the answer; the request is in the log before its caller knows the outcome."""
        if message["type"] == "http.response.start":
            self._record.status = message["status"]
            self._controls.requests.add(self._record)
        await self._send(message)

    async def keep(self, message: Message) -> None:
        """Keep a part of the answer back."""
        if message["type"] == "http.response.start":
            self._record.status = message["status"]
            self._start = message
        else:
            self._body += message.get("body", b"")

    async def play(self, fault: Fault) -> None:
        """Send what was kept, slowly or spoilt if the fault says so."""
        body = self._body
        if fault.malformed:
            body = body[: len(body) // 2] + b" " * (len(body) - len(body) // 2)
        await self.pass_on(self._start)
        pieces = _pieces(body) if fault.slow else [body]
        for piece in pieces:
            await asyncio.sleep(fault.slow / len(pieces))
            await self._send({"type": "http.response.body", "body": piece, "more_body": True})
        await self._send({"type": "http.response.body", "body": b""})


def _pieces(body: bytes) -> list[bytes]:
    """Cut a body into about ten pieces, none of them empty, so that the last byte comes last."""
    size = len(body) // _PIECES + 1
    return [body[at : at + size] for at in range(0, len(body), size)] or [b""]


def _failure(fault: Fault) -> list[Message]:
    """Return an answer with the fault's status, in words that all of IBM's SDKs find."""
    status = HTTPStatus(fault.status or 500)
    error = {"code": status.name.lower(), "message": f"{status.phrase}: a fault of the sandbox."}
    body = json.dumps({"status_code": status.value, "errors": [error]}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if fault.retry_after is not None:
        headers.append((b"retry-after", str(fault.retry_after).encode()))
    return [
        {"type": "http.response.start", "status": status.value, "headers": headers},
        {"type": "http.response.body", "body": body},
    ]


class _Cycle(Protocol):
    """uvicorn's side of one request, of which `send` is a method."""

    transport: asyncio.Transport


async def _reset(receive: Receive, send: Send) -> None:
    """Reset the connection: the peer gets RST, not an orderly end. Behind a proxy, the proxy gets it."""
    transport = cast("_Cycle", cast("object", getattr(send, "__self__", None))).transport
    open_ = transport.get_extra_info("socket")
    if open_ is not None and open_.family != socket.AF_UNIX:
        open_.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    transport.abort()
    while (await receive())["type"] != "http.disconnect":
        pass
