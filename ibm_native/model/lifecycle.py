"""What a resource's life cycle is made of, and the waiting and undoing that creates have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import ClassVar, TypeVar

from ibm_native.cloud.client import Cloud
from ibm_native.cloud.errors import (
    ConflictError,
    LostAnswerError,
    NotFoundError,
    ProviderError,
    StaleError,
    TimedOutError,
)
from ibm_native.cloud.pace import Pace
from ibm_native.cloud.sdk import Json, text
from ibm_native.model.declare import Declaration, Plain
from ibm_native.model.derive import Problem
from ibm_native.model.journal import Journal
from ibm_native.model.marker import Mark
from ibm_native.model.notices import notice
from ibm_native.model.values import Values
from ibm_native.version import PACKAGE

LOST_ANSWER_SECONDS = 15.0
"""How long a thing whose creation went unanswered is looked for."""
SUBJECT_SECONDS = 20.0
"""How long IAM may refuse to know an identity that it just made."""

_T = TypeVar("_T")


@dataclass(frozen=True)
class Call:
    """What every method of a life cycle gets: the cloud, whose resource it is, and what this machine began before."""

    cloud: Cloud
    urn: str
    journal: Journal

    @property
    def pace(self) -> Pace:
        """Return the clock."""
        return self.cloud.pace

    def import_command(self, resource_id: str) -> str:
        """Return the command that takes what exists into the state as this resource.

        A URN has its parent's types but not its name, which the state has.
        """
        parents, _, kind = self.urn.split("::")[2].rpartition("$")
        command = f"pulumi import {kind} {self.urn.split('::', 3)[3]} {resource_id} --generate-code=false"
        if not parents:
            return command
        of_stack = "::".join(self.urn.split("::")[:2])
        return f'{command} --parent parent="$(pulumi stack export | grep -om1 \'{of_stack}::{parents}::[^"]*\')"'


@dataclass(frozen=True)
class Found:
    """A resource as it is: its inputs (those it would be made with) and its other outputs, by Python name."""

    inputs: Mapping[str, Plain | None]
    computed: Mapping[str, Plain | None]


@dataclass(frozen=True)
class Attempt:
    """One create of what IAM marks: noted on this machine from before its call until the state has its result.

    A create learns neither the id nor the inputs that the state may hold (`pulumi up --replace`), so of what an earlier
    one made only what is noted here is known to be nobody's.
    """

    call: Call
    account: str
    mark: Mark

    @classmethod
    def begin(cls, call: Call, account: str) -> Attempt:
        """Note a new attempt before anything is sent."""
        found = cls(call, account, Mark.new(call.urn))
        call.journal.begin(call.urn, found.mark.attempt, account)
        return found

    def made(self, resource_id: str) -> None:
        """Note what it made."""
        self.call.journal.begin(self.call.urn, resource_id, self.account)
        self.call.journal.end(self.call.urn, self.mark.attempt)

    def over(self) -> None:
        """Strike it out: it had no effect."""
        self.call.journal.end(self.call.urn, self.mark.attempt)

    def of_the_resource(self, body: Json) -> bool:
        """Tell whether any attempt of this resource made this object."""
        return self.mark.same_resource(text(body, "description"))

    def left_by_another(self, body: Json) -> bool:
        """Tell whether an earlier attempt of this resource, noted here, made this object."""
        mark = Mark.found_in(text(body, "description"))
        noted = (text(body, "id"), mark.attempt) if mark and mark != self.mark else ()
        return self.of_the_resource(body) and any(
            self.call.journal.begun(self.call.urn, each, self.account) for each in noted
        )


class LifeCycle(ABC):
    """Create, read, update and delete of one resource type; one object serves every resource of the type.

    Inputs are checked and known. A method that raises has left nothing behind that the next run wouldn't find.
    """

    declaration: ClassVar[Declaration]

    def problems(self, given: frozenset[str], inputs: Values) -> list[Problem]:
        """Return what is wrong with inputs together; `given` names the unknown ones too."""
        del given, inputs
        return []

    def delete_first(self, old: Values, new: Values) -> bool:
        """Tell whether a replacement can't stand beside the old resource."""
        del old, new
        return False

    def natural_id(self, inputs: Values) -> str | None:
        """Return the id that follows from the inputs; None where IBM Cloud gives one."""
        del inputs
        return None

    @abstractmethod
    def kept(self, call: Call, old: Values, new: Values) -> frozenset[str]:
        """Return the outputs, other than inputs, that an update from `old` outputs to `new` inputs can't change.

        The rest is unknown in its preview. Makes no call; of `new`, only what is known is there.
        """

    @abstractmethod
    async def create(self, call: Call, inputs: Values) -> tuple[str, Mapping[str, Plain | None]]:
        """Make the resource; return its id and its outputs other than inputs."""

    @abstractmethod
    async def read(self, call: Call, resource_id: str, inputs: Values, state: Values) -> Found | None:
        """Return the resource as it is, or None if it is gone. `inputs` and `state` are empty on import."""

    @abstractmethod
    async def update(self, call: Call, resource_id: str, inputs: Values, state: Values) -> Mapping[str, Plain | None]:
        """Change the resource in place; return its outputs other than inputs."""

    @abstractmethod
    async def delete(self, call: Call, resource_id: str, state: Values) -> None:
        """Remove the resource; one that is gone already is fine."""

    async def undo(self, call: Call, resource_id: str, inputs: Values) -> None:
        """Remove what a create made, and its note."""
        await self.delete(call, resource_id, inputs)
        call.journal.end(call.urn, resource_id)


