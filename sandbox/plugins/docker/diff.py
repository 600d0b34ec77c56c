"""What changed between an Image's old and new inputs, as the official plugin tells it: by top-level property."""

from __future__ import annotations

from pulumi.runtime.proto import provider_pb2

from sandbox.plugins.values import Properties, Value, plain

_CREDENTIALS = ("registry", "registryAuth")
"""A new user name or password is no new image: of these, only another server counts."""


def old_inputs(state: Properties) -> Properties:
    """Return the inputs that an Image's state was made from."""
    kept = plain(state.get("__inputs"))
    return kept if isinstance(kept, dict) else state


def changes(olds: Properties, news: Properties) -> provider_pb2.DiffResponse:
    """Return the answer to Diff. An Image is never replaced: whatever changes, it is built and pushed again."""
    kinds: dict[str, provider_pb2.PropertyDiff.Kind.ValueType] = {}
    for name in sorted(olds.keys() | news.keys()):
        if name not in olds:
            kinds[name] = provider_pb2.PropertyDiff.ADD
        elif name not in news:
            kinds[name] = provider_pb2.PropertyDiff.DELETE
        elif olds[name] != news[name] and (name not in _CREDENTIALS or _server_moved(olds[name], news[name])):
            kinds[name] = provider_pb2.PropertyDiff.UPDATE
    if not kinds:
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)
    return provider_pb2.DiffResponse(
        changes=provider_pb2.DiffResponse.DIFF_SOME,
        detailedDiff={name: provider_pb2.PropertyDiff(kind=kind) for name, kind in kinds.items()},
        hasDetailedDiff=True,
    )


def _server_moved(old: Value, new: Value) -> bool:
    if not isinstance(old, dict) or not isinstance(new, dict):
        return False
    return any(each in old and each in new and old[each] != new[each] for each in ("server", "address"))
