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

from sandbox.cloud import token_keys
from sandbox.cloud.advisor import exemption_routes
from sandbox.cloud.advisor import routes as advisor
from sandbox.cloud.clock import Clock
from sandbox.cloud.controls.routes import make_control_app
from sandbox.cloud.controls.wire import Wire
from sandbox.cloud.errors import ServiceError
from sandbox.cloud.identity import api_keys, grants, groups, service_ids, settings, usage
from sandbox.cloud.identity.errors import IdentityError, TokenError
from sandbox.cloud.identity.tokens import IamTokens
from sandbox.cloud.login import routes as login
from sandbox.cloud.login.errors import LoginError
from sandbox.cloud.login.tokens import RegistryTokens
from sandbox.cloud.policies import roles_routes, v1_routes
from sandbox.cloud.policies import routes as policies
from sandbox.cloud.policies.errors import PolicyError
from sandbox.cloud.regions import Regions
from sandbox.cloud.registry import account_routes, events, image_routes, retention_routes, trash_routes
from sandbox.cloud.registry import routes as registry
from sandbox.cloud.registry.errors import RegistryError
from sandbox.cloud.registry.keeper import Keeper, Registries
from sandbox.cloud.resources import routes as resources
from sandbox.cloud.resources.errors import ResourceError
from sandbox.cloud.store import Store
from sandbox.cloud.web import Operation, World, answer

HEALTH = "/sandbox/health"

_REGISTRY = (advisor, exemption_routes, events, image_routes, trash_routes, account_routes, retention_routes)

_SERVICES = (
    grants,
    service_ids,
    groups,
    api_keys,
    settings,
    usage,
    policies,
    v1_routes,
    roles_routes,
    resources,
    registry,
    *_REGISTRY,
    login,
)

_SHAPES: tuple[tuple[str, type[ServiceError]], ...] = (
    ("/identity/", TokenError),
    ("/api/", RegistryError),
    ("/va/", RegistryError),
    ("/oauth/", LoginError),
    ("/v1/policies", PolicyError),
    ("/v2/policies", PolicyError),
    ("/v2/roles", PolicyError),
    ("/v1/policy_", PolicyError),
    ("/v1/role_", PolicyError),
    ("/v1/action_control_", PolicyError),
    ("/v2/loginsettings", IdentityError),
    ("/v2/quota_definitions", ResourceError),
    ("/v2/resource_groups", ResourceError),
    ("/v2/", LoginError),
)
"""Start of a path -> the service that it belongs to, where no operation is known; IAM Identity's otherwise."""


def make_world(
    folder: Path, addresses: dict[str, str], key: Path, certificate: Path, registries: Registries | None = None
) -> World:
    """Open the store in this folder, and load the keys; `addresses` maps region to host:port."""
    store, clock, tokens = Store(folder / "cloud.sqlite3"), Clock(), RegistryTokens(key, certificate)
    return World(
        store=store,
        clock=clock,
        regions=Regions(addresses),
        iam_tokens=IamTokens(token_keys.ensure_iam_key(folder)),
        registry_tokens=tokens,
        keeper=Keeper(store, clock, tokens, registries or Registries()),
    )


def operations() -> list[Operation]:
    """Return all operations that the stand-in has."""
    return [operation for service in _SERVICES for operation in service.routes.operations]


def make_app(world: World, control_port: int | None = None) -> ASGIApp:
    """Make the application; what comes in at the control port is for the control API."""
    routes = [route for service in _SERVICES for route in service.routes.routes]
    app = Starlette(
        routes=[Route(HEALTH, _health), *routes],
        lifespan=_lifespan,
        exception_handlers={404: _not_implemented, 405: _not_implemented},
    )
    app.router.redirect_slashes = False
    app.state.world = world
    cloud = Wire(_RawPath(app), world.controls, world.clock)
    return _ByPort(cloud, make_control_app(world), control_port) if control_port else cloud


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncGenerator[None]:
    """Keep the real registries in step as long as the application is served."""
    world: World = app.state.world
    working = asyncio.create_task(world.keeper.run())
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
    """Routes on the path as it was sent: IBM's SDKs send an image's name as one percent-encoded segment."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope["path"] = scope["raw_path"].decode("latin-1")
        await self._app(scope, receive, send)


def _health(request: Request) -> Response:
    del request
    return answer({"status": "ready"})


def _not_implemented(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    path = str(request.scope["path"])
    shape = next((found for start, found in _SHAPES if path.startswith(start)), IdentityError)
    return shape.not_implemented(f"The sandbox lacks {request.method} {path}.").response(request)
