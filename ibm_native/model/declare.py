"""How a resource is declared: once, as a typed dataclass of inputs and a resource class of outputs.

Python's signatures, the Pulumi schema, the checks and the diffs all come from these declarations, and a life cycle gets
its inputs as the dataclass that declares them. Names are snake_case here and camelCase on Pulumi's wire.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Generic, ParamSpec, Self, TypeVar, cast, overload

import pulumi

from ibm_native.model.inputs import Args, Property, outputs_of

_A = TypeVar("_A", bound=Args)
_P = ParamSpec("_P")


@dataclass(frozen=True)
class Declaration:
    """One resource type: its token, what it is for, and its properties."""

    token: str
    description: str
    args: type[Args]
    outputs: tuple[Property, ...]
    import_id: str = ""
    """What an import takes, in Markdown; empty if there is nothing to import."""
    needs: str = ""
    """The access that the provider's credential needs."""
    refresh: str = ""
    """What a refresh compares, and what it leaves alone."""

    @cached_property
    def inputs(self) -> tuple[Property, ...]:
        """Return the inputs as they are declared."""
        return self.args.properties()


class Resource(pulumi.CustomResource, Generic[_P, _A]):
    """Base of this provider's resource classes, which `resource(TheirArgs)` gives.

    A subclass names its token, and annotates its outputs; an output with an input's name is that input as it is in the
    cloud, and shares its description. A program gives the inputs as an args object or as keyword arguments.
    """

    declaration: ClassVar[Declaration]
    _args: ClassVar[type[Args]]
    _wire_names: ClassVar[Mapping[str, str]]
    _python_names: ClassVar[Mapping[str, str]]

    def __init_subclass__(cls, *, token: str = "", import_id: str = "", needs: str = "", refresh: str = "") -> None:
        super().__init_subclass__()
        if not token:
            return  # a base without outputs, from resource()
        description = inspect.cleandoc(cls.__doc__ or "")
        outputs = outputs_of(cls, cls._args.properties())
        cls.declaration = Declaration(token, description, cls._args, outputs, import_id, needs, refresh)
        cls._wire_names = {each.name: each.wire for each in (*cls.declaration.inputs, *outputs)}
        cls._python_names = {wire: name for name, wire in cls._wire_names.items()}

    @overload
    def __init__(self, resource_name: str, args: _A, opts: pulumi.ResourceOptions | None = None) -> None: ...
    @overload
    def __init__(
        self,
        resource_name: str,
        args: None = None,
        opts: pulumi.ResourceOptions | None = None,
        *none: _P.args,
        **inputs: _P.kwargs,
    ) -> None: ...
    def __init__(
        self,
        resource_name: str,
        args: Args | None = None,
        opts: pulumi.ResourceOptions | None = None,
        *none: object,
        **inputs: Any,
    ) -> None:
        if none or (args is not None and inputs):
            message = f"{type(self).__name__} takes {self._args.__name__} or keyword arguments, not both"
            raise TypeError(message)
        given = vars(args or self._args(**inputs))
        declaration = self.declaration
        props: dict[str, Any] = {each.name: None for each in declaration.outputs}
        for each in declaration.inputs:
            value = given.get(each.name)
            props[each.name] = pulumi.Output.secret(value) if each.prop.secret and value is not None else value
        secret_outputs = [each.name for each in declaration.outputs if each.prop.secret]
        options = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(additional_secret_outputs=secret_outputs))
        pulumi.CustomResource.__init__(self, declaration.token, resource_name, props, options)

    @classmethod
    def get(cls, resource_name: str, id: pulumi.Input[str], opts: pulumi.ResourceOptions | None = None) -> Self:  # noqa: A002  # Pulumi's name
        """Return a resource that is there, read and not managed; `id` is what an import takes."""
        options = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(id=id))
        return cls(resource_name, cast("_A", cls._args.of({})), options)

    def translate_input_property(self, prop: str) -> str:
        """Return the wire's name of `prop`."""
        return self._wire_names.get(prop, prop)

    def translate_output_property(self, prop: str) -> str:
        """Return Python's name of `prop`."""
        return self._python_names.get(prop, prop)


def resource(args: Callable[_P, _A]) -> type[Resource[_P, _A]]:
    """Return the base of a resource class with these inputs, whose keyword arguments are those of `args`."""
    return cast("type[Resource[_P, _A]]", type("Resource", (Resource,), {"_args": args}))
