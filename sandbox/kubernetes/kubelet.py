"""The node that runs Pods: a kubelet on loopback.

A kubelet refuses to announce a loopback address. So the Node object, with its address, is made here beforehand, as a
cloud's own controller would; with `--cloud-provider=external` a kubelet leaves addresses alone that are there.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import cast

import httpx

from base import files
from base.errors import SandboxError
from sandbox.host.health import Endpoint
from sandbox.host.layout import Layout
from sandbox.host.supervisor import Command, Part, Supervisor
from sandbox.kubernetes import control_plane, network
from sandbox.kubernetes.control_plane import NODE, api
from sandbox.toolchain import Tools

PORT = 7450
"""Not Kubernetes's usual one, so that another node on this machine is in nobody's way."""

PODS_LIMIT = 30.0
"""Seconds that Pods of an earlier run get to come back, before `up` goes on without them."""

_Object = Mapping[str, Mapping[str, list[Mapping[str, str]]]]
"""The part of a Kubernetes object that is read here: lists of conditions, taints and containers."""


def part(layout: Layout, supervisor: Supervisor) -> Part:
    """Return the kubelet; healthy when the node is Ready for Pods."""
    endpoint, server = _endpoint(layout), api(layout)

    def problem() -> str | None:
        leader = supervisor.leader("kubelet")
        started = datetime.datetime.fromtimestamp(leader.create_time() if leader else 0, datetime.UTC)
        return endpoint.problem("/healthz") or _node_problem(server, started)

    return Part("kubelet", "Kubernetes node", endpoint.url, problem, usually=8, limit=90)


def command(layout: Layout, tools: Tools) -> Command:
    """Write the kubelet's settings and return how it is started."""
    files.write(layout.config / "resolv.conf", f"nameserver {network.GATEWAY}\n")
    config = layout.write_config(
        "kubelet.yaml",
        home=str(layout.root),
        pki=str(layout.pki),
        config=str(layout.config),
        containerd=str(layout.socket("containerd")),
        cgroup=layout.name,
        port=str(PORT),
        gateway=network.GATEWAY,
    )
    return control_plane.command(
        layout,
        tools,
        "kubelet",
        {
            "config": config,
            "root-dir": layout.root / "kubelet",
            "kubeconfig": layout.pki / "node.kubeconfig",
            "hostname-override": NODE,
            "cloud-provider": "external",
        },
    )


def ensure_node(layout: Layout) -> None:
    """Make the Node object, unless it is there: named and addressed as this machine's loopback."""
    addresses = [{"type": "InternalIP", "address": "127.0.0.1"}, {"type": "Hostname", "address": NODE}]
    node = {"metadata": {"name": NODE}, "status": {"addresses": addresses}}
    try:
        with api(layout).client(timeout=60) as client:
            answer = client.post("/api/v1/nodes", json=node)
        said = None if answer.status_code in {201, 409} else f"{answer.status_code} {answer.text[:200]}"
    except httpx.HTTPError as error:
        said = f"{error} ({type(error).__name__})"
    if said:
        raise SandboxError(
            f"Kubernetes did not take the node: {said}",
            "run the command again; if it fails again, `make reset` starts from nothing",
        )


def pods_problem(layout: Layout, supervisor: Supervisor) -> str | None:
    """Return why what the API server says of Pods can't be true yet.

    After a `down`, it still has them as they were, until the kubelet has looked after each.
    """
    query = {"fieldSelector": f"spec.nodeName={NODE},status.phase=Running,spec.restartPolicy=Always"}
    try:
        with api(layout).client() as client, _endpoint(layout).client() as kubelet:
            pods = cast("list[_Object]", client.get("/api/v1/pods", params=query).raise_for_status().json()["items"])
            known = cast("list[_Object]", kubelet.get("/pods").raise_for_status().json()["items"] or [])
    except (httpx.HTTPError, OSError) as error:
        return f"Kubernetes does not say which Pods there are ({error})"
    if missing := {_uid(pod) for pod in pods} - {_uid(pod) for pod in known}:
        return f"the kubelet has not looked at {len(missing)} Pods yet"
    running = supervisor.cgroup.containers()
    for pod in pods:
        for container in pod["status"].get("containerStatuses", []):
            identity = container.get("containerID", "").rpartition("/")[2]
            if "waiting" not in container["state"] and identity not in running:
                return f"Pod {pod['metadata']['name']} is not back yet"
    return None


def _endpoint(layout: Layout) -> Endpoint:
    return Endpoint(f"https://127.0.0.1:{PORT}", pki=layout.pki)


def _uid(pod: _Object) -> object:
    return pod["metadata"]["uid"]


def _node_problem(server: Endpoint, started: datetime.datetime) -> str | None:
    """Return why the node is not Ready; what was reported before `started` doesn't count."""
    try:
        with server.client() as client:
            answer = client.get(f"/api/v1/nodes/{NODE}")
    except (httpx.HTTPError, OSError) as error:
        return f"{server.url} does not answer ({error})"
    if answer.status_code != 200:
        return f"there is no Node {NODE} yet"
    node = cast("_Object", answer.json())
    for condition in node["status"].get("conditions", []):
        if condition["type"] == "Ready":
            reported = datetime.datetime.fromisoformat(condition["lastHeartbeatTime"])
            if reported < started.replace(microsecond=0):
                return "the node has not reported yet"
            if condition["status"] != "True":
                return f"the node is not Ready: {condition['message']}"
            tainted = [taint["key"] for taint in node["spec"].get("taints", [])]
            return f"the node is not open to Pods yet ({tainted[0]})" if tainted else None
    return "the node has not reported yet"
