"""Verification of any stack: its workloads run, with the right page, and without the pull Secret there is no image."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from base.errors import SandboxError
from config.model import SettingsError, parse
from fleet.kubectl import Cluster, cluster_of
from fleet.stack import Stack

PAGE = "/usr/share/nginx/html/index.html"
PROBE_SECONDS = 180.0
POLL_SECONDS = 0.3


@dataclass(frozen=True)
class Check:
    """One thing that was looked at: what it should be, whether it is, and what was seen."""

    what: str
    passed: bool
    seen: str


def check(stack: Stack) -> int:
    """Verify a stack and print what was seen; returns the exit status."""
    return 0 if show_checks(verify(stack)) else 1


def verify(stack: Stack) -> list[Check]:
    """Check the stack's workloads and the refusal of a Pod without the pull Secret.

    Needs the stack's outputs, kubectl and the kubeconfig ($KUBECONFIG, else ~/.kube/config). Raises SandboxError if one
    of them can't be had, or the stack has no workload.
    """
    outputs = stack.outputs()
    if "workloads" not in outputs:
        raise SandboxError(
            f"stack {stack.name} has no workload to verify: its last update didn't finish, or is an older program's",
            f"pulumi up --stack {stack.name}   (for stack dev: make up)",
        )
    workloads = cast("dict[str, dict[str, str]]", outputs["workloads"])
    values = stack.settings()
    pages = pages_of(Path(stack.folder), values)
    cluster = cluster_of(stack)
    checks = [check for key, each in workloads.items() for check in check_workload(cluster, each, pages.get(key))]
    first = next(iter(workloads.values()))
    return [*checks, check_refusal(cluster, first["namespace"], first["image"])]


def show_checks(checks: Sequence[Check]) -> bool:
    """Print each check with what was seen; returns whether all passed."""
    for check in checks:
        print(f"  {'ok ' if check.passed else 'NO '} {check.what}: {check.seen}")
    return all(check.passed for check in checks)


def pages_of(folder: Path, values: Mapping[str, str]) -> dict[str, str]:
    """Return the page that each workload must show, as far as it is known: the story's from its build's folder.

    Other workloads have probes of their own, which say whether they are well. Raises SandboxError.
    """
    # A secret comes without its value: what the program makes of it tells nothing of the page.
    given = {key: value for key, value in values.items() if value}
    try:
        settings = parse(given, push_key=None, preview=True, project=folder)
    except SettingsError as error:
        raise SandboxError(str(error), "mend the settings, then run the same command again") from None
    return {} if settings.workloads else {settings.pod_name: expected_page(Path(folder, settings.image_context))}


def expected_page(context: Path) -> str:
    """Return the page that the image was built with; raises SandboxError if the build's folder has none to compare."""
    page = context / "index.html"
    try:
        return page.read_text(encoding="utf-8")
    except FileNotFoundError:
        problem = f"{page} isn't there, and verification compares the Pod's page with it"
    except UnicodeDecodeError:
        problem = f"{page} isn't UTF-8 text, and verification compares the Pod's page with it"
    raise SandboxError(
        problem,
        f"put the page there that the image has at {PAGE}, or look yourself: kubectl exec POD -- cat {PAGE}",
    )


def check_workload(cluster: Cluster, workload: Mapping[str, str], page: str | None) -> list[Check]:
    """Check that a Pod is Running, or that a Deployment has its Pods, and that the page inside is `page`."""
    kind, namespace, name = workload["kind"], workload["namespace"], workload["name"]
    what = f"{kind} {namespace}/{name} {'is Running' if kind == 'Pod' else 'has its Pods'}"
    found = cluster.get(kind.lower(), namespace, name)
    if found is None:
        return [Check(what, passed=False, seen=f"no such {kind}")]
    passed, seen = _running(found) if kind == "Pod" else _rolled_out(found)
    if not passed or page is None:
        return [Check(what, passed=passed, seen=seen)]
    served = cluster.execute(namespace, name if kind == "Pod" else f"deployment/{name}", "cat", PAGE)
    return [
        Check(what, passed=True, seen=seen),
        Check(f"its page says {page.strip()!r}", passed=served == page, seen=served.strip()),
    ]


