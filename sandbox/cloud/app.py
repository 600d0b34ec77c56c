"""The stand-in as one ASGI application: every service's routes, and 501 in the right shape for what none has."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from sandbox.cloud.api.services import SERVICES, shape_of
from sandbox.cloud.console.control_routes import console_route, make_control_app
from sandbox.cloud.controls.wire import Wire
from sandbox.cloud.core import token_keys
from sandbox.cloud.core.answers import answer
from sandbox.cloud.core.store import Store
from sandbox.cloud.iam.tokens import IamTokens
from sandbox.cloud.registry.tokens import RegistryTokens
from sandbox.cloud.serving.keeper import Registries
from sandbox.cloud.serving.routing import Operation
from sandbox.cloud.serving.world import World

HEALTH = "/sandbox/health"


def make_world(
    folder: Path,
    addresses: dict[str, str],
    key: Path,
    certificate: Path,
    registries: Registries | None = None,
    clusters: Path | None = None,
) -> World:
    """Open the store in this folder, and load the keys; `addresses` maps region to host:port, `clusters` is a file."""
    iam, tokens = IamTokens(token_keys.ensure_iam_key(folder)), RegistryTokens(key, certificate)
    store = Store(folder / "cloud.sqlite3")
    return World.of(store, addresses, iam, tokens, registries=registries, clusters=clusters)


def operations() -> list[Operation]:
    """Return all operations that the stand-in has."""
    return [operation for service in SERVICES for operation in service.operations]


def make_app(world: World, control_port: int | None = None, *, console: bool = False) -> ASGIApp:
    """Make the application; what comes in at the control port is for the control API; `console` adds its page."""
    routes = [route for service in SERVICES for route in service.routes]
    app = Starlette(
        routes=[Route(HEALTH, _health), *([console_route(world)] if console else []), *routes],
        lifespan=_lifespan,
        exception_handlers={404: _not_implemented, 405: _not_implemented},
    )
    app.router.redirect_slashes = False
    app.state.world = world
    cloud = Wire(_RawPath(app), world.controls, world.clock)
    return _ByPort(cloud, make_control_app(world), control_port) if control_port else cloud


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncGenerator[None]:
    """Keep the real registries in step, and the store up to date, as long as the application is served."""
    world: World = app.state.world
    working = asyncio.gather(world.keeper.run(), world.run())
    yield
    working.cancel()
    with suppress(asyncio.CancelledError):
        await working


class _ByPort:
    """Gives what comes in at the control port to the control API, everything else to the cloud."""

    def __init__(self, cloud: ASGIApp, control: ASGIApp, port: int) -> None:
        self._cloud = cloud
        self._control = control
        self._port = port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        server: tuple[str, int | None] | None = scope.get("server")
        app = self._control if server and server[1] == self._port else self._cloud
        await app(scope, receive, send)


class _RawPath:
    """Routes on the path as it was sent, without the slash at its end.

    IBM's SDKs send an image's name as one percent-encoded segment; that of Node takes the slash off every path.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope["path"] = scope["raw_path"].decode("latin-1").rstrip("/") or "/"
        await self._app(scope, receive, send)


def _health(request: Request) -> Response:
    del request
    return answer({"status": "ready"})


def _not_implemented(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    path = request.scope["raw_path"].decode("latin-1")
    return (
        shape_of(f"{path.rstrip('/')}/")
        .not_implemented(f"The sandbox lacks {request.method} {path}.")
        .response(request)
    )
