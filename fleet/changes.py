"""What an operation changes, from the engine's own events: resources, properties, counts, errors. Secrets stay out."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from pulumi.automation import EngineEvent, OpType
from pulumi.automation.events import DiagnosticEvent, PolicyEvent, StepEventMetadata, StepEventStateMetadata

SIGNATURE = "4dabf18193072939515e22adb298388d"
"""Key of an object that stands for a special value on Pulumi's wire, such as a secret."""
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""Stands for a value that only an update can tell."""
SECRET = "[secret]"  # noqa: S105  # what is shown in its place
COUNTED = {
    OpType.CREATE: "create",
    OpType.IMPORT: "create",
    OpType.UPDATE: "update",
    OpType.REPLACE: "replace",
    OpType.DELETE: "delete",
}
"""What counts as a change. The halves of a replacement are no changes of their own, a read changes nothing."""
SIGNS = {"create": "+", "update": "~", "replace": "±", "delete": "-"}
_COLOR = re.compile(r"<\{%[^%]*%\}>|\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Property:
    """One input that changes: None is what isn't there; values are JSON, secrets and unknowns are words."""

    path: str
    old: str | None
    new: str | None


@dataclass(frozen=True)
class Change:
    """One resource that changes, and what of it; `operation` is create, update, replace or delete."""

    operation: str
    type: str
    name: str
    properties: Sequence[Property]


@dataclass
class Changes:
    """Collects an operation's events; may be called from several threads, one event at a time."""

    by_urn: dict[str, Change] = field(default_factory=dict[str, Change])
    errors: list[str] = field(default_factory=list[str])
    warnings: list[str] = field(default_factory=list[str])
    resources: int = 0
    """How many resources the engine has looked at."""

    def __call__(self, event: EngineEvent) -> None:
        """Take one event."""
        if event.resource_pre_event:
            self.resources += 1
            self._step(event.resource_pre_event.metadata)
        elif event.res_outputs_event:
            self._step(event.res_outputs_event.metadata)  # a refresh knows only afterwards what it changes
        elif event.diagnostic_event:
            self._diagnosis(event.diagnostic_event)
        elif event.policy_event:
            self._policy(event.policy_event)

    @property
    def counts(self) -> dict[str, int]:
        """Number of resources by kind of change."""
        counted = Counter(change.operation for change in self.by_urn.values())
        return {operation: counted[operation] for operation in SIGNS}

    @property
    def total(self) -> int:
        """Number of resources that change."""
        return len(self.by_urn)

    def _step(self, step: StepEventMetadata) -> None:
        operation = COUNTED.get(step.op)
        if operation and step.urn not in self.by_urn:
            name = step.urn.rpartition("::")[2]
            self.by_urn[step.urn] = Change(operation, step.type, name, [*_properties(step)])

    def _diagnosis(self, event: DiagnosticEvent) -> None:
        text = plain(event.message).strip()
        if event.ephemeral or not text:
            return
        name = (event.urn or "").rpartition("::")[2]
        kept = {"error": self.errors, "warning": self.warnings}.get(event.severity)
        if kept is not None:
            line = f"{name}: {text}" if name else text
            kept += [line] if line not in kept else []

    def _policy(self, event: PolicyEvent) -> None:
        about = (event.resource_urn or "").rpartition("::")[2]
        text = f"policy {event.policy_name}, {about}: {plain(event.message).strip()}"
        kept = self.errors if event.enforcement_level == "mandatory" else self.warnings
        kept += [text] if text not in kept else []


def plain(text: str) -> str:
    """Return the engine's text without its marks for color."""
    return _COLOR.sub("", text)


def shown(value: object) -> str:
    """Return a value as it may be shown: as JSON, secrets at any depth as a word."""
    return json.dumps(_shown(value), ensure_ascii=False) if not isinstance(value, str) else str(_shown(value))


def _shown(value: object) -> object:
    if value == UNKNOWN:
        return "(known after up)"
    if isinstance(value, dict):
        items = cast("Mapping[str, object]", value)
        return SECRET if SIGNATURE in items else {key: _shown(each) for key, each in items.items()}
    if isinstance(value, list):
        return [_shown(each) for each in cast("Sequence[object]", value)]
    return value


def _properties(step: StepEventMetadata) -> Iterator[Property]:
    old, new = _inputs(step.old), _inputs(step.new)
    if step.op in {OpType.CREATE, OpType.IMPORT}:
        paths = [path for path in new if not path.startswith("__")]
    elif step.op == OpType.DELETE:
        paths = []
    else:
        paths = [*(step.detailed_diff or {})] or [*(step.diffs or ())]
    for path in paths:
        before, after = _at(old, path), _at(new, path)
        if before == after:  # drift shows in what was read, not in what was asked for
            before, after = _at(_outputs(step.old), path), _at(_outputs(step.new), path)
        yield Property(path, None if before is _ABSENT else shown(before), None if after is _ABSENT else shown(after))


def _inputs(state: StepEventStateMetadata | None) -> Mapping[str, object]:
    return cast("Mapping[str, object]", (state.inputs if state else None) or {})


def _outputs(state: StepEventStateMetadata | None) -> Mapping[str, object]:
    return cast("Mapping[str, object]", (state.outputs if state else None) or {})


_ABSENT = object()


def _at(value: object, path: str) -> object:
    """Return what is at a path as the engine writes it (`a.b[0]["c.d"]`); a secret that holds it, or _ABSENT."""
    for key, index in re.findall(r'\["?([^"\]]+)"?\]|([^.\[\]]+)', path):
        if isinstance(value, dict):
            items = cast("Mapping[str, object]", value)
            if SIGNATURE in items:
                return items
            value = items.get(key or index, _ABSENT)
        elif isinstance(value, list) and (key or index).isdigit():
            listed = cast("Sequence[object]", value)
            value = listed[int(key or index)] if int(key or index) < len(listed) else _ABSENT
        else:
            return _ABSENT
    return value
