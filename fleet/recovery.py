"""After a killed update: what the state doesn't know the end of is asked from the cluster, never guessed.

An object that the killed update made, as its mark tells, is taken into the state; one that is absent is made by the
next update; somebody else's is refused by name. What IBM Cloud may hold needs nothing here: ibm-native finds its own.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from base.errors import SandboxError
from components.names import MARK, mark
from fleet.kubectl import Cluster, cluster_of
from fleet.locks import wait_for_other_updates
from fleet.stack import Stack, said

NAME_KEYS = {"Secret": "pullSecretName", "ServiceAccount": "serviceAccountName", "Pod": "podName"}
"""Kind of object to the config key that names it."""


@dataclass(frozen=True)
class Found:
    """An object in the cluster that a pending creation may have made."""

    resource: Mapping[str, Any]
    """The creation as the state has it: URN, type, provider and inputs, without an id."""
    kind: str
    namespace: str
    name: str
    owner: str | None
    """What its mark says; None if it has none."""


def recover(stack: Stack) -> None:
    """Clear up after an update that was killed: its lock, and creations of which the state doesn't know the end.

    Waits for another update that runs. Raises SandboxError as `finish` does.
    """
    wait_for_other_updates(stack)
    finish(stack, stack.export())


def finish(stack: Stack, state: dict[str, object]) -> None:
    """Find out what became of the operations that `state`, as exported just now, doesn't know the end of.

    Raises SandboxError, with nothing changed, if an object that was to be made is somebody else's or the cluster can't
    be asked; and if the refresh at the end fails.
    """
    deployment = cast("dict[str, Any]", state["deployment"])
    pending = cast("list[dict[str, Any]]", deployment.get("pending_operations") or [])
    if not pending:
        return
    made = _made([each["resource"] for each in pending if each["type"] == "creating"], stack)
    if made:
        deployment["resources"] = with_made(deployment["resources"], made)
        stack.replace_state(state)
    from pulumi.automation import CommandError  # noqa: PLC0415 - half a second, which most runs do without

    try:
        stack.refresh()
    except CommandError as error:
        raise SandboxError(
            f"stack {stack.name} can't be brought up to date after an update that was killed: {said(error)}",
            "mend what is said there, then run the same command again",
        ) from None


def go_on(stack: Stack) -> int:
    """Recover, as a command; returns the exit status."""
    recover(stack)
    return 0


def _made(creating: Sequence[Mapping[str, Any]], stack: Stack) -> list[Found]:
    """Return what this stack made; raises SandboxError if an object is somebody else's."""
    objects = [each for each in creating if each["type"].startswith("kubernetes:")]
    if not objects:
        return []
    cluster = cluster_of(stack)
    found = [each for each in (_look(cluster, resource) for resource in objects) if each]
    foreign = [each for each in found if each.owner != _mark_of(each.resource)]
    if foreign:
        raise SandboxError(*refusal(foreign, stack.name, cluster.chosen[1]))
    return found


def _look(cluster: Cluster, resource: Mapping[str, Any]) -> Found | None:
    group, _, kind = str(resource["type"]).removeprefix("kubernetes:").rpartition(":")
    group, _, version = group.rpartition("/")
    metadata = resource["inputs"]["metadata"]
    namespace = metadata.get("namespace", "default")
    full_kind = kind if group == "core" else f"{kind}.{version}.{group}"
    live = cluster.metadata(full_kind, namespace, metadata["name"])
    if live is None:
        return None
    return Found(resource, kind, namespace, metadata["name"], live.get("annotations", {}).get(MARK))


def _mark_of(resource: Mapping[str, Any]) -> str:
    _, _, stack, _, project, *_ = str(resource["urn"]).split(":")
    return mark(project, stack)


def refusal(foreign: Sequence[Found], stack: str, context: str) -> tuple[str, str]:
    """Return what is wrong and what mends it, for objects that exist already and aren't this stack's."""
    whose = [
        f"{each.kind} {each.namespace}/{each.name}: "
        + (f"stack {each.owner} made it" if each.owner else "it has no stack's mark")
        for each in foreign
    ]
    chosen = f"--context {shlex.quote(context)} " if context else ""
    mends = [
        f"pulumi config set --plaintext {NAME_KEYS[each.kind]} ANOTHER-NAME --stack {stack}   or, if nobody needs it:"
        f"\n    kubectl {chosen}delete {each.kind.lower()} {each.name} --namespace {each.namespace}"
        for each in foreign
    ]
    return "\n  ".join(["what the stack was to make exists already, and isn't its own:", *whose]), "\n    ".join(mends)


def with_made(resources: Sequence[Mapping[str, Any]], made: Sequence[Found]) -> list[Mapping[str, Any]]:
    """Return the state's resources with those that were made, as the engine writes them when a creation ends.

    A resource that the creation replaces is gone if it was deleted first, and is to be deleted if not. Outputs are
    read by the next refresh, or before the next update if that doesn't come to an end either.
    """
    added = {str(each.resource["urn"]): each for each in made}
    kept: list[Mapping[str, Any]] = []
    for resource in resources:
        if resource["urn"] not in added:
            kept.append(resource)
        elif not resource.get("pendingReplacement"):
            kept.append({**resource, "delete": True})
    new = [
        {**each.resource, "custom": True, "id": f"{each.namespace}/{each.name}", "refreshBeforeUpdate": True}
        for each in added.values()
    ]
    return [*kept, *new]
