"""What answers of every service are made of."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from starlette.requests import Request
from starlette.responses import Response


def answer(content: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Make a JSON answer."""
    return Response(msgspec.json.encode(content), status, headers, "application/json")


def base_url(request: Request) -> str:
    """Return where the caller found the stand-in; the Host header is taken as it is, whatever it holds."""
    return f"{request.scope['scheme']}://{request.headers.get('host', '')}"
