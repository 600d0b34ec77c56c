"""How Pods start on the sandbox's node: the node's pulls, and starts by Kubernetes' own service level.

That one counts from the Pod's creation until its containers have started, as a client sees it, without the pull; 99 of
100 Pods of a cluster take at most 5 s (kubernetes/community, sig-scalability/slos/pod_startup_latency.md).
"""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Iterator
from typing import Any

from base import paths
from sandbox.plugins.kubernetes.connection import Connection
from sandbox.plugins.kubernetes.kubeconfig import Kubeconfig
from sandbox.toolchain import environment

PODS = "/api/v1/namespaces/default/pods"
_PULLED = re.compile(r'pulled image "[^"]+" in (?:(\d+)m)?([\d.]+)(ms|s)\b')
_POLL = 0.02
_LIMIT = 60.0


def pull_seconds(*pods: str) -> list[float]:
    """Return how long the kubelet pulled for each image that it pulled for these Pods, by its own words."""
    words = ("kubectl", "get", "events", "--output", "json", "--field-selector", "reason=Pulled")
    done = subprocess.run(words, env=environment.process_environment(), capture_output=True, text=True, check=True)
    events = [each for each in json.loads(done.stdout)["items"] if each["involvedObject"]["name"] in pods]
    found = [match for each in events if (match := _PULLED.search(each["message"]))]
    return [60 * int(match[1] or 0) + float(match[2]) / (1000 if match[3] == "ms" else 1) for match in found]


def start_seconds(example: str, count: int) -> list[float]:
    """Start Pods like `example`, whose image the node has, one after another; return the seconds of each, in order."""
    connection = Connection(Kubeconfig(str(paths.home() / "kubeconfig")))
    try:
        spec = _sent(connection, "GET", f"{PODS}/{example}")["spec"]
        container = {**spec["containers"][0], "imagePullPolicy": "IfNotPresent"}
        kept = {"serviceAccountName": spec["serviceAccountName"], "terminationGracePeriodSeconds": 0}
        return list(_starts(connection, {**kept, "containers": [container]}, count))
    finally:
        connection.close()


def _starts(connection: Connection, spec: dict[str, Any], count: int) -> Iterator[float]:
    spec["containers"][0]["volumeMounts"] = []
    for number in range(count):
        name = f"bench-start-{number}"
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}
        began = time.perf_counter()
        _sent(connection, "POST", PODS, pod)
        while not _started(_sent(connection, "GET", f"{PODS}/{name}")):
            if time.perf_counter() - began > _LIMIT:
                raise TimeoutError(f"Pod {name} didn't start within {_LIMIT} s")
            time.sleep(_POLL)
        yield time.perf_counter() - began
        _sent(connection, "DELETE", f"{PODS}/{name}", {"gracePeriodSeconds": 0})


def _started(pod: dict[str, Any]) -> bool:
    containers = pod["status"].get("containerStatuses", [])
    return bool(containers) and all("running" in each["state"] for each in containers)


def _sent(connection: Connection, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    content = json.dumps(body).encode() if body else None
    answer = connection.send(method, path, {}, content, {"Content-Type": "application/json"})
    return answer.raise_for_status().json()
