"""The life cycle of what IAM marks: service IDs, policies and API keys, whose names needn't be unique.

A create comes first and leaves its mark in the description; what an earlier, broken-off create of the same resource
left goes afterwards, if this machine noted it and nobody uses it.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from ibm_native.cloud.errors import LostAnswerError, ProviderError, TimedOutError
from ibm_native.cloud.sdk import Json, text
from ibm_native.model.inputs import Known, Outputs
from ibm_native.model.lifecycle import LOST_ANSWER_SECONDS, A, Call, LifeCycle, gone, or_none, undone_by, unless_stale
from ibm_native.model.marker import Mark, remarked, without_mark
from ibm_native.model.notices import notice
from ibm_native.version import PACKAGE


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


Send: TypeAlias = Callable[[Attempt], Awaitable[Json]]
"""Sends one create; returns IAM's answer."""
Put: TypeAlias = Callable[[str, str], Awaitable[Json]]
"""Sends one update with a marked description and the tag of what it changes; returns IAM's answer."""


class MarkedLife(LifeCycle[A]):
    """Life cycle of one type of what IAM marks."""

    kind: ClassVar[str]
    """What it is to a person, such as `service ID`."""

    @abstractmethod
    def named(self, inputs: A) -> str:
        """Return which one it is to a person."""

    @abstractmethod
    async def sender(self, call: Call, what: str, account: str, inputs: A) -> Send:
        """Look up what a create needs; return what sends it."""

    @abstractmethod
    async def alike(self, call: Call, account: str, inputs: A) -> list[Json]:
        """Return what IAM lists where the resource must be too."""

    @abstractmethod
    async def get(self, call: Call, resource_id: str) -> tuple[Json, str]:
        """Return the object and its tag; raises NotFoundError."""

    @abstractmethod
    async def put(self, call: Call, what: str, resource_id: str, inputs: A, state: Known) -> Put:
        """Look up what an update needs; return what sends it."""

    @abstractmethod
    async def remove(self, call: Call, what: str, resource_id: str, state: Known) -> object:
        """Send a delete."""

    @abstractmethod
    def computed(self, body: Json, state: Known) -> Outputs:
        """Return the outputs other than inputs; raises ProviderError if what was made is of no use."""

    async def found_again(self, attempt: Attempt, body: Json, inputs: A) -> Json | None:
        """Return what a create made whose answer was lost; None if another one must be made."""
        del attempt, inputs
        return body

    async def in_use(self, call: Call, account: str, resource_id: str) -> bool:
        """Tell whether what an earlier create left is used by now."""
        del call, account, resource_id
        return False

    async def create(self, call: Call, inputs: A) -> tuple[str, Outputs]:
        """Make it, then remove what an earlier, broken-off create of it left."""
        what = f"create {self.kind} {self.named(inputs)}"
        account = await call.cloud.account(what)
        send = await self.sender(call, what, account, inputs)
        attempt = Attempt.begin(call, account)
        try:
            body = await _unless_refused(attempt, send)
        except LostAnswerError:
            made = await call.pace.until(lambda: self._made_by(attempt, inputs), within=LOST_ANSWER_SECONDS, why=what)
            if made is None:
                raise
            body = await self.found_again(attempt, made, inputs) or await _unless_refused(attempt, send)
        resource_id = text(body, "id")
        attempt.made(resource_id)
        async with undone_by(lambda: self.undo(call, resource_id, inputs)):
            computed = self.computed(body, {})
            for each in await self._left(attempt, what, resource_id, inputs):
                if not await self.in_use(call, account, each):
                    await self.undo(call, each, inputs)
        return resource_id, computed

    async def update(self, call: Call, resource_id: str, inputs: A, state: Known) -> Outputs:
        """Change it in place; its mark stays."""
        put = await self.put(call, f"update {self.kind} {resource_id}", resource_id, inputs, state)
        wanted = inputs.given().get("description")

        async def write(body: Json, tag: str) -> Json:
            return await put(remarked(str(wanted or ""), text(body, "description")), tag)

        return self.computed(await unless_stale(lambda: self.get(call, resource_id), write), state)

    async def delete(self, call: Call, resource_id: str, state: Known) -> None:
        """Remove it."""
        what = f"delete {self.kind} {resource_id}"
        await gone(call, what, lambda: self.remove(call, what, resource_id, state))

    async def _made_by(self, attempt: Attempt, inputs: A) -> Json | None:
        found = await self.alike(attempt.call, attempt.account, inputs)
        return next((each for each in found if Mark.found_in(text(each, "description")) == attempt.mark), None)

    async def _left(self, attempt: Attempt, what: str, resource_id: str, inputs: A) -> list[str]:
        """Return the ids of what earlier attempts left, once IAM shows what was just made, in its list or by id.

        IAM hides it for a while after its 201. What earlier attempts made was made before, so by then it is shown too.
        """
        call = attempt.call

        async def shown() -> list[Json] | None:
            found = await self.alike(call, attempt.account, inputs)
            listed = any(text(each, "id") == resource_id for each in found)
            return found if listed or await or_none(lambda: self.get(call, resource_id)) is not None else None

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


async def _unless_refused(attempt: Attempt, send: Send) -> Json:
    """Return what `send` gives; a refusal had no effect, while a lost answer may have had one."""
    try:
        return await send(attempt)
    except LostAnswerError:
        raise
    except ProviderError:
        attempt.over()
        raise


def described(body: Json) -> str | None:
    """Return an object's description without the mark, as the user wrote it."""
    return without_mark(text(body, "description")) or None
