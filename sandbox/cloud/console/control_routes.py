"""The control API, on a port of its own: clock, delays, faults, log of requests and the console page.

It needs no login: who can reach the port controls the cloud, so it is on loopback only and off unless asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from base.errors import SandboxError
from sandbox.cloud.console.page import page
from sandbox.cloud.controls.faults import Fault, Reset
from sandbox.cloud.controls.request_log import Record
from sandbox.cloud.core.answers import answer
from sandbox.cloud.errors.base import MalformedError
from sandbox.cloud.serving.world import World

T = TypeVar("T")

CONSOLE = "/sandbox/console"
"""The path of the console page."""

_LATEST = 7030 * 365.2425 * 24 * 3600


class ClockBody(msgspec.Struct, forbid_unknown_fields=True):
    """`now` sets the time, in seconds since 1970; `advance` moves it by so many seconds."""

    now: float | None = None
    advance: float | None = None


class DelaysBody(msgspec.Struct, forbid_unknown_fields=True):
    """Seconds; what is None stays as it is."""

    visibility: float | None = None
    authorization: float | None = None
    removal: float | None = None


class FaultBody(msgspec.Struct, forbid_unknown_fields=True):
    """A fault to set; see `Fault`."""

    method: str | None = None
    path: str = "*"
    count: int | None = 1
    delay: float = 0.0
    status: int | None = None
    retry_after: int | None = None
    reset: Reset | None = None
    slow: float = 0.0
    malformed: bool = False


def make_control_app(world: World) -> Starlette:
    """Make the application of the control port."""
    api = _Api(world)
    operations: tuple[tuple[str, str, Callable[[bytes], object]], ...] = (
        ("GET", "clock", api.clock),
        ("PUT", "clock", api.set_clock),
        ("DELETE", "clock", api.reset_clock),
        ("GET", "delays", api.delays),
        ("PUT", "delays", api.set_delays),
        ("GET", "faults", api.faults),
        ("POST", "faults", api.add_fault),
        ("DELETE", "faults", api.clear_faults),
        ("GET", "requests", api.requests),
        ("DELETE", "requests", api.clear_requests),
        ("POST", "reset", api.reset),
    )
    routes = [_route(method, f"/sandbox/{name}", run) for method, name, run in operations]
    return Starlette(routes=[*routes, console_route(world)])


def console_route(world: World) -> Route:
    """Return the route of the console page, which changes nothing."""

    def console(request: Request) -> Response:
        del request
        headers = {
            "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
            "Cache-Control": "no-store",
        }
        return Response(page(world), headers=headers, media_type="text/html")

    return Route(CONSOLE, console, methods=["GET"])


def _route(method: str, path: str, run: Callable[[bytes], object]) -> Route:
    async def endpoint(request: Request) -> Response:
        try:
            return answer(run(await request.body()))
        except SandboxError as error:
            return answer({"error": str(error)}, 400)
        except MalformedError as error:
            return answer({"error": f"The body can't be read: {error}."}, 400)

    return Route(path, endpoint, methods=[method], name=f"{method} {path}")


class _Api:
    """The operations: each takes the request's body and returns what the answer holds."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._clock = world.clock
        self._controls = world.controls

    def clock(self, body: bytes) -> object:
        del body
        return {"now": self._clock.now()}

    def set_clock(self, body: bytes) -> object:
        wanted = _read(body, ClockBody)
        time = (self._clock.now() if wanted.now is None else wanted.now) + (wanted.advance or 0.0)
        if not 0 <= time <= _LATEST:
            raise MalformedError("the time would lie before 1970 or after the year 9000")
        self._clock.set(time)
        return self.clock(b"")

    def reset_clock(self, body: bytes) -> object:
        del body
        self._clock.reset()
        return self.clock(b"")

    def delays(self, body: bytes) -> object:
        del body
        now = self._controls.delays
        return {"visibility": now.visibility, "authorization": now.authorization, "removal": now.removal}

    def set_delays(self, body: bytes) -> object:
        wanted, delays = _read(body, DelaysBody), self._controls.delays
        delays.visibility = delays.visibility if wanted.visibility is None else wanted.visibility
        delays.authorization = delays.authorization if wanted.authorization is None else wanted.authorization
        delays.removal = delays.removal if wanted.removal is None else wanted.removal
        return self.delays(b"")

    def faults(self, body: bytes) -> object:
        del body
        return self._controls.faults.all()

    def add_fault(self, body: bytes) -> object:
        wanted = _read(body, FaultBody)
        return self._controls.faults.add(Fault(**{name: getattr(wanted, name) for name in FaultBody.__struct_fields__}))

    def clear_faults(self, body: bytes) -> object:
        """Take back faults and delays."""
        del body
        self._controls.faults.clear()
        self._controls.delays.clear()
        return []

    def requests(self, body: bytes) -> object:
        del body
        return [_shown(record) for record in self._controls.requests.records()]

    def clear_requests(self, body: bytes) -> object:
        del body
        self._controls.requests.clear()
        return []

    def reset(self, body: bytes) -> object:
        del body
        self._world.reset()
        return {}


def _shown(record: Record) -> dict[str, object]:
    return {**msgspec.to_builtins(record), "policy": record.policy}


def _read(body: bytes, shape: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MalformedError(str(error)) from error
