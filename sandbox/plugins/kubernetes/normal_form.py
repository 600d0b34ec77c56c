"""Inputs in the one form that equal inputs share: what the API server would hand back of them (pure).

The server leaves out what is as good as not there (an empty list, a flag that is false), writes amounts its own way
and keeps no text of a Secret. Inputs that differed from that would look changed for ever.
"""

from __future__ import annotations

import base64
from typing import cast

from sandbox.plugins.kubernetes.objects import Object
from sandbox.plugins.kubernetes.quantities import canonical
from sandbox.plugins.values import Value, contains_unknown

_READ_ONLY = (
    *("creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp", "generation", "managedFields"),
    *("resourceVersion", "uid"),
)
_MAPS = frozenset({"annotations", "data", "labels", "limits", "matchLabels", "nodeSelector", "overhead", "requests"})
"""Fields whose keys are the user's: left out when empty, their values kept as they are."""
_AMOUNTS = frozenset({"limits", "requests", "overhead"})
_FALSE_IS_ABSENT = frozenset({"hostIPC", "hostNetwork", "hostPID", "readOnly", "stdin", "stdinOnce", "tty"})
_ZERO_IS_ABSENT = frozenset(
    {"failureThreshold", "hostPort", "initialDelaySeconds", "periodSeconds", "successThreshold", "timeoutSeconds"}
)


def normal_form(inputs: Object) -> Object:
    """Return inputs in their normal form; while any value is unknown only read-only fields are taken away."""
    result = {**inputs}
    if not contains_unknown(cast("Value", inputs)):
        result = cast("Object", _cleaned(result))
        if result.get("kind") == "Secret" and "stringData" in result:
            text = cast("dict[str, str]", result.pop("stringData"))
            encoded = {key: base64.b64encode(value.encode()).decode() for key, value in text.items()}
            result["data"] = {**cast("Object", result.get("data") or {}), **encoded}
    found = result.get("metadata")
    if isinstance(found, dict):
        fields = cast("Object", found)
        result["metadata"] = {key: value for key, value in fields.items() if key not in _READ_ONLY}
    return result


def _cleaned(value: object) -> object:
    if isinstance(value, list):
        return [_cleaned(each) for each in cast("list[object]", value)]
    if not isinstance(value, dict):
        return value
    result: Object = {}
    for key, each in cast("Object", value).items():
        if _absent(key, each):
            continue
        if key in _AMOUNTS and isinstance(each, dict):
            amounts = cast("dict[str, str | float]", each)
            result[key] = {name: canonical(amount) for name, amount in amounts.items()}
        elif key == "sizeLimit":
            result[key] = canonical(cast("str | float", each))
        else:
            result[key] = each if key in _MAPS or key == "stringData" else _cleaned(each)
    return result


def _absent(key: str, value: object) -> bool:
    if isinstance(value, bool):
        return not value and key in _FALSE_IS_ABSENT
    if isinstance(value, int | float):
        return value == 0 and key in _ZERO_IS_ABSENT
    if isinstance(value, list):
        return not value and key != "containers"
    if isinstance(value, dict):
        return not value and key in _MAPS
    return value is None or (isinstance(value, str) and not value)
