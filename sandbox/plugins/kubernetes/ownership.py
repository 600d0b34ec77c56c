"""Who owns a field (`managedFields`): moving what a plain create set to the resource's own manager (pure)."""

from __future__ import annotations

from typing import cast

from sandbox.plugins.kubernetes.objects import Object, metadata

_TAKEN_OVER = (
    ("kubectl", "Apply"),
    ("kubectl", "Update"),
    ("before-first-apply", "Update"),
    ("pulumi-kubernetes", "Update"),
    ("pulumi-resource-kubernetes", "Update"),
)
"""Managers, by the start of their name, whose fields the resource takes over: `kubectl apply` and plain creates."""


def created_by_plugin(live: Object) -> bool:
    """Tell whether the object still holds fields as a plain create left them."""
    return any(
        each.get("operation") == "Update" and each.get("manager") in {"pulumi-kubernetes", "pulumi-resource-kubernetes"}
        for each in _entries(live)
    )


def takeover(live: Object, manager: str) -> list[Object]:
    """Return the JSON patch that gives `manager` those fields; empty when there is nothing to take over."""
    own: Object | None = None
    others: list[Object] = []
    taken: list[Object] = []
    for each in _entries(live):
        if each.get("manager") == manager and each.get("operation") == "Apply":
            own = each
        elif _is_taken_over(each):
            taken.append(each)
        else:
            others.append(each)
    if not taken:
        return []
    merged = own if own is not None else {**taken[0], "manager": manager, "operation": "Apply"}
    fields = cast("Object", merged.get("fieldsV1") or {})
    for each in taken:
        fields = _union(fields, cast("Object", each.get("fieldsV1") or {}))
    return [
        {"op": "replace", "path": "/metadata/managedFields", "value": [*others, {**merged, "fieldsV1": fields}]},
        {
            "op": "replace",
            "path": "/metadata/resourceVersion",
            "value": metadata(live).get("resourceVersion"),
        },
    ]


def _is_taken_over(entry: Object) -> bool:
    if entry.get("subresource"):
        return False
    name = str(entry.get("manager", ""))
    return any(name.startswith(start) and entry.get("operation") == operation for start, operation in _TAKEN_OVER)


def _entries(live: Object) -> list[Object]:
    return cast("list[Object]", metadata(live).get("managedFields") or [])


def _union(one: Object, other: Object) -> Object:
    result = {**one}
    for key, value in other.items():
        mine = result.get(key)
        both = isinstance(mine, dict) and isinstance(value, dict)
        result[key] = _union(cast("Object", mine), cast("Object", value)) if both else value
    return result
