"""Verification of any stack: its Pod runs and serves the right page, and without the pull Secret there is no image."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import httpx
import kr8s
from kr8s.objects import Pod

from commands.pulumi import Stack
from sandbox.errors import SandboxError

PAGE = "/usr/share/nginx/html/index.html"
PROBE_SECONDS = 180.0
"""A kubelet looks again at a failed pull once a minute; the back-off shows only then."""
POLL_SECONDS = 0.3


@dataclass(frozen=True)
class Check:
    """One thing that was looked at: what it should be, whether it is, and what was seen."""

    what: str
    passed: bool
    seen: str


def verify(stack: Stack) -> list[Check]:
    """Check the stack's Pods and the refusal of a Pod without the pull Secret.

    Needs the stack's outputs and the kubeconfig ($KUBECONFIG, else ~/.kube/config). Raises SandboxError if either
    can't be read, or the stack has no outputs.
    """
    outputs = stack.outputs()
    if "pods" not in outputs or "imageReference" not in outputs:
        raise SandboxError(
            f"stack {stack.name} has no Pod to verify: its last update didn't finish",
            f"pulumi up --stack {stack.name}   (for stack dev: make up)",
        )
    pods = cast("dict[str, dict[str, str]]", outputs["pods"])
    image = str(outputs["imageReference"])
    page = Path(stack.folder, stack.setting("imageContext"), "index.html").read_text(encoding="utf-8")
    try:
        api = kr8s.api(kubeconfig=stack.environ.get("KUBECONFIG"), context=stack.setting("kubernetesContext") or None)
        checks = [check for pod in pods.values() for check in check_pod(api, pod["namespace"], pod["name"], page)]
        namespace = next(iter(pods.values()))["namespace"]
        return [*checks, check_refusal(api, namespace, image)]
    except (httpx.HTTPError, ConnectionError, OSError, ValueError, kr8s.ServerError, kr8s.APITimeoutError) as error:
        raise SandboxError(
            f"the cluster can't be asked: {error or type(error).__name__}",
            "check $KUBECONFIG and `kubectl get pods`; for stack dev: make up",
        ) from error


def check_pod(api: kr8s.Api, namespace: str, name: str, page: str) -> list[Check]:
    """Check that the Pod is Running and that the page inside it is `page`."""
    what = f"Pod {namespace}/{name} is Running"
    try:
        pod = Pod({"metadata": {"name": name, "namespace": namespace}}, api=api)
        pod.refresh()
    except kr8s.NotFoundError:
        return [Check(what, passed=False, seen="no such Pod")]
    phase = str(status(pod).get("phase"))
    if phase != "Running":
        return [Check(what, passed=False, seen=f"{phase} {waiting_reason(pod)[0]}".strip())]
    done = pod.exec(["cat", PAGE], check=False)
    served = done.stdout.decode()
    return [
        Check(what, passed=True, seen=phase),
        Check(f"its page says {page.strip()!r}", passed=served == page, seen=served.strip()),
    ]


def check_refusal(api: kr8s.Api, namespace: str, image: str) -> Check:
    """Check that a Pod with the same image and no pull Secret is refused, and remove that Pod again."""
    what = "a Pod without the pull Secret is refused"
    probe = Pod(probe_manifest(f"pull-probe-{secrets.token_hex(4)}", namespace, image), api=api)
    probe.create()
    try:
        seen: list[str] = []
        refused = _poll(lambda: _saw_refusal(probe, seen), PROBE_SECONDS)
        return Check(what, passed=refused, seen="; ".join(seen) or f"nothing said within {PROBE_SECONDS:.0f} s")
    finally:
        probe.delete(grace_period=0, force=True)


def _saw_refusal(probe: Pod, seen: list[str]) -> bool | None:
    """Note each new reason in `seen`; True when refused for good, False when the image was pulled, None to go on."""
    probe.refresh()
    if status(probe).get("phase") == "Running":
        seen.append("it runs: the image can be pulled without a Secret")
        return False
    reason, message = waiting_reason(probe)
    if reason in {"ErrImagePull", "ImagePullBackOff"} and not any(line.startswith(reason) for line in seen):
        seen.append(f"{reason}: {cause(message)}")
    return True if reason == "ImagePullBackOff" and "unauthorized" in " ".join(seen).lower() else None


def status(pod: Pod) -> dict[str, Any]:
    """Return the Pod's status as it was last read; empty before the kubelet has written one."""
    return cast("dict[str, dict[str, Any]]", pod.raw).get("status") or {}


def waiting_reason(pod: Pod) -> tuple[str, str]:
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
