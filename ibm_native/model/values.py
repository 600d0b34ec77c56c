"""Property values between Pulumi's wire and plain Python.

Unknown values (outputs of what a preview would make) are Pulumi's own marker string on the wire and UNKNOWN here: the
SDK's PropertyValue reads the marker as a plain string and has no way to write one back.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Final, TypeAlias, cast

from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime import rpc

from ibm_native.cloud.errors import conceal
from ibm_native.model.inputs import Kind, Known, Plain, Property


class _Unknown(Enum):
    UNKNOWN = rpc.UNKNOWN


UNKNOWN: Final = _Unknown.UNKNOWN
Read: TypeAlias = Plain | _Unknown | None
Wire: TypeAlias = dict[str, PropertyValue]


class KindError(Exception):
    """A value has a type that no property of the provider has."""


def plain(value: PropertyValue | None) -> Read:
    """Return a value without marks: None if absent, UNKNOWN if it or a part of it isn't known yet."""
    if value is None or value.value is None:
        return None
    inner = value.value
    if inner == rpc.UNKNOWN:
        return UNKNOWN
    if isinstance(inner, str | bool):
        return inner
    if isinstance(inner, float):
        if not inner.is_integer():
            raise KindError
        return int(inner)
    if isinstance(inner, tuple):
        return _texts(inner)
    if isinstance(inner, Mapping):
        found = _texts(tuple(inner.values()))
        return dict(zip(inner, found, strict=True)) if isinstance(found, tuple) else found
    raise KindError


def _texts(items: tuple[PropertyValue, ...]) -> Read:
    found = [item.value for item in items]
    if rpc.UNKNOWN in found:
        return UNKNOWN
    if not all(isinstance(item, str) for item in found):
        raise KindError
    return tuple(cast("list[str]", found))


def to_wire(value: Read, *, secret: bool = False) -> PropertyValue:
    """Return the wire's form of a value."""
    if value is UNKNOWN:
        return PropertyValue(rpc.UNKNOWN, is_secret=secret)
    if isinstance(value, tuple):
        return PropertyValue([PropertyValue(item) for item in value], is_secret=secret)
    if isinstance(value, Mapping):
        return PropertyValue({name: PropertyValue(item) for name, item in value.items()}, is_secret=secret)
    if isinstance(value, int) and not isinstance(value, bool):
        return PropertyValue(float(value), is_secret=secret)
    return PropertyValue(value, is_secret=secret)


def is_secret(value: PropertyValue | None) -> bool:
    """Tell whether a value, or a part of it, is marked secret."""
    return value is not None and value.contains_secret()


def conceal_secrets(*wires: Mapping[str, PropertyValue]) -> None:
    """Keep everything that is marked secret out of every message from now on."""
    for each in (each for wire in wires for each in wire.values()):
        if is_secret(each):
            for text in _strings(each):
                conceal(text)


def _strings(value: PropertyValue) -> Iterator[str]:
    inner = value.value
    if isinstance(inner, str):
        yield inner
    elif isinstance(inner, tuple | Mapping):
        for each in inner.values() if isinstance(inner, Mapping) else inner:
            yield from _strings(each)


def known(properties: tuple[Property, ...], wire: Mapping[str, PropertyValue]) -> Known:
    """Return the values of `properties` by Python name that are there, known, and of their declared kind."""
    found = {each: plain_or_none(wire.get(each.wire)) for each in properties}
    return {each.name: value for each, value in found.items() if value is not None and has_kind(each.kind, value)}


def plain_or_none(value: PropertyValue | None) -> Plain | None:
    """Return a value without marks, or None if it is absent, unknown or of no kind that properties have."""
    try:
        found = plain(value)
    except KindError:
        return None
    return None if found is UNKNOWN else found


def has_kind(kind: Kind, value: Plain) -> bool:
    """Tell whether a value is of a property's kind; a boolean is no integer."""
    kinds: dict[Kind, type] = {"string": str, "boolean": bool, "integer": int, "array": tuple, "object": dict}
    return type(value) is kinds[kind]


def from_config(properties: tuple[Property, ...], wire: Mapping[str, PropertyValue]) -> Wire:
    """Return configuration in its declared kinds: a stack's config hands over numbers and objects as text."""
    kinds = {each.wire: each.kind for each in properties}
    return {name: _read(each) if kinds.get(name) in {"integer", "object"} else each for name, each in wire.items()}


def _read(value: PropertyValue) -> PropertyValue:
    if not isinstance(value.value, str):
        return value
    try:
        found: object = json.loads(value.value)
    except ValueError:
        return value
    if type(found) is int:
        return PropertyValue(float(found))
    names = cast("dict[str, object]", found) if isinstance(found, dict) else {}
    texts = {name: PropertyValue(each) for name, each in names.items() if isinstance(each, str)}
    return PropertyValue(texts) if texts and len(texts) == len(names) else value
