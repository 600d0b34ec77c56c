"""What follows from a declaration alone: checking inputs and telling changes. Pure, makes no call."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.provider.experimental.provider import CheckFailure, DiffResponse, PropertyDiff, PropertyDiffKind

from ibm_native.cloud.errors import scrub
from ibm_native.model.inputs import Kind, Plain, Property
from ibm_native.model.values import UNKNOWN, KindError, Read, Wire, has_kind, is_secret, plain, to_wire

_KIND_WORDS: Mapping[Kind, str] = {
    "string": "a string",
    "boolean": "true or false",
    "integer": "a whole number",
    "array": "a list of strings",
    "object": "strings by name",
}


@dataclass(frozen=True)
class Problem:
    """One bad input: where (the wire's path), what was given, what was expected."""

    path: str
    got: str
    expected: str

    def failure(self, given: Mapping[str, PropertyValue]) -> CheckFailure:
        """Return it as Pulumi shows it.

        The engine prints the value of the property that a failure names, and can't find an item of a list: the
        failure names the whole one, and none where there is no value to print, or one that nobody may see.
        """
        name = re.split(r"[.\[]", self.path)[0]
        value = given.get(name)
        shown = name if value is not None and not value.contains_secret() else ""
        return CheckFailure(shown, scrub(f"{self.path}: got {self.got}, expected {self.expected}"))


def check(properties: Iterable[Property], given: Mapping[str, PropertyValue]) -> tuple[Wire, list[Problem]]:
    """Return the inputs with defaults filled in and secrets marked, and every problem found."""
    checked: Wire = {name: value for name, value in given.items() if name.startswith("__")}
    problems: list[Problem] = []
    declared = {each.wire: each for each in properties}
    for each in declared.values():
        value = given.get(each.wire)
        if value is None or value.value is None or value.value == "":
            if each.default is not None:
                checked[each.wire] = to_wire(each.default, secret=each.prop.secret)
            elif each.required:
                problems.append(Problem(each.wire, "nothing", _expected(each)))
            continue
        problems += _problems(each, value)
        checked[each.wire] = value.with_secret(value.is_secret or each.prop.secret)
    for name in sorted(set(given) - set(declared) - set(checked)):
        problems.append(Problem(name, "an input that doesn't exist", "only " + ", ".join(sorted(declared))))
    return checked, problems


def _problems(each: Property, value: PropertyValue) -> list[Problem]:
    shown = "[secret]" if each.prop.secret or is_secret(value) else None
    try:
        found = plain(value)
    except KindError:
        return [Problem(each.wire, shown or f"a {value.type.value.lower()}", _KIND_WORDS[each.kind])]
    if found is UNKNOWN or found is None:
        return []
    if not has_kind(each.kind, found):
        return [Problem(each.wire, shown or _shown(found), _KIND_WORDS[each.kind])]
    rule = each.prop.rule
    if isinstance(found, tuple):
        if not found:
            return [Problem(each.wire, "an empty list", "at least one item")]
        parts = [(f"{each.wire}[{index}]", item) for index, item in enumerate(found)]
    elif isinstance(found, Mapping):
        parts = [(f"{each.wire}.{name}", item) for name, item in found.items()]
    else:
        parts = [(each.wire, found)]
    complaints = [(path, part, rule(part) if rule else None) for path, part in parts]
    return [Problem(path, shown or _shown(part), expected) for path, part, expected in complaints if expected]


def _shown(value: Plain) -> str:
    return str(value).lower() if isinstance(value, bool) else repr(value)


def _expected(each: Property) -> str:
    """Say what a missing input should be: its description's first clause."""
    return each.prop.description.rstrip(".")


def diff(
    properties: Iterable[Property],
    old: Mapping[str, PropertyValue],
    new: Mapping[str, PropertyValue],
    drifted: Iterable[Property] = (),
) -> DiffResponse:
    """Return what changes between two sets of checked inputs, each property as an update or a replacement.

    A value that isn't known yet counts as changed. Quiet properties never count. `drifted` are the outputs by which a
    refresh told that the resource no longer does what it is for: they go.
    """
    details: dict[str, PropertyDiff] = {}
    replaces: list[str] = []
    for each in properties:
        before, after = plain(old.get(each.wire)), plain(new.get(each.wire))
        if each.prop.quiet or _equal(each, before, after):
            continue
        details[each.wire] = PropertyDiff(_diff_kind(before, after, replaces=each.prop.replaces), input_diff=True)
        if each.prop.replaces:
            replaces.append(each.wire)
    for each in drifted:
        details[each.wire] = PropertyDiff(_diff_kind(each.wire, None, replaces=each.prop.replaces), input_diff=False)
        if each.prop.replaces:
            replaces.append(each.wire)
    return DiffResponse(changes=bool(details), replaces=replaces, diffs=list(details), detailed_diff=details)


def _equal(each: Property, before: Read, after: Read) -> bool:
    if after is UNKNOWN or before is UNKNOWN:
        return before is None and each.prop.came_later
    if each.prop.same is not None and before is not None and after is not None:
        return each.prop.same(before, after)
    if each.prop.unordered and isinstance(before, tuple) and isinstance(after, tuple):
        return set(before) == set(after)
    return before == after


def _diff_kind(before: Read, after: Read, *, replaces: bool) -> PropertyDiffKind:
    if before is None:
        return PropertyDiffKind.ADD_REPLACE if replaces else PropertyDiffKind.ADD
    if after is None:
        return PropertyDiffKind.DELETE_REPLACE if replaces else PropertyDiffKind.DELETE
    return PropertyDiffKind.UPDATE_REPLACE if replaces else PropertyDiffKind.UPDATE
