"""How a function is declared: once, as a typed dataclass of arguments and one of results."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, NoReturn, TypeVar, cast

import pulumi
from pulumi.runtime import invoke_output
from pulumi.runtime.settings import SETTINGS

from ibm_native.cloud.client import Cloud
from ibm_native.model.inputs import Args, Plain, Property, outputs_of

_Args = TypeVar("_Args", bound=Args)
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Function(Generic[_Args, _Result]):
    """One function of the provider; calling it in a program asks for its results.

    `answer` runs in the plugin, with checked arguments.
    """

    token: str
    args: type[_Args]
    result: type[_Result]
    needs: str
    answer: Callable[[Cloud, _Args], Awaitable[_Result]]

    @cached_property
    def inputs(self) -> tuple[Property, ...]:
        """Return the arguments as they are declared."""
        return self.args.properties()

    @cached_property
    def outputs(self) -> tuple[Property, ...]:
        """Return the results as they are declared."""
        return outputs_of(self.result)

    @property
    def description(self) -> str:
        """Return what it is for."""
        return (self.result.__doc__ or "").strip()

    def __call__(self, args: _Args, opts: pulumi.InvokeOptions | None = None) -> pulumi.Output[_Result]:
        """Ask, in a preview too; raises through the output what a person should read."""
        props = {each.wire: vars(args).get(each.name) for each in self.inputs}
        found = cast("pulumi.Output[dict[str, Any]]", invoke_output(self.token, props, opts))
        return _told(found).apply(
            lambda given: self.result(**{each.name: _given(each, given.get(each.wire)) for each in self.outputs})
        )


def _told(found: pulumi.Output[_Result]) -> pulumi.Output[_Result]:
    """Return the output with a failure that ends the program by its text: the SDK's own ends it by a traceback."""

    def told(error: Exception) -> NoReturn:
        raise pulumi.RunError(str(error)) from None

    recovered = found.recover(told)
    # The SDK ends a program by whichever failed output it comes to first; this one is told by `recovered` alone.
    waited_for = cast("set[object]", getattr(SETTINGS, "outputs"))  # noqa: B009  # untyped
    waited_for.discard(getattr(found, "_data"))  # noqa: B009  # `recover` does it too, but once it may be too late
    return recovered


def _given(each: Property, value: Any) -> Plain | None:  # noqa: ANN401  # what the engine hands over
    if each.kind == "integer" and isinstance(value, float):
        return int(value)
    return tuple(cast("list[str]", value)) if isinstance(value, list) else value
