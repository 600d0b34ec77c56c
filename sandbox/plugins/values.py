"""Property values as the engine sends them (protobuf's Struct) to plain Python and back.

A dict, list, str, bool, None, int or float is itself; a `Secret` and an `Unknown` stand for the wire's forms of those.
Its other forms (assets, archives) stay the objects that they are there. The signatures are part of Pulumi's protocol.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from google.protobuf import struct_pb2

Value: TypeAlias = "bool | int | float | str | list[Value] | dict[str, Value] | Secret | Unknown | None"
"""One property value."""
Properties: TypeAlias = "dict[str, Value]"
"""A resource's inputs or outputs."""

SIGNATURE = "4dabf18193072939515e22adb298388d"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - the protocol's name for the form, not a password
_UNKNOWNS = frozenset(
    {
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # bool
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # number
        "04da6b54-80e4-46f7-96ec-b56ff0331ba9",  # string
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # array
        "030794c1-ac77-496b-92df-f27374a8bd58",  # asset
        "e48ece36-62e2-4504-bad9-02848725956a",  # archive
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # object
    }
)
_LARGEST_EXACT = 2**53


@dataclass(frozen=True)
class Secret:
    """A value that the state encrypts and the console hides; its repr shows nothing of it."""

    value: Value

    def __repr__(self) -> str:
        return "Secret(...)"


@dataclass(frozen=True)
class Unknown:
    """A value that is known only once something else has been made; seen in previews."""

    token: str = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"  # noqa: S105 - the protocol's mark, not a password


def to_python(struct: struct_pb2.Struct) -> Properties:
    """Return the properties of a message's Struct."""
    return {key: _value(value) for key, value in struct.fields.items()}


def to_struct(properties: Mapping[str, Value]) -> struct_pb2.Struct:
    """Return the Struct that stands for `properties` on the wire."""
    struct = struct_pb2.Struct()
    for key, value in properties.items():
        _write(struct.fields[key], value)
    return struct


def plain(value: Value) -> Value:
    """Return `value` with no `Secret` round anything in it."""
    if isinstance(value, Secret):
        return plain(value.value)
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    return value


def without_nulls(properties: Mapping[str, Value]) -> Properties:
    """Return `properties` without those that are null, at every depth: as Pulumi's Go plugins read them."""
    return {key: _without_nulls(value) for key, value in properties.items() if value is not None}


def contains_unknown(value: Value) -> bool:
    """Tell whether `value` or anything in it is not known yet."""
    return any(isinstance(each, Unknown) for each in _all(value))


def contains_secret(value: Value) -> bool:
    """Tell whether `value` or anything in it is secret."""
    return any(isinstance(each, Secret) for each in _all(value))


def _all(value: Value) -> Iterator[Value]:
    yield value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for each in (value.value,) if isinstance(value, Secret) else inner:
        yield from _all(each)


def _without_nulls(value: Value) -> Value:
    if isinstance(value, dict):
        return without_nulls(value)
    if isinstance(value, list):
        return [_without_nulls(each) for each in value]
    if isinstance(value, Secret):
        return Secret(_without_nulls(value.value))
    return value


def _value(wire: struct_pb2.Value) -> Value:
    match wire.WhichOneof("kind"):
        case "string_value":
            text = wire.string_value
            return Unknown(text) if text in _UNKNOWNS else text
        case "bool_value":
            return wire.bool_value
        case "number_value":
            number = wire.number_value
            return int(number) if number.is_integer() and abs(number) <= _LARGEST_EXACT else number
        case "list_value":
            return [_value(each) for each in wire.list_value.values]
        case "struct_value":
            return _object(wire.struct_value)
        case _:
            return None


def _object(struct: struct_pb2.Struct) -> Value:
    fields = to_python(struct)
    return Secret(fields.get("value")) if fields.get(SIGNATURE) == _SECRET else fields


def _write(wire: struct_pb2.Value, value: Value) -> None:
    if value is None:
        wire.null_value = struct_pb2.NULL_VALUE
    elif isinstance(value, bool):
        wire.bool_value = value
    elif isinstance(value, int | float):
        wire.number_value = value
    elif isinstance(value, str):
        wire.string_value = value
    elif isinstance(value, Unknown):
        wire.string_value = value.token
    elif isinstance(value, list):
        _write_list(wire.list_value, value)
    else:
        _write_object(
            wire.struct_value, {SIGNATURE: _SECRET, "value": value.value} if isinstance(value, Secret) else value
        )


def _write_list(wire: struct_pb2.ListValue, items: Iterable[Value]) -> None:
    wire.SetInParent()  # an empty list is a list, not a missing value
    for item in items:
        _write(wire.values.add(), item)


def _write_object(wire: struct_pb2.Struct, fields: Mapping[str, Value]) -> None:
    wire.SetInParent()
    for key, item in fields.items():
        _write(wire.fields[key], item)