def _running(pod: dict[str, Any]) -> tuple[bool, str]:
    phase = str(status(pod).get("phase"))
    if phase != "Running":
        return False, " ".join([phase, *waiting_reason(pod)]).strip()
    containers = cast("list[dict[str, Any]]", status(pod).get("containerStatuses") or [])
    ready = all(each.get("ready") for each in containers)
    return ready, phase if ready else " ".join([phase, "but not ready", *waiting_reason(pod)]).strip()


def _rolled_out(deployment: dict[str, Any]) -> tuple[bool, str]:
    wanted = int(deployment["spec"].get("replicas", 1))
    available, updated = (int(status(deployment).get(each) or 0) for each in ("availableReplicas", "updatedReplicas"))
    return available >= wanted and updated >= wanted, f"{available} of {wanted} available, {updated} up to date"


def check_refusal(cluster: Cluster, namespace: str, image: str) -> Check:
    """Check that a Pod with the same image and no pull Secret is refused, and remove that Pod again."""
    what = "a Pod without the pull Secret is refused"
    name = f"pull-probe-{secrets.token_hex(4)}"
    cluster.create(probe_manifest(name, namespace, image))
    try:
        seen: list[str] = []
        refused = _poll(lambda: _look(cluster, namespace, name, seen), PROBE_SECONDS)
        return Check(what, passed=refused, seen="; ".join(seen) or f"nothing said within {PROBE_SECONDS:.0f} s")
    finally:
        cluster.delete_pod(namespace, name)


def _look(cluster: Cluster, namespace: str, name: str, seen: list[str]) -> bool | None:
    before = len(seen)
    answer = _saw_refusal(cluster.pod(namespace, name), seen)
    if answer is None and len(seen) > before:
        cluster.touch_pod(namespace, name)
    return answer


def _saw_refusal(probe: dict[str, Any] | None, seen: list[str]) -> bool | None:
    """Note each new reason in `seen`; True when refused for good, False when the image was pulled, None to go on."""
    if probe is None:
        seen.append("it was removed by someone else")
        return False
    if status(probe).get("phase") in {"Running", "Succeeded", "Failed"}:
        seen.append("it ran: the image can be pulled without a Secret")
        return False
    reason, message = waiting_reason(probe)
    if reason in {"ErrImagePull", "ImagePullBackOff"} and not any(line.startswith(reason) for line in seen):
        seen.append(f"{reason}: {cause(message)}")
    return True if reason == "ImagePullBackOff" and "unauthorized" in " ".join(seen).lower() else None


def status(pod: dict[str, Any]) -> dict[str, Any]:
    """Return the Pod's status; empty before the kubelet has written one."""
    return cast("dict[str, Any]", pod.get("status") or {})


def waiting_reason(pod: dict[str, Any]) -> tuple[str, str]:
    """Return why the Pod's first container waits, and the cause given; empty texts if it doesn't."""
    containers = cast("list[dict[str, Any]]", status(pod).get("containerStatuses") or [{}])
    state = cast("dict[str, dict[str, str]]", containers[0].get("state") or {})
    waiting = state.get("waiting") or {}
    return waiting.get("reason", ""), waiting.get("message", "")


def cause(message: str) -> str:
    """Return the end of a chain of causes as the kubelet tells it: what the registry said, without the way there."""
    return ": ".join(message.split(": ")[-2:])


def probe_manifest(name: str, namespace: str, image: str) -> dict[str, Any]:
    """Return a Pod that must pull `image` anew and has no credential for it.

    Naming a pull Secret that doesn't exist keeps Kubernetes from filling in those of the namespace's default
    ServiceAccount, which on IBM's clusters can pull from every registry of the account.
    """
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 0,
            "restartPolicy": "Never",
            "imagePullSecrets": [{"name": name}],
            "containers": [
                {"name": "probe", "image": image, "imagePullPolicy": "Always", "command": ["sh", "-c", "exit 0"]}
            ],
        },
    }


def _poll(look: Callable[[], bool | None], seconds: float) -> bool:
    """Call `look` until it answers True or False, or the time is over, which counts as False."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        answer = look()
        if answer is not None:
            return answer
        time.sleep(POLL_SECONDS)
    return False