@asynccontextmanager
async def undone_by(undo: Callable[[], Awaitable[None]]) -> AsyncGenerator[None]:
    """Run `undo` if the block fails for whatever reason, a cancel included; the block's error is what counts."""
    try:
        yield
    except BaseException:
        with suppress(ProviderError):
            await undo()
        raise


async def unless_refused(attempt: Attempt, send: Callable[[], Awaitable[_T]]) -> _T:
    """Return what `send` gives; a refusal had no effect, while a lost answer may have had one."""
    try:
        return await send()
    except LostAnswerError:
        raise
    except ProviderError:
        attempt.over()
        raise


async def until_listed(
    attempt: Attempt,
    what: str,
    resource_id: str,
    fetch: Callable[[], Awaitable[list[Json]]],
    read: Callable[[], Awaitable[object]],
) -> list[str]:
    """Return the ids of what earlier attempts left, once IAM shows what was just made, in its list or by id.

    IAM hides it for a while after its 201. What earlier attempts made was made before, so by then it is shown too.
    """
    call = attempt.call

    async def shown() -> list[Json] | None:
        found = await fetch()
        if any(text(each, "id") == resource_id for each in found) or await or_none(read) is not None:
            return found
        return None

    found = await call.pace.until(shown, within=call.cloud.connection.wait_seconds, why=what)
    if found is None:
        raise TimedOutError(
            what,
            f"IAM answered that it is made, but still doesn't show it after {call.cloud.connection.wait_seconds} s",
            f"It was removed again. Run the same command again, or raise {PACKAGE}:waitSeconds.",
        )
    same = [each for each in found if attempt.of_the_resource(each) and text(each, "id") != resource_id]
    for each in same:
        if not attempt.left_by_another(each):
            notice(f"{what}: {text(each, 'id')} was made for the same resource, and stays: a state may hold it.")
    return [text(each, "id") for each in same if attempt.left_by_another(each)]


async def once_known(call: Call, what: str, send: Callable[[], Awaitable[_T]]) -> _T:
    """Return what `send` gives; repeat it while IAM doesn't know the identity that it is about (404: no effect)."""
    found = await call.pace.until(lambda: or_none(send), within=SUBJECT_SECONDS, why=what)
    return found if found is not None else await send()


async def or_none(send: Callable[[], Awaitable[_T]]) -> _T | None:
    """Return what `send` gives, or None if there is no such object."""
    try:
        return await send()
    except NotFoundError:
        return None


async def unless_stale(
    read: Callable[[], Awaitable[tuple[Json, str]]], write: Callable[[Json, str], Awaitable[_T]]
) -> _T:
    """Read an object and its tag and write it; once more if somebody else wrote in between, which another tag shows."""
    body, first = await read()
    try:
        return await write(body, first)
    except StaleError:
        body, second = await read()
    try:
        return await write(body, second)
    except StaleError as error:
        if error.status == 409 and first == second:
            raise ConflictError(error.what, error.why, code=error.code) from None
        raise


async def gone(call: Call, what: str, send: Callable[[], Awaitable[object]]) -> None:
    """Delete; a thing that is gone is fine, one that something still hangs on (409) is tried again."""

    async def attempt() -> bool | None:
        try:
            await send()
        except NotFoundError:
            return True
        except ConflictError:
            return None
        return True

    if await call.pace.until(attempt, within=LOST_ANSWER_SECONDS, why=what) is None:
        await send()
