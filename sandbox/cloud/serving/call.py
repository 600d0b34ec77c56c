"""One authenticated request: who makes it, what it may do, and what it says."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TypeVar
from urllib.parse import unquote

import msgspec
from starlette.requests import Request

from sandbox.cloud.controls.request_log import OWNER, Decision, Record
from sandbox.cloud.controls.wire import RECORD
from sandbox.cloud.core.answers import base_url
from sandbox.cloud.core.rows import Owned
from sandbox.cloud.core.store import Session, Value
from sandbox.cloud.errors.base import (
    ForbiddenError,
    InvalidTokenError,
    MalformedError,
    NotImplementedYetError,
    ServiceError,
    VersionedError,
)
from sandbox.cloud.iam import history
from sandbox.cloud.iam.accounts import Account
from sandbox.cloud.iam.identities import ApiKey, Caller, find_key
from sandbox.cloud.iam.rights import Rights
from sandbox.cloud.serving.world import World

T = TypeVar("T")


R = TypeVar("R", bound=Owned)


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

    def record(self, identifier: str, action: str) -> None:
        """Note in the history of what has this id that the caller did this to it."""
        history.note(self.session, identifier, action, self.caller, self.now)

    def made(self, identifier: str) -> None:
        """Note that this was made, for the delays that tests set."""
        self.world.controls.delays.made(identifier, self.now)

    def own(self, table: type[R], identifier: str, absent: ServiceError) -> R:
        """Return what has this id in the caller's account.

        Raises:
            ServiceError: there is none, or it isn't to be found yet: `absent`.

        """
        found = self.session.get(table, identifier)
        if found is None or found.account_id != self.caller.account_id or not self.sees(identifier):
            raise absent
        return found

    def sees(self, identifier: str) -> bool:
        """Tell whether what has this id can be found already."""
        return self.world.controls.delays.is_visible(identifier, self.now)

    def listed(self, table: type[R], order: str = "created_at, id", **equal: Value) -> list[R]:
        """Return the rows that a list shows: those for which this holds, and that can be found already."""
        return [row for row in self.session.all(table, order=order, **equal) if self.sees(row.id)]

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

    def check_tag(self, tag: str, errors: type[VersionedError], *, takes_any: bool = True) -> None:
        """Go on only if If-Match names this tag, or `*` where the service takes that.

        Raises:
            VersionedError: the header is missing, or names another version.

        """
        given = self.request.headers.get("if-match")
        if not given:
            raise errors.untagged()
        if given != tag and not (takes_any and given == "*"):
            raise errors.stale()

    def json(self, shape: type[T]) -> T:
        """Read the body.

        Raises:
            MalformedError: it isn't JSON of this shape.

        """
        try:
            return msgspec.json.decode(self.body, type=shape)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise MalformedError(str(error)) from error

    def read(self, given: Mapping[str, object], shape: type[T]) -> T:
        """Read parameters of the query, whose numbers and flags are texts.

        Raises:
            MalformedError: one of them has no legal value.

        """
        try:
            return msgspec.convert(given, shape, strict=False)
        except msgspec.ValidationError as error:
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
