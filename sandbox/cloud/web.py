"""How a request becomes a call of a service's handler: one transaction, an authenticated caller, errors in shape."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar, cast
from urllib.parse import unquote

import msgspec
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.cloud import limits
from sandbox.cloud.accounts import Account
from sandbox.cloud.activity import Activity
from sandbox.cloud.clock import Clock
from sandbox.cloud.controls import Controls
from sandbox.cloud.controls.journal import OWNER, Decision, Record
from sandbox.cloud.controls.wire import RECORD
from sandbox.cloud.errors import (
    ForbiddenError,
    InvalidTokenError,
    MalformedError,
    NotImplementedYetError,
    ServiceError,
)
from sandbox.cloud.identity.models import ApiKey, find_key
from sandbox.cloud.identity.tokens import IamTokens
from sandbox.cloud.login.tokens import RegistryTokens
from sandbox.cloud.regions import Regions
from sandbox.cloud.registry.keeper import Keeper
from sandbox.cloud.rights import Caller, Rights
from sandbox.cloud.store import Store

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class World:
    """Everything that outlives a request."""

    store: Store
    clock: Clock
    regions: Regions
    iam_tokens: IamTokens
    registry_tokens: RegistryTokens
    keeper: Keeper
    controls: Controls = field(default_factory=Controls)
    activity: Activity = field(default_factory=Activity)


class Call:
    """One request, with the transaction that it runs in. `now` is in milliseconds and stays the same throughout."""

    def __init__(self, world: World, request: Request, body: bytes, session: Session) -> None:
        self.world = world
        self.request = request
        self.body = body
        self.session = session
        self.now = world.clock.millis()
        self._record: Record = request.scope[RECORD]

    @cached_property
    def caller(self) -> Caller:
        """The caller.

        Raises:
            InvalidTokenError: there is no access token, or it isn't valid.

        """
        kind, _, token = self.request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not token:
            raise InvalidTokenError("no access token")
        iam_id, account_id = self.world.iam_tokens.verify(token.strip(), self.now / 1000)
        if self.session.get(Account, account_id) is None:
            raise InvalidTokenError("the account is gone")
        self._record.caller = iam_id
        return Caller(iam_id, account_id)

    @cached_property
    def rights(self) -> Rights:
        """What the caller may do."""
        return self.rights_of(self.caller)

    def rights_of(self, caller: Caller) -> Rights:
        """Return what somebody who has proved to be this caller may do; the log of requests names it."""
        self._record.caller = caller.iam_id
        return Rights(self.session, caller, self.now, self.world.controls.delays, self._note)

    def _note(self, decision: Decision) -> None:
        self._record.decide(decision)
        if decision.policy not in (None, OWNER):
            self.world.activity.note(decision.policy, self.now)

    def usable_key(self, value: str) -> ApiKey | None:
        """Return the API key with this value, if it exists and gets its owner in at this time."""
        key = find_key(self.session, value)
        if key is None or not key.usable(self.now):
            return None
        if not self.world.controls.delays.is_effective(key.id, self.now):
            return None
        self._record.caller = key.iam_id
        for identifier in (key.id, key.iam_id):
            self.world.activity.note(identifier, self.now)
        return key

    def made(self, identifier: str) -> None:
        """Note that this was made, for the delays that tests set."""
        self.world.controls.delays.made(identifier, self.now)

    def sees(self, identifier: str) -> bool:
        """Tell whether what has this id can be found already."""
        return self.world.controls.delays.is_visible(identifier, self.now)

    def hidden(self) -> list[str]:
        """Return the ids that no list shows yet."""
        return self.world.controls.delays.hidden(self.now)

    def authorize(self, action: str, target: Mapping[str, str]) -> None:
        """Go on only if the caller may do this.

        Raises:
            ForbiddenError: no policy of the caller allows it.

        """
        if not self.rights.permit(action, target):
            raise ForbiddenError(action)

    def authorize_creator(self, role: str, target: Mapping[str, str]) -> None:
        """Go on only if a policy gives the caller this very role on the resource.

        Raises:
            ForbiddenError: none does.

        """
        if not self.rights.hold(role, target):
            raise ForbiddenError(role)

    def json(self, shape: type[T]) -> T:
        """Read the body.

        Raises:
            MalformedError: it isn't JSON of this shape.

        """
        try:
            return msgspec.json.decode(self.body, type=shape)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise MalformedError(str(error)) from error

    def path(self, name: str) -> str:
        """Return a path parameter, decoded; the router matched the raw path."""
        return unquote(str(self.request.path_params[name]))

    def query(self, name: str) -> str | None:
        """Return a query parameter, or None where it is absent or empty."""
        return self.request.query_params.get(name) or None

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Return a true or false query parameter; of several values the last one counts.

        Raises:
            MalformedError: it is neither.

        """
        given = (self.request.query_params.getlist(name) or [""])[-1].lower()
        if given not in ("", "true", "false"):
            raise MalformedError(f"the query parameter {name} is true or false, not '{given}'")
        return given == "true" if given else default

    def refuse_queries(self, *names: str) -> None:
        """Go on only if none of these parameters, which the stand-in lacks, asks for something.

        Raises:
            NotImplementedYetError: one of them does.

        """
        for name in names:
            if self.query(name) not in (None, "false"):
                raise NotImplementedYetError(f"the query parameter {name}")

    @property
    def base_url(self) -> str:
        """Where the caller found this service, without a slash at the end."""
        return base_url(self.request)


Handler = Callable[[Call], Response]


def base_url(request: Request) -> str:
    """Return where the caller found the stand-in; the Host header is taken as it is, whatever it holds."""
    return f"{request.scope['scheme']}://{request.headers.get('host', '')}"


def answer(content: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Make a JSON answer."""
    return Response(msgspec.json.encode(content), status, headers, "application/json")


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
        """Register a handler; the caller of a `public` one needn't be known.

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
            self.routes.append(Route(path, endpoint, methods=[method], name=handler.__name__))
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
        except ForbiddenError:
            return self.errors.forbidden().response(request)
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
