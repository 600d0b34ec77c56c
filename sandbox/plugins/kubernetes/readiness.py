"""When a Pod or a Deployment is ready, and what keeps it from it, in the words that the official plugin uses (pure)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

from sandbox.plugins.kubernetes.objects import Object, name_of, namespace_of

_DAEMON_PREFIX = "rpc error: code = Unknown desc = Error response from daemon: "
_REGISTRY_SUFFIX = ": manifest unknown"


@dataclass(frozen=True)
class Readiness:
    """How far an object is: the steps shown so far, and the reasons why the last of them is not done."""

    ready: bool
    steps: tuple[str, ...]
    reasons: tuple[str, ...] = ()


def pod_readiness(pod: Object, _: Sequence[Object] = ()) -> Readiness:
    """Look at a live Pod: scheduled, then initialized, then ready (or run to its end)."""
    name = _shown_name(pod)
    steps: list[str] = []
    for step, check in _STEPS:
        steps.append(f'Waiting for Pod "{name}" to be {step}')
        done, reasons = check(pod)
        if not done:
            return Readiness(ready=False, steps=tuple(steps), reasons=reasons)
    return Readiness(ready=True, steps=tuple(steps))


def deployment_readiness(deployment: Object, pods: Sequence[Object]) -> Readiness:
    """Look at a live Deployment: rolled out when the controller has seen it and all of its Pods are the new ones."""
    spec, status = cast("Object", deployment.get("spec") or {}), _status(deployment)
    wanted = int(spec.get("replicas", 1))
    available, updated = int(status.get("availableReplicas") or 0), int(status.get("updatedReplicas") or 0)
    seen = int(status.get("observedGeneration") or 0) >= int(deployment["metadata"].get("generation") or 0)
    steps = (f"Waiting for app ReplicaSet to be available ({min(available, wanted)}/{wanted} Pods available)",)
    only_new = int(status.get("replicas") or 0) == updated == wanted
    if seen and only_new and available >= wanted and _rolled_out(deployment):
        return Readiness(ready=True, steps=steps)
    reasons = ["Minimum number of live Pods was not attained"] if available < wanted else []
    progress = _condition(deployment, "Progressing")
    if progress is not None and progress.get("status") == "False":
        reasons.append(f"[{progress.get('reason', '')}] {progress.get('message', '')}")
    for pod in pods:
        reasons += [reason for _, check in _STEPS for reason in check(pod)[1]]
    return Readiness(ready=False, steps=steps, reasons=tuple(dict.fromkeys(reasons)))


def _rolled_out(deployment: Object) -> bool:
    progress = _condition(deployment, "Progressing")
    return progress is None or progress.get("reason") == "NewReplicaSetAvailable"


def _scheduled(pod: Object) -> tuple[bool, tuple[str, ...]]:
    condition = _condition(pod, "PodScheduled")
    return condition is not None and condition.get("status") == "True", ()


def _initialized(pod: Object) -> tuple[bool, tuple[str, ...]]:
    return _condition_met(pod, "Initialized")


def _ready(pod: Object) -> tuple[bool, tuple[str, ...]]:
    if _condition(pod, "Ready") is not None and _status(pod).get("phase") == "Succeeded":
        return True, ()
    return _condition_met(pod, "Ready")


_STEPS: tuple[tuple[str, Callable[[Object], tuple[bool, tuple[str, ...]]]], ...] = (
    ("scheduled", _scheduled),
    ("initialized", _initialized),
    ("ready", _ready),
)


def _condition_met(pod: Object, which: str) -> tuple[bool, tuple[str, ...]]:
    condition = _condition(pod, which)
    if condition is None:
        return False, ()
    if condition.get("status") == "True":
        return True, ()
    statuses = cast("list[Object]", _status(pod).get("containerStatuses") or [])
    troubles = "\n".join(trouble for each in statuses for trouble in _container_troubles(each))
    message = str(condition.get("message") or "")
    if not troubles and not message:
        return False, ()
    said = message if condition.get("reason") else ""
    return False, (f"[Pod {_shown_name(pod)}]: {said}{troubles}",)


def _container_troubles(container: Object) -> list[str]:
    if container.get("ready"):
        return []
    state = cast("Object", container.get("state") or {})
    found: list[str] = []
    waiting = cast("Object | None", state.get("waiting"))
    if waiting is not None and waiting.get("reason") != "ContainerCreating":
        found.append(f"[{waiting.get('reason', '')}] {_trimmed(waiting)}")
    ended = cast("Object | None", state.get("terminated"))
    if ended is not None and ended.get("reason"):
        text = _trimmed(ended)
        found.append(
            f"[{ended['reason']}] {text}"
            if text
            else f'container "{container["name"]}" completed with exit code {ended.get("exitCode", 0)}'
        )
    last = cast("Object | None", cast("Object", container.get("lastState") or {}).get("terminated"))
    if last is not None:
        found.append(
            f'container "{container["name"]}" terminated at {last.get("finishedAt", "")} '
            f"({last.get('reason', '')}: exit code {last.get('exitCode', 0)})"
        )
        if last.get("message"):
            found.append(str(last["message"]))
    return found


def _trimmed(state: Object) -> str:
    return str(state.get("message") or "").removeprefix(_DAEMON_PREFIX).removesuffix(_REGISTRY_SUFFIX)


def _condition(pod: Object, which: str) -> Object | None:
    conditions = cast("list[Object]", _status(pod).get("conditions") or [])
    return next((each for each in conditions if each.get("type") == which), None)


def _status(pod: Object) -> Object:
    return cast("Object", pod.get("status") or {})


def _shown_name(pod: Object) -> str:
    namespace = namespace_of(pod)
    return f"{namespace}/{name_of(pod)}" if namespace not in {"", "default"} else name_of(pod)
