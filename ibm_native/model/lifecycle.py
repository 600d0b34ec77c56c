"""What a resource's life cycle is made of, and the waiting and undoing that creates have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from ibm_native.cloud.client import Cloud
from ibm_native.cloud.errors import (
    ConflictError,
    NotFoundError,
    ProviderError,
    StaleError,
)
from ibm_native.cloud.pace import Pace
from ibm_native.cloud.sdk import Json
from ibm_native.model.declare import Declaration
from ibm_native.model.derive import Problem
from ibm_native.model.inputs import Args, Known, Outputs
from ibm_native.model.journal import Journal

LOST_ANSWER_SECONDS = 15.0
"""How long a thing whose creation went unanswered is looked for."""
SUBJECT_SECONDS = 20.0
"""How long IAM may refuse to know an identity that it just made."""

A = TypeVar("A", bound=Args)
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

    inputs: Outputs
    computed: Outputs


class LifeCycle(ABC, Generic[A]):
    """Create, read, update and delete of one resource type; one object serves every resource of the type.

    What acts gets its inputs as they are declared, checked and known; what plans gets what is known of them by name.
    A method that raises has left nothing behind that the next run wouldn't find.
    """

    declaration: ClassVar[Declaration]

    def problems(self, given: frozenset[str], inputs: Known) -> list[Problem]:
        """Return what is wrong with inputs together; `given` names the unknown ones too."""
        del given, inputs
        return []

    def delete_first(self, old: Known, new: Known) -> bool:
        """Tell whether a replacement can't stand beside the old resource."""
        del old, new
        return False

    def natural_id(self, inputs: Known) -> str | None:
        """Return the id that follows from the inputs; None where IBM Cloud gives one."""
        del inputs
        return None

    @abstractmethod
    def kept(self, call: Call, old: Known, new: Known) -> frozenset[str]:
        """Return the outputs, other than inputs, that an update from `old` outputs to `new` inputs can't change.

        The rest is unknown in its preview. Makes no call; of `new`, only what is known is there.
        """

    @abstractmethod
    async def create(self, call: Call, inputs: A) -> tuple[str, Outputs]:
        """Make the resource; return its id and its outputs other than inputs."""

    @abstractmethod
    async def read(self, call: Call, resource_id: str, inputs: A | None, state: Known) -> Found | None:
        """Return the resource as it is, or None if it is gone. On import there are no inputs, and `state` is empty."""

    @abstractmethod
    async def update(self, call: Call, resource_id: str, inputs: A, state: Known) -> Outputs:
        """Change the resource in place; return its outputs other than inputs."""

    @abstractmethod
    async def delete(self, call: Call, resource_id: str, state: Known) -> None:
        """Remove the resource; one that is gone already is fine."""

    async def undo(self, call: Call, resource_id: str, inputs: A) -> None:
        """Remove what a create made, and its note."""
        await self.delete(call, resource_id, inputs.given())
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
