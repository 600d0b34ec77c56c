"""A table of the store as a class: its rows, and how their fields are kept in columns."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, ClassVar

import msgspec

_TYPES = {"str": "VARCHAR", "int": "INTEGER", "bool": "BOOLEAN", "list": "JSON", "dict": "JSON"}


class Row(msgspec.Struct, kw_only=True, eq=False):
    """A row of a table; its fields are the columns, and times are whole milliseconds since 1970.

    A field of type `int | None` that is the whole key is numbered when the row is stored.
    """

    table: ClassVar[str] = ""
    """The table's name; empty in what tables have in common."""
    key: ClassVar[tuple[str, ...]] = ("id",)
    indexes: ClassVar[tuple[str, ...]] = ()
    """The columns that are looked up by."""
    unique: ClassVar[tuple[str, ...]] = ()

    def __repr__(self) -> str:
        """Tell which row it is; never what is in it, which may be secret."""
        return f"{type(self).__name__}{key_of(self)}"


class Owned(Row):
    """A row of one account, with an id of its own."""

    indexes = ("account_id",)
    id: str
    account_id: str


def tables(parent: type[Row] = Row) -> Iterator[type[Row]]:
    """Yield all tables that modules have declared."""
    for each in parent.__subclasses__():
        yield from tables(each)
        if each.table:
            yield each


@cache
def columns(table: type[Row]) -> dict[str, str]:
    """Return a table's columns with their types, read off the annotations, which are texts."""
    told: dict[str, str] = {}
    for each in reversed(table.__mro__):
        told |= inspect.get_annotations(each)
    found: dict[str, str] = {}
    for name in table.__struct_fields__:
        kind, _, none = told[name].partition(" | ")
        found[name] = _TYPES[kind.partition("[")[0]] + ("" if none else " NOT NULL")
    return found


def declared(table: type[Row], column: str, kind: str) -> str:
    """Declare a column that is added to a table with rows: they get the field's default."""
    field = next(each for each in msgspec.structs.fields(table) if each.name == column)
    default = field.default if field.default is not msgspec.NODEFAULT else None
    if field.default_factory is not msgspec.NODEFAULT:
        default = msgspec.json.encode(field.default_factory()).decode()
    literal = int(default) if isinstance(default, int) else f"'{default}'"
    return f"{column} {kind}" + ("" if default is None else f" DEFAULT {literal}")


@cache
def readers(table: type[Row]) -> tuple[Callable[[Any], object] | None, ...]:
    """Return what turns a value of each column into that of the field, where they differ."""
    kinds = (kind.partition(" ")[0] for kind in columns(table).values())
    return tuple({"BOOLEAN": bool, "JSON": msgspec.json.decode}.get(kind) for kind in kinds)


def stored(row: Row) -> tuple[Any, ...]:
    """Return the values of a row's columns."""
    values = msgspec.structs.astuple(row)
    return tuple(msgspec.json.encode(v).decode() if isinstance(v, (list, dict)) else v for v in values)


def key_of(row: Row) -> tuple[object, ...]:
    """Return the values that a row is known by in its table."""
    return tuple(getattr(row, name) for name in row.key)


def keyed(table: type[Row], key: tuple[object, ...]) -> dict[str, Any]:
    """Return a key as columns with their values."""
    return dict(zip(table.key, key, strict=True))
