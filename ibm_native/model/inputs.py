"""What the inputs of a resource are: each declared once, with its type and what is known of it beyond that.

A program gives an args object what Pulumi takes for an input; a life cycle reads from it plain values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import Enum
from functools import cached_property
from types import MappingProxyType, NoneType, UnionType
from typing import (
    Annotated,
    Any,
    ClassVar,
    Generic,
    Literal,
    Self,
    TypeAlias,
    TypeVar,
    Union,
    cast,
    dataclass_transform,
    get_args,
    get_origin,
    get_type_hints,
)

import pulumi

from ibm_native.version import PACKAGE

Kind: TypeAlias = Literal["string", "boolean", "integer", "array", "object"]
"""Pulumi's name of a property's type; an array holds strings, an object holds strings by name."""

Plain: TypeAlias = str | bool | int | tuple[str, ...] | Mapping[str, str]
"""A property's value without secret mark."""

Known: TypeAlias = Mapping[str, Plain]
"""The values of one resource by Python name that are there and known."""

Outputs: TypeAlias = Mapping[str, Plain | None]
"""Outputs by Python name; None is the same as none."""

_KINDS: dict[object, Kind] = {str: "string", bool: "boolean", int: "integer"}
_AROUND = (Annotated, Union, UnionType, pulumi.Output)
"""What a hint may have around its type."""

_T = TypeVar("_T")


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


class _Missing(Enum):
    MISSING = "no default: the input is required"


@dataclass(frozen=True)
class In(Prop, Generic[_T]):
    """One input of an args class: a program gives what Pulumi takes, a life cycle reads the plain value.

    An input without `default` is required. Reading one that has no plain value (yet) raises TypeError.
    """

    default: _T | _Missing | None = field(default=_Missing.MISSING, kw_only=True)
    name: str = field(default="", init=False)
    kind: ClassVar[Kind | None] = None
    """The kind, where the type in brackets doesn't say it."""
    absent: ClassVar[Any] = None
    """What reading an input gives that isn't there."""

    def __set_name__(self, owner: type, name: str) -> None:
        object.__setattr__(self, "name", name)  # once, as the class that has it is made

    def __get__(self, holder: object, owner: type) -> _T:
        if holder is None:
            # The dataclass asks for the default.
            if self.default is _Missing.MISSING:
                raise AttributeError
            return cast("_T", self.default)
        value = cast("_T | None", vars(holder).get(self.name, self.default))
        if not _is_plain(value):
            message = f"{self.name} of {owner.__name__} has no value yet: hand over the output itself"
            raise TypeError(message)
        return cast("_T", self.absent) if value is None else value

    def __set__(self, holder: object, value: pulumi.Input[_T]) -> None:
        vars(holder)[self.name] = value


class Texts(In[Sequence[str]]):
    """An input that is a list of strings; empty where it isn't given."""

    kind = "array"
    absent: ClassVar[Any] = ()

    def __set__(self, holder: object, value: pulumi.Input[Sequence[pulumi.Input[str]]] | None) -> None:
        vars(holder)[self.name] = value


class TextsByName(In[Mapping[str, str]]):
    """An input that is strings by name; none where it isn't given."""

    kind = "object"
    absent: ClassVar[Any] = MappingProxyType[str, str]({})

    def __set__(self, holder: object, value: pulumi.Input[Mapping[str, pulumi.Input[str]]] | None) -> None:
        vars(holder)[self.name] = value


def _is_plain(value: object) -> bool:
    if isinstance(value, Mapping):
        return all(isinstance(each, str) for each in cast("Mapping[str, object]", value).values())
    if isinstance(value, list | tuple):
        return all(isinstance(each, str) for each in cast("Sequence[object]", value))
    return value is None or isinstance(value, str | int)


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(In, Texts, TextsByName))
class Args:
    """Base of the classes that declare inputs; each is a frozen dataclass with keyword arguments only."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        # Neither is of use where a value may be an output, and a secret's place is in no text.
        dataclass(frozen=True, kw_only=True, repr=False, eq=False)(cls)

    @classmethod
    def of(cls, known: Known) -> Self:
        """Return inputs as a life cycle gets them; what `known` lacks is as if it weren't given."""
        made = cls.__new__(cls)
        vars(made).update(known)
        return made

    def given(self) -> Known:
        """Return the inputs that are there, by name."""
        return {name: value for name, value in vars(self).items() if value is not None}

    @classmethod
    def properties(cls) -> tuple[Property, ...]:
        """Return the inputs as they are declared; raises TypeError for one of a type that the wire doesn't have."""
        hints = get_type_hints(cls)
        return tuple(
            _property(cast("In[Plain]", vars(cls)[each.name]), hints[each.name]) for each in fields(cast("Any", cls))
        )


def _property(given: In[Plain], hint: object) -> Property:
    kind = given.kind or _kind(get_args(hint)[0])
    if given.default is _Missing.MISSING:
        return Property(given.name, kind, given)
    return Property(given.name, kind, given, required=False, default=given.default)


def camel(name: str) -> str:
    """Return snake_case `name` in camelCase."""
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def outputs_of(declared: type, inputs: Sequence[Property] = ()) -> tuple[Property, ...]:
    """Return the properties that a class of outputs declares; one with an input's name shares its description."""
    # Only the class's own annotations: those of Pulumi's bases name what is known inside Pulumi's modules only.
    own = type("Own", (), {"__annotations__": declared.__annotations__, "__module__": declared.__module__})
    hints: dict[str, object] = get_type_hints(own, include_extras=True)
    shared = {each.name: each.prop for each in inputs}
    return tuple(
        Property(name, _kind(hint), _prop(hint) or shared[name], required=not _is_optional(hint))
        for name, hint in hints.items()
    )


def _prop(hint: object) -> Prop | None:
    return next((each for each in get_args(hint)[1:] if isinstance(each, Prop)), None)


def _members(hint: object) -> set[object]:
    """Return the types that a hint allows, inside Annotated, Union and Output alike."""
    origin, inner = get_origin(hint), get_args(hint)
    if not any(origin is each for each in _AROUND):
        return {hint}
    return {leaf for each in (inner[:1] if origin is Annotated else inner) for leaf in _members(each)} - {NoneType}


def _is_optional(hint: object) -> bool:
    return hint is NoneType or (get_origin(hint) in _AROUND and any(_is_optional(each) for each in get_args(hint)))


def _kind(hint: object) -> Kind:
    members = _members(hint)
    one = members.pop() if len(members) == 1 else None
    kind: Kind | None = "array" if one == Sequence[str] else _KINDS.get(one)
    if kind is None:
        message = f"{hint} is no type that {PACKAGE} has on the wire"
        raise TypeError(message)
    return kind
