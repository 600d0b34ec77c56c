"""The `filter` of IAM Identity's lists: comparisons such as `name co "x"`, joined by `and`."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Protocol

from sandbox.cloud.errors.base import MalformedError, NotImplementedYetError


class Named(Protocol):
    """What a filter looks at."""

    name: str
    description: str | None


_COMPARISON = re.compile(r'\s*(\w+)\s+(\w+)\s+"((?:[^"\\]|\\.)*)"\s*')
_AND = re.compile(r"and\b", re.IGNORECASE)


def condition(text: str) -> Callable[[Named], bool]:
    """Translate a filter.

    Raises:
        MalformedError: it is no filter.
        NotImplementedYetError: it uses an attribute or an operator that the stand-in lacks.

    """
    found: list[Callable[[Named], bool]] = []
    at = 0
    while True:
        match = _COMPARISON.match(text, at)
        if match is None:
            raise MalformedError('filter must be comparisons such as name co "x", joined by and')
        found.append(_comparison(match))
        if match.end() == len(text):
            return lambda row: all(holds(row) for holds in found)
        joined = _AND.match(text, match.end())
        if joined is None:
            raise NotImplementedYetError(f"a filter that goes on with {text[match.end() : match.end() + 10]!r}")
        at = joined.end()


def _comparison(match: re.Match[str]) -> Callable[[Named], bool]:
    name, operator, value = match[1], match[2].lower(), re.sub(r"\\(.)", r"\1", match[3])
    if name not in ("name", "description"):
        raise NotImplementedYetError(f"a filter on {name}")
    if operator == "eq":
        return lambda row: getattr(row, name) == value
    if operator == "co":
        return lambda row: value.lower() in (getattr(row, name) or "").lower()
    if operator == "sw":
        return lambda row: (getattr(row, name) or "").lower().startswith(value.lower())
    raise NotImplementedYetError(f"the filter operator {operator}")
