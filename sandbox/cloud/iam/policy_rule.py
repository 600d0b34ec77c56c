"""A policy's rule: conditions on the time or on the resource, beside the resource's attributes. Pure.

Source: the text of IBM's SDK for policies, which gives the operators, keys and patterns; and IBM's docs on conditions
(at most 10, two levels deep).
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta, timezone
from typing import Any, cast

from sandbox.cloud.errors.base import MalformedError
from sandbox.cloud.iam.authz import Condition

ONCE, ALL_DAY, CUSTOM_HOURS = (
    f"time-based-conditions:{kind}" for kind in ("once", "weekly:all-day", "weekly:custom-hours")
)
ATTRIBUTES = "attribute-based-condition:resource:literal-and-wildcard"
PATTERNS = (ONCE, ALL_DAY, CUSTOM_HOURS, ATTRIBUTES)

CONDITIONS = 10
LEVELS = 2

Holds = Callable[[Mapping[str, str], datetime], bool]
"""Whether a rule allows access to the resource with these attributes at this time."""

_KEY = re.compile(r"\{\{(environment|resource)\.attributes\.(\w+)\}\}")
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "LessThan": operator.lt,
    "LessThanOrEquals": operator.le,
    "GreaterThan": operator.gt,
    "GreaterThanOrEquals": operator.ge,
}
_STRINGS = ("stringEquals", "stringMatch", "stringExists", "stringEqualsAnyOf", "stringMatchAnyOf")
_DAY = re.compile(r"([1-7])([+-]\d\d):(\d\d)")
_DATE = re.compile(r"(\d{4}-\d\d-\d\d)([+-]\d\d):(\d\d)")


def compile_rule(pattern: str | None, rule: Mapping[str, object] | None) -> Holds | None:
    """Return what judges a policy's rule; None for a policy without one.

    Raises:
        MalformedError: pattern and rule don't go together, or one of them is not legal.

    """
    if pattern is None and rule is None:
        return None
    if pattern is None or rule is None:
        raise MalformedError("a rule needs the pattern that it follows, and a pattern its rule")
    if pattern not in PATTERNS:
        raise MalformedError(f"pattern must be one of {', '.join(PATTERNS)}")
    count = _count(rule)
    if count > CONDITIONS:
        raise MalformedError(f"a rule has at most {CONDITIONS} conditions, not {count}")
    return _compile(rule, 1, in_time=pattern != ATTRIBUTES)


def _count(rule: Mapping[str, object]) -> int:
    conditions = rule.get("conditions")
    return sum(_count(each) for each in _mappings(conditions)) if conditions is not None else 1


def _compile(rule: Mapping[str, object], level: int, *, in_time: bool) -> Holds:
    if "conditions" not in rule:
        return _condition(rule, in_time=in_time)
    if level > LEVELS:
        raise MalformedError(f"the conditions of a rule are at most {LEVELS} levels deep")
    combine = {"and": all, "or": any}.get(str(rule.get("operator")))
    parts = [_compile(each, level + 1, in_time=in_time) for each in _mappings(rule["conditions"])]
    if combine is None or not parts:
        raise MalformedError("conditions must be joined by the operator 'and' or 'or', and there must be some")
    return lambda target, now: combine(part(target, now) for part in parts)


def _condition(rule: Mapping[str, object], *, in_time: bool) -> Holds:
    name, value = rule.get("operator"), rule.get("value")
    key = _KEY.fullmatch(str(rule.get("key")))
    values = tuple(cast("list[object]", value)) if isinstance(value, list) else (value,)
    if key is None or not isinstance(name, str) or not all(isinstance(each, (str, bool)) for each in values):
        raise MalformedError("a rule's condition has a key such as {{resource.attributes.x}}, an operator and a value")
    if not in_time:
        return _on_attribute(key[2], name, values)
    if key[1] != "environment":
        raise MalformedError("a time-based rule is about {{environment.attributes.…}}")
    try:
        return _on_time(key[2], name, [str(each) for each in values])
    except ValueError as error:
        raise MalformedError(f"the value of {key[2]} can't be read: {error}") from error


def _on_attribute(key: str, name: str, values: tuple[object, ...]) -> Holds:
    if name not in _STRINGS:
        raise MalformedError(f"the operator of {key} must be one of {', '.join(_STRINGS)}")
    condition = Condition(
        key, name, tuple(str(each).lower() if isinstance(each, bool) else str(each) for each in values)
    )
    return lambda target, _: condition.holds(target.get(key))


def _on_time(key: str, name: str, values: list[str]) -> Holds:
    if key == "day_of_week" and name in ("dayOfWeekEquals", "dayOfWeekAnyOf"):
        days = [_day(each) for each in values]
        return lambda _, now: any(now.astimezone(zone).isoweekday() == day for day, zone in days)
    kinds: dict[str, tuple[str, Callable[[str, str], Holds]]] = {
        "current_time": ("time", _at_time),
        "current_date": ("date", _on_date),
        "current_date_time": ("dateTime", _at_moment),
    }
    prefix, make = kinds.get(key, ("", _at_time))
    comparison = name.removeprefix(prefix)
    if not prefix or not name.startswith(prefix) or comparison not in _COMPARE or len(values) != 1:
        raise MalformedError(f"{key} has no operator {name} for such a value")
    return make(comparison, values[0])


def _at_time(comparison: str, value: str) -> Holds:
    wanted = time.fromisoformat(value)
    if wanted.tzinfo is None:
        raise ValueError(value)
    return lambda _, now: _COMPARE[comparison](now.astimezone(wanted.tzinfo).time(), wanted.replace(tzinfo=None))


def _on_date(comparison: str, value: str) -> Holds:
    match = _DATE.fullmatch(value)
    if match is None:
        raise ValueError(value)
    wanted, zone = date.fromisoformat(match[1]), _zone(match[2], match[3])
    return lambda _, now: _COMPARE[comparison](now.astimezone(zone).date(), wanted)


def _at_moment(comparison: str, value: str) -> Holds:
    wanted = datetime.fromisoformat(value)
    if wanted.tzinfo is None:
        raise ValueError(value)
    return lambda _, now: _COMPARE[comparison](now, wanted)


def _day(value: str) -> tuple[int, timezone]:
    match = _DAY.fullmatch(value)
    if match is None:
        raise ValueError(value)
    return int(match[1]), _zone(match[2], match[3])


def _zone(hours: str, minutes: str) -> timezone:
    sign = -1 if hours.startswith("-") else 1
    return timezone(sign * timedelta(hours=abs(int(hours)), minutes=int(minutes)))


def _mappings(value: object) -> list[Mapping[str, object]]:
    found = cast("list[object]", value) if isinstance(value, list) else []
    if not found or not all(isinstance(each, dict) for each in found):
        raise MalformedError("the conditions of a rule are a list of objects")
    return cast("list[Mapping[str, object]]", found)
