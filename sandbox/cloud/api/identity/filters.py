"""The `filter` of IAM Identity's lists: comparisons such as `name co "x"`, joined by `and`."""

from __future__ import annotations

import re
from collections.abc import Mapping

from sqlalchemy import ColumnElement, and_
from sqlalchemy.orm import InstrumentedAttribute

from sandbox.cloud.errors.base import MalformedError, NotImplementedYetError

Columns = Mapping[str, InstrumentedAttribute[str] | InstrumentedAttribute[str | None]]

_COMPARISON = re.compile(r'\s*(\w+)\s+(\w+)\s+"((?:[^"\\]|\\.)*)"\s*')
_AND = re.compile(r"and\b", re.IGNORECASE)


def condition(text: str, columns: Columns) -> ColumnElement[bool]:
    """Translate a filter; `columns` maps the attributes that it may name to those of the table.

    Raises:
        MalformedError: it is no filter.
        NotImplementedYetError: it uses an attribute or an operator that the stand-in lacks.

    """
    found: list[ColumnElement[bool]] = []
    at = 0
    while True:
        match = _COMPARISON.match(text, at)
        if match is None:
            raise MalformedError('filter must be comparisons such as name co "x", joined by and')
        found.append(_comparison(match, columns))
        if match.end() == len(text):
            return and_(*found)
        joined = _AND.match(text, match.end())
        if joined is None:
            raise NotImplementedYetError(f"a filter that goes on with {text[match.end() : match.end() + 10]!r}")
        at = joined.end()


def _comparison(match: re.Match[str], columns: Columns) -> ColumnElement[bool]:
    name, operator, value = match[1], match[2].lower(), re.sub(r"\\(.)", r"\1", match[3])
    column = columns.get(name)
    if column is None:
        raise NotImplementedYetError(f"a filter on {name}")
    if operator == "eq":
        return column == value
    if operator == "co":
        return column.contains(value, autoescape=True)
    if operator == "sw":
        return column.startswith(value, autoescape=True)
    raise NotImplementedYetError(f"the filter operator {operator}")
