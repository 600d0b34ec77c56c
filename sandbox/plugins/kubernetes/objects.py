"""What Pulumi's state holds of a Kubernetes object: pruning to the inputs' shape, secrets, the checkpoint (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias, cast

from sandbox.plugins.values import Properties, Secret, Value, contains_secret, plain

Object: TypeAlias = dict[str, Any]
"""A Kubernetes object as JSON has it; in inputs an `Unknown` may stand for a value."""

AUTONAMED = "pulumi.com/autonamed"
FIELD_MANAGER = "pulumi.com/patchFieldManager"
PATCH_FORCE = "pulumi.com/patchForce"
SKIP_AWAIT = "pulumi.com/skipAwait"
TIMEOUT_SECONDS = "pulumi.com/timeoutSeconds"
NOT_HEEDED = ("pulumi.com/waitFor", "pulumi.com/replaceUnready")
"""Annotations that only the official plugin heeds."""
DELETION_PROPAGATION = "pulumi.com/deletionPropagationPolicy"

_SERVER_ANNOTATIONS = ("deployment.kubernetes.io/revision", "kubectl.kubernetes.io/last-applied-configuration")


def as_object(properties: Mapping[str, Value]) -> Object:
    """Return properties as a Kubernetes object: the same values with nothing marked secret."""
    return cast("Object", plain(dict(properties)))


def metadata(body: Object) -> Object:
    """Return the object's metadata, or nothing where it has none or it is not known yet."""
    found = body.get("metadata")
    return cast("Object", found) if isinstance(found, dict) else {}


def name_of(body: Object) -> str:
    """Return the object's name; empty where it has none or it is not known yet."""
    return _text(metadata(body), "name")


def namespace_of(body: Object) -> str:
    """Return the object's namespace; empty where it has none or it is not known yet."""
    return _text(metadata(body), "namespace")


def annotation(body: Object, key: str) -> str:
    """Return an annotation's value, or nothing."""
    annotations = metadata(body).get("annotations")
    return _text(cast("Object", annotations), key) if isinstance(annotations, dict) else ""


def set_metadata(body: Object, key: str, value: object) -> None:
    """Set one field of the metadata; a value of None takes it away."""
    fields = metadata(body)
    if value is None:
        fields.pop(key, None)
    else:
        body["metadata"] = {**fields, key: value}


def mark_autonamed(body: Object, name: str) -> None:
    """Give the object a name that nobody chose, with the mark that says so."""
    set_metadata(body, "name", name)
    annotations = cast("Object", metadata(body).get("annotations") or {})
    set_metadata(body, "annotations", {**annotations, AUTONAMED: "true"})


def identity(body: Object) -> str:
    """Return Pulumi's id of the object: `namespace/name`, or the name alone outside namespaces."""
    namespace = namespace_of(body)
    return f"{namespace}/{name_of(body)}" if namespace else name_of(body)


def parse_identity(resource_id: str) -> tuple[str, str]:
    """Return namespace (may be empty) and name out of an id."""
    namespace, _, name = resource_id.rpartition("/")
    return namespace, name


def prune(source: Object, shape: Object) -> Object:
    """Return of `source` only what has a counterpart in `shape`, at every depth."""
    return {key: _prune_value(value, shape[key]) for key, value in source.items() if key in shape}


def without_server_annotations(body: Object) -> Object:
    """Return an object without the annotations that controllers and `kubectl apply` write for themselves."""
    annotations = metadata(body).get("annotations")
    if isinstance(annotations, dict):
        kept = {key: each for key, each in cast("Object", annotations).items() if key not in _SERVER_ANNOTATIONS}
        set_metadata(body, "annotations", kept or None)
    return body


def with_secrets(body: Object, marked: Mapping[str, Value]) -> Properties:
    """Return the object's properties, secret where those of `marked` are; a Secret's content always is."""
    result = cast("Properties", dict(body))
    if body.get("kind") == "Secret":
        for key in ("data", "stringData"):
            if key in result:
                result[key] = Secret(result[key])
        return result
    for key, mark in marked.items():
        if key not in result:
            continue
        value = result[key]
        if isinstance(value, dict) and isinstance(mark, dict):
            result[key] = with_secrets(cast("Object", value), mark)
        elif contains_secret(mark):
            result[key] = Secret(value)
    return result


def checkpoint(
    inputs: Object, live: Object, marked: Mapping[str, Value], initial_api_version: str, field_manager: str
) -> Properties:
    """Return what the state keeps of a resource: the live object, and beside it what later calls need."""
    return {
        **with_secrets(live, marked),
        "__inputs": with_secrets(inputs, marked),
        "__initialApiVersion": initial_api_version,
        "__fieldManager": field_manager,
    }


def parse_checkpoint(state: Mapping[str, Value]) -> tuple[Object, Object]:
    """Return inputs and live object out of a state."""
    live = as_object(state)
    inputs = live.pop("__inputs", None)
    return (cast("Object", inputs) if isinstance(inputs, dict) else {}), live


def _prune_value(value: object, shape: object) -> object:
    if isinstance(value, dict) and isinstance(shape, dict):
        return prune(cast("Object", value), cast("Object", shape))
    if isinstance(value, list) and isinstance(shape, list):
        return _prune_list(cast("list[object]", value), cast("list[object]", shape))
    return cast("object", value)


def _prune_list(source: list[object], shape: list[object]) -> list[object]:
    if source and shape and type(source[0]) is not type(shape[0]):
        return source
    return [_prune_value(value, part) for value, part in zip(source, shape, strict=False)]


def _text(fields: Object, key: str) -> str:
    value = fields.get(key)
    return value if isinstance(value, str) else ""
