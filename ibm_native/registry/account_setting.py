"""What resources have in common that set what is always there: a plan, a quota, a retention policy.

There is nothing to make or to remove: a create notes what was there before and sets the wanted, a delete sets back what
was there, where IBM allows it.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from ibm_native.cloud.errors import ApiError, NotFoundError
from ibm_native.model.inputs import Known, Outputs, Plain
from ibm_native.model.lifecycle import A, Call, Found, LifeCycle
from ibm_native.model.notices import notice
from ibm_native.model.rules import region_of_id

Setting = Mapping[str, Plain]
"""A setting's parts by input name."""


class SettingLife(LifeCycle[A]):
    """Life cycle of a setting of one `kind`; `parts` are the inputs that it has, each with an output `previous_<part>`.

    A part that the inputs leave out is left as it is.
    """

    kind: ClassVar[str]
    parts: ClassVar[tuple[str, ...]]

    def natural_id(self, inputs: Known) -> str | None:
        """Return the id; where a region has one setting, that is the region."""
        region = inputs.get("region")
        return None if region is None else str(region)

    def place(self, resource_id: str) -> Mapping[str, Plain]:
        """Return the inputs that the id is made of; raises ProviderError if it is none."""
        return {"region": region_of_id(resource_id, f"registry {self.kind}", "region")}

    @abstractmethod
    async def get(self, call: Call, resource_id: str) -> Setting | None:
        """Return the setting as it is; None if there is none."""

    @abstractmethod
    async def put(self, call: Call, resource_id: str, wanted: Setting) -> None:
        """Set these parts."""

    def unset(self) -> Setting:
        """Return the parts that amount to no setting; empty where there always is one."""
        return {}

    def kept(self, call: Call, old: Known, new: Known) -> frozenset[str]:
        """Keep what was there before."""
        del call, old, new
        return frozenset(f"previous_{part}" for part in self.parts)

    async def create(self, call: Call, inputs: A) -> tuple[str, Outputs]:
        """Note what was there, and set what is wanted; a create that broke off noted it already."""
        resource_id = self.natural_id(inputs.given()) or ""
        account = await call.cloud.account(f"set {resource_id}")
        earlier = call.journal.begun(call.urn, resource_id, account)
        before = dict(earlier.before) if earlier else dict(await self.get(call, resource_id) or self.unset())
        if earlier is None:
            call.journal.begin(call.urn, resource_id, account, before)
        await self.put(call, resource_id, self._wanted(inputs))
        return resource_id, {f"previous_{part}": _plain(before.get(part)) for part in self.parts}

    async def read(self, call: Call, resource_id: str, inputs: A | None, state: Known) -> Found | None:
        """Return the setting; on import all of it, later the parts that the inputs have."""
        place = self.place(resource_id)
        now = await self.get(call, resource_id)
        if now is None:
            return None
        managed = {part: value for part, value in now.items() if inputs is None or part in inputs.given()}
        return Found({**place, **managed}, self._previous(state))

    async def update(self, call: Call, resource_id: str, inputs: A, state: Known) -> Outputs:
        """Set what is wanted, and set back what isn't any longer."""
        wanted = self._wanted(inputs)
        dropped = {part for part in self.parts if part in state and part not in wanted}
        back = {part: state[f"previous_{part}"] for part in dropped if f"previous_{part}" in state}
        await self.put(call, resource_id, {**back, **wanted})
        return self._previous(state)

    async def delete(self, call: Call, resource_id: str, state: Known) -> None:
        """Set back what was there before, or what amounts to nothing; what IBM refuses stays, with a notice."""
        managed = [part for part in self.parts if part in state]
        back = {part: value for part in managed if (value := state.get(f"previous_{part}")) is not None}
        back = back or self.unset()
        if not back or all(state[part] == value for part, value in back.items()):
            return
        try:
            await self.put(call, resource_id, back)
        except NotFoundError:
            return
        except ApiError as error:
            if error.status not in {400, 409, 422}:
                raise
            notice(f"{error}\nIt is left as it is.")

    def _wanted(self, inputs: A) -> Setting:
        return {part: value for part, value in inputs.given().items() if part in self.parts}

    def _previous(self, state: Known) -> Outputs:
        return {name: state.get(name) for name in (f"previous_{part}" for part in self.parts)}


def _plain(value: object) -> Plain | None:
    return value if isinstance(value, str | bool | int) else None
