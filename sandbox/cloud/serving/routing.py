"""How a request becomes a call of a service's handler: one transaction, and errors in the service's shape."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.cloud.core import limits
from sandbox.cloud.errors.base import (
    ForbiddenError,
    InvalidTokenError,
    MalformedError,
    NotImplementedYetError,
    ServiceError,
)
from sandbox.cloud.serving.call import Call
from sandbox.cloud.serving.world import World

Handler = Callable[[Call], Response]


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation: its method and path, what it does in a sentence, and whether it answers callers unknown to it."""

    method: str
    path: str
    summary: str
    public: bool
    errors: type[ServiceError]


class Routes:
    """A service's operations, and the class of its errors."""

    def __init__(self, errors: type[ServiceError]) -> None:
        self.errors = errors
        self.routes: list[Route] = []
        self.operations: list[Operation] = []

    def on(self, method: str, path: str, *, public: bool = False, settle: bool = False) -> Callable[[Handler], Handler]:
        """Register a handler; the caller of a `public` one needn't be known. A slash at the path's end is for show.

        `settle`: what the real registries are known to have news of is looked at before, and what the call changes in
        them is done before it is answered, unless a registry is down.
        """

        def register(handler: Handler) -> Handler:
            async def endpoint(request: Request) -> Response:
                body = await _body(request)
                if body is None:
                    return self.errors.malformed(f"the body is larger than {limits.BODY_BYTES} bytes").response(request)
                if not settle:
                    return self._run(request, body, handler, public=public)
                keeper = cast("World", request.app.state.world).keeper
                await keeper.settle()
                response = self._run(request, body, handler, public=public)
                await keeper.settle()
                return response

            summary = (handler.__doc__ or "").partition("\n")[0]
            self.operations.append(Operation(method, path, summary, public, self.errors))
            self.routes.append(Route(path.rstrip("/"), endpoint, methods=[method], name=handler.__name__))
            return handler

        return register

    def _run(self, request: Request, body: bytes, handler: Handler, *, public: bool) -> Response:
        world: World = request.app.state.world
        try:
            with world.store.transaction() as session:
                call = Call(world, request, body, session)
                if not public:
                    _ = call.caller
                return handler(call)
        except ServiceError as error:
            return error.response(request)
        except InvalidTokenError:
            return self.errors.unauthenticated().response(request)
        except ForbiddenError as error:
            refused = self.errors.forbidden()
            refused.message = error.told or refused.message
            return refused.response(request)
        except MalformedError as error:
            return self.errors.malformed(str(error)).response(request)
        except NotImplementedYetError as error:
            return self.errors.not_implemented(f"The sandbox lacks {error}.").response(request)


async def _body(request: Request) -> bytes | None:
    """Read the body; None if it is larger than any that IBM's APIs take."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > limits.BODY_BYTES:
            return None
    return body
