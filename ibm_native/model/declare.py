"""How a resource is declared: once, as a typed dataclass of inputs and a resource class of outputs.

Python's signatures, the Pulumi schema, the checks and the diffs all come from these declarations. Names are snake_case
here and camelCase on Pulumi's wire.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import NoneType, UnionType
from typing import Annotated, Any, ClassVar, Literal, TypeAlias, Union, cast, get_args, get_origin, get_type_hints

import pulumi

from ibm_native.version import PACKAGE

Kind: TypeAlias = Literal["string", "boolean", "integer", "array", "object"]
"""Pulumi's name of a property's type; an array holds strings, an object holds strings by name."""

Plain: TypeAlias = str | bool | int | tuple[str, ...] | Mapping[str, str]
"""A property's value without secret mark."""

_KINDS: dict[object, Kind] = {str: "string", bool: "boolean", int: "integer"}
_AROUND = (Annotated, Union, UnionType, pulumi.Output, collections.abc.Awaitable)
"""What a hint may have around its type: `pulumi.Input[T]` is `T`, an awaitable or an output of it."""


@dataclass(frozen=True)
class Prop:
    """What is known of one property beyond its Python type.

    `replaces`: a change makes a new resource. `quiet`: a change alone is no change of the resource. `unordered`: the
    order of a list means nothing. `same` tells whether two values mean the same, where that isn't their being equal.
    `drift`: an output that only a refresh gives, where the resource no longer does what it is for; it counts as a
    change, and the next update, or replacement, mends it. `came_later`: it follows an output that states of earlier
    versions lack, which a preview takes for unknown; where the state has no value, that is no change. `rule` gets a
    known value (or each item of a list) and returns what was expected instead, or None.
    """

    description: str
    replaces: bool = False
    secret: bool = False
    quiet: bool = False
    unordered: bool = False
    drift: bool = False
    came_later: bool = False
    same: Callable[[Any, Any], bool] | None = None
    rule: Callable[[Any], str | None] | None = None


@dataclass(frozen=True)
class Property:
    """One declared input or output; `default` is None where there is none."""

    name: str
    kind: Kind
    prop: Prop
    required: bool = True
    default: Plain | None = None

    @cached_property
    def wire(self) -> str:
        """Return the property's name on Pulumi's wire and in its schema."""
        return camel(self.name)


@dataclass(frozen=True)
class Declaration:
    """One resource type: its token, what it is for, and its properties."""

    token: str
    description: str
    inputs: tuple[Property, ...]
    outputs: tuple[Property, ...]
    import_id: str = ""
    """What an import takes, in Markdown; empty if there is nothing to import."""
    needs: str = ""
    """The access that the provider's credential needs."""
    refresh: str = ""
    """What a refresh compares, and what it leaves alone."""

    @cached_property
    def secrets(self) -> frozenset[str]:
        """Return the wire names of everything secret."""
        return frozenset(each.wire for each in (*self.inputs, *self.outputs) if each.prop.secret)


def camel(name: str) -> str:
    """Return snake_case `name` in camelCase."""
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


