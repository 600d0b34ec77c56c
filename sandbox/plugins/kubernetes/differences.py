"""What changes between an object as it is and the inputs it should have, property by property (pure).

An update is of the one thing that really changed: inside lists too, element by element. A change in one of the
kind's replacing fields, or in anything below or above one, makes a new object.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TypeAlias, cast

from pulumi.runtime.proto import provider_pb2

from sandbox.plugins.kubernetes.kinds import FieldPath
from sandbox.plugins.kubernetes.objects import Object
from sandbox.plugins.values import Unknown

Path: TypeAlias = tuple[str | int, ...]
Change: TypeAlias = provider_pb2.PropertyDiff

_ADD = provider_pb2.PropertyDiff.ADD
_DELETE = provider_pb2.PropertyDiff.DELETE
_UPDATE = provider_pb2.PropertyDiff.UPDATE
_REPLACING = {
    _ADD: provider_pb2.PropertyDiff.ADD_REPLACE,
    _DELETE: provider_pb2.PropertyDiff.DELETE_REPLACE,
    _UPDATE: provider_pb2.PropertyDiff.UPDATE_REPLACE,
}
_PART = re.compile(r'\.?([^.\[\]"]+)|\[(\d+|\*)\]|\["((?:[^"\\]|\\.)*)"\]')


def differences(
    old: Object, new: Object, replaced_by: Iterable[FieldPath], ignored: Iterable[str] = ()
) -> dict[str, Change]:
    """Return each changed property by its path, as Pulumi writes paths; `ignored` are paths of the same form."""
    found: dict[Path, provider_pb2.PropertyDiff.Kind.ValueType] = {}
    values: dict[Path, object] = {}
    _compare_maps((), old, new, found, values)
    patterns = list(replaced_by)
    skipped = [parse_path(each) for each in ignored]
    result: dict[str, Change] = {}
    for path, kind in found.items():
        if any(_covers(each, path) for each in skipped):
            continue
        replaces = any(_touches(path, values[path], pattern) for pattern in patterns)
        result[format_path(path)] = Change(kind=_REPLACING[kind] if replaces else kind, inputDiff=kind == _DELETE)
    return result


def replacing(changes: Mapping[str, Change]) -> list[str]:
    """Return the paths of the changes that make a new object."""
    kinds = set(_REPLACING.values())
    return sorted(
        path for path, each in changes.items() if each.kind in kinds or (path == "metadata" and each.kind == _DELETE)
    )


def format_path(path: Path) -> str:
    """Write a path as Pulumi does: `spec.containers[0].image`, `data[".dockerconfigjson"]`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif any(each in part for each in '."[]'):
            escaped = part.replace('"', '\\"')
            text += f'["{escaped}"]'
        else:
            text += f".{part}" if text else part
    return text


def parse_path(text: str) -> Path:
    """Read a path as Pulumi writes it; `*` stands for any element or key."""
    parts: list[str | int] = []
    for match in _PART.finditer(text):
        name, index, quoted = match.groups()
        if name is not None:
            parts.append(name)
        elif index is not None:
            parts.append(index if index == "*" else int(index))
        else:
            parts.append(quoted.replace('\\"', '"'))
    return tuple(parts)


def _compare_maps(
    path: Path,
    old: Object,
    new: Object,
    found: dict[Path, provider_pb2.PropertyDiff.Kind.ValueType],
    values: dict[Path, object],
) -> None:
    for key in sorted(old.keys() | new.keys()):
        here = (*path, key)
        if key not in new:
            found[here], values[here] = _DELETE, None
        elif key not in old:
            found[here], values[here] = _ADD, new[key]
        else:
            _compare(here, old[key], new[key], found, values)


def _compare(
    path: Path,
    old: object,
    new: object,
    found: dict[Path, provider_pb2.PropertyDiff.Kind.ValueType],
    values: dict[Path, object],
) -> None:
    if isinstance(old, dict) and isinstance(new, dict):
        _compare_maps(path, cast("Object", old), cast("Object", new), found, values)
    elif isinstance(old, list) and isinstance(new, list):
        # A list is a map of its places here: longer is an addition, shorter a deletion at the end.
        before = cast("list[object]", old)
        after = cast("list[object]", new)
        for place in range(max(len(before), len(after))):
            here = (*path, place)
            if place >= len(after):
                found[here], values[here] = _DELETE, None
            elif place >= len(before):
                found[here], values[here] = _ADD, after[place]
            else:
                _compare(here, before[place], after[place], found, values)
    elif isinstance(new, Unknown) or old != new or isinstance(old, bool) != isinstance(new, bool):
        found[path], values[path] = _UPDATE, new


def _touches(path: Path, value: object, pattern: FieldPath) -> bool:
    """Tell whether a change at `path` to `value` reaches the field: the field itself, below it, or above with it in."""
    for depth, part in enumerate(pattern):
        if depth == len(path):
            return _has(value, pattern[depth:])
        step = path[depth]
        if not (isinstance(step, int) if part == "*" else part == step):
            return False
    return True


def _has(value: object, rest: FieldPath) -> bool:
    if not rest:
        return True
    if rest[0] == "*":
        return isinstance(value, list) and any(_has(each, rest[1:]) for each in cast("list[object]", value))
    return isinstance(value, dict) and rest[0] in value and _has(cast("Object", value)[rest[0]], rest[1:])


def _covers(ignored: Path, path: Path) -> bool:
    return len(ignored) <= len(path) and all(mine in {"*", part} for mine, part in zip(ignored, path, strict=False))
