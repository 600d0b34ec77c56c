"""A resource that the provider doesn't have: all that adding one takes, as a file of `ibm_native/registry/`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import pulumi

from ibm_native.model.declare import resource
from ibm_native.model.inputs import Args, In, Known, Outputs, Prop, Texts
from ibm_native.model.lifecycle import Call, Found, LifeCycle

GREETINGS: dict[str, str] = {}
"""The cloud that greetings lie in: words by id."""


class GreetingArgs(Args):
    """Inputs of a greeting."""

    whom: In[str] = In("Whom to greet.", replaces=True)
    words: Texts = Texts("What to say.", default=None)
    loud: In[bool] = In("Whether to shout.", default=False)


class Greeting(
    resource(GreetingArgs),
    token="ibm-native:registry:Greeting",
    import_id="whom it is for",
    refresh="what was said is compared",
    needs="a voice",
):
    """A greeting."""

    whom: pulumi.Output[str]
    words: pulumi.Output[Sequence[str] | None]
    loud: pulumi.Output[bool]
    said: Annotated[pulumi.Output[str], Prop("What was said.")]


class GreetingLife(LifeCycle[GreetingArgs]):
    """A greeting's id is whom it is for."""

    declaration = Greeting.declaration

    def kept(self, call: Call, old: Known, new: Known) -> frozenset[str]:
        """Keep nothing."""
        del call, old, new
        return frozenset()

    async def create(self, call: Call, inputs: GreetingArgs) -> tuple[str, Outputs]:
        """Say it."""
        return inputs.whom, await self.update(call, inputs.whom, inputs, {})

    async def read(self, call: Call, resource_id: str, inputs: GreetingArgs | None, state: Known) -> Found | None:
        """Listen."""
        del call, state
        if resource_id not in GREETINGS:
            return None
        return Found(inputs.given() if inputs else {"whom": resource_id}, {"said": GREETINGS[resource_id]})

    async def update(self, call: Call, resource_id: str, inputs: GreetingArgs, state: Known) -> Outputs:
        """Say it again."""
        del call, state
        said = " ".join([*inputs.words, inputs.whom])
        GREETINGS[resource_id] = said.upper() if inputs.loud else said
        return {"said": GREETINGS[resource_id]}

    async def delete(self, call: Call, resource_id: str, state: Known) -> None:
        """Fall silent."""
        del call, state
        GREETINGS.pop(resource_id, None)