class Resource(pulumi.CustomResource):
    """Base of this provider's resource classes.

    A subclass names its token and its args class, and annotates its outputs; an output with an input's name is that
    input as it is in the cloud, and shares its description.
    """

    declaration: ClassVar[Declaration]
    _wire_names: ClassVar[Mapping[str, str]]
    _python_names: ClassVar[Mapping[str, str]]

    def __init_subclass__(
        cls, *, token: str, args: type, import_id: str = "", needs: str = "", refresh: str = ""
    ) -> None:
        super().__init_subclass__()
        description = inspect.cleandoc(cls.__doc__ or "")
        cls.declaration = Declaration(
            token, description, declared_inputs(args), outputs_of(cls, args), import_id, needs, refresh
        )
        names = {each.name: each.wire for each in (*cls.declaration.inputs, *cls.declaration.outputs)}
        cls._wire_names = names
        cls._python_names = {wire: name for name, wire in names.items()}

    def __init__(self, name: str, args: object, opts: pulumi.ResourceOptions | None = None) -> None:
        declaration = self.declaration
        props: dict[str, Any] = {each.name: None for each in declaration.outputs}
        for each in declaration.inputs:
            value = getattr(args, each.name)
            props[each.name] = pulumi.Output.secret(value) if each.prop.secret and value is not None else value
        secret_outputs = [each.name for each in declaration.outputs if each.prop.secret]
        options = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(additional_secret_outputs=secret_outputs))
        super().__init__(declaration.token, name, props, options)

    def translate_input_property(self, prop: str) -> str:
        """Return the wire's name of `prop`."""
        return self._wire_names.get(prop, prop)

    def translate_output_property(self, prop: str) -> str:
        """Return Python's name of `prop`."""
        return self._python_names.get(prop, prop)


def declared_inputs(args: type) -> tuple[Property, ...]:
    """Return the properties that an args dataclass declares."""
    hints = _hints(args)
    return tuple(_input(each, hints[each.name]) for each in dataclasses.fields(args))


def _hints(declared: type) -> dict[str, Any]:
    # Only the class's own annotations: those of Pulumi's bases name what is known inside Pulumi's modules only, and so
    # does the string "Output[T]" inside Input.
    own = type("Own", (), {"__annotations__": declared.__annotations__, "__module__": declared.__module__})
    return get_type_hints(own, localns={"Output": pulumi.Output, "T": type(None)}, include_extras=True)


def _input(field: dataclasses.Field[Any], hint: object) -> Property:
    prop = _prop(hint)
    if prop is None:
        message = f"{field.name} is declared without Prop"
        raise TypeError(message)
    required = field.default is dataclasses.MISSING
    default = None if required else cast("Plain | None", field.default)
    return Property(field.name, _kind(hint), prop, required=required, default=default)


def outputs_of(resource: type, args: type) -> tuple[Property, ...]:
    """Return the properties that a class of outputs declares; one with an input's name shares its description."""
    shared = {each.name: each for each in declared_inputs(args)}
    hints = _hints(resource)
    found: list[Property] = []
    for name in resource.__annotations__:
        hint: object = hints[name]
        prop = _prop(hint) or shared[name].prop
        optional = _is_optional(hint)
        found.append(Property(name, _kind(hint), prop, required=not optional))
    return tuple(found)


def _prop(hint: object) -> Prop | None:
    return next((each for each in get_args(hint)[1:] if isinstance(each, Prop)), None)


def _members(hint: object) -> set[object]:
    """Return the types that a hint allows, inside Annotated, Union and Output alike."""
    origin, inner = get_origin(hint), get_args(hint)
    if not any(origin is each for each in _AROUND):
        return {hint}
    # None is what may be absent; the T of "Output[T]" inside Input is None here too.
    return {leaf for each in (inner[:1] if origin is Annotated else inner) for leaf in _members(each)} - {NoneType}


def _is_optional(hint: object) -> bool:
    return hint is NoneType or (get_origin(hint) in _AROUND and any(_is_optional(each) for each in get_args(hint)))


def _kind(hint: object) -> Kind:
    kinds: set[Kind | None] = {_kind_of(each) for each in _members(hint)}
    kind = kinds.pop() if len(kinds) == 1 else None
    if kind is None:
        message = f"{hint} is no type that {PACKAGE} has on the wire"
        raise TypeError(message)
    return kind


def _kind_of(plain: object) -> Kind | None:
    inner = [_members(each) for each in get_args(plain)]
    if get_origin(plain) is collections.abc.Sequence and inner == [{str}]:
        return "array"
    if get_origin(plain) is collections.abc.Mapping and inner == [{str}, {str}]:
        return "object"
    return _KINDS.get(plain)
