"""Drives the stand-in as the engine does: check, diff, create, update, read, delete of one resource at a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, cast

import grpc
from pulumi.runtime.proto import provider_pb2, status_pb2

from tests.plugins import replay
from tests.plugins.kubernetes.api_server import ApiServer

SECRET_SIGNATURE = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270"}
SEED = "H2/gIr9Nq+r1MTq4n3KfAo8XRL6sFfRtaMU38i0HzLg="
_PATIENCE = 60.0


@dataclass
class Resource:
    """One resource of a stack as the engine holds it."""

    kind: str
    name: str
    id: str = ""
    inputs: dict[str, Any] = field(default_factory=dict[str, Any])
    state: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def type(self) -> str:
        """The resource's type token."""
        return f"kubernetes:{'apps' if self.kind == 'Deployment' else 'core'}/v1:{self.kind}"

    @property
    def urn(self) -> str:
        """The resource's URN."""
        return f"urn:pulumi:dev::tests::{self.type}::{self.name}"


@dataclass
class Stack:
    """A plugin, the cluster behind it, and the namespace that a test may fill."""

    plugin: replay.Plugin
    cluster: ApiServer
    namespace: str

    def configure(self, **variables: str) -> None:
        """Configure the provider for the test's cluster, with these settings beside it."""
        settings = {"kubeconfig": str(self.cluster.kubeconfig), **variables}
        self._call("Configure", {"variables": {f"kubernetes:config:{key}": value for key, value in settings.items()}})

    def check(self, kind: str, name: str, inputs: dict[str, Any]) -> Resource:
        """Return a resource with its inputs checked."""
        resource = Resource(kind, name)
        body = {"apiVersion": _api_version(kind), "kind": kind, **inputs}
        answer = self._call("Check", {**_named(resource), "news": body, "randomSeed": SEED})
        resource.inputs = answer["inputs"]
        return resource

    def make(self, kind: str, name: str, inputs: dict[str, Any], timeout: float = 10.0) -> Resource:
        """Create a resource and return it."""
        return self.create(self.check(kind, name, inputs), timeout)

    def create(self, resource: Resource, timeout: float = 10.0) -> Resource:
        """Create a checked resource."""
        request = {**_named(resource), "properties": resource.inputs, "timeout": timeout}
        answer = self._call("Create", request)
        resource.id, resource.state = answer["id"], answer["properties"]
        return resource

    def preview(self, resource: Resource) -> dict[str, Any]:
        """Return what a create would give."""
        return self._call("Create", {**_named(resource), "properties": resource.inputs, "preview": True})["properties"]

    def diff(self, resource: Resource, inputs: dict[str, Any]) -> dict[str, Any]:
        """Return what another set of inputs would change."""
        new = self._checked_again(resource, inputs)
        request = {**_named(resource), "id": resource.id, "olds": resource.state, "oldInputs": resource.inputs}
        return self._call("Diff", {**request, "news": new})

    def update(
        self, resource: Resource, inputs: dict[str, Any], *, preview: bool = False, timeout: float = 10.0
    ) -> dict[str, Any]:
        """Update a resource; return its new state, which it keeps unless it is a preview."""
        new = self._checked_again(resource, inputs)
        request = {**_named(resource), "id": resource.id, "olds": resource.state, "oldInputs": resource.inputs}
        answer = self._call("Update", {**request, "news": new, "preview": preview, "timeout": timeout})
        if not preview:
            resource.state, resource.inputs = answer["properties"], new
        return answer["properties"]

    def read(self, resource: Resource) -> dict[str, Any]:
        """Return what a refresh answers."""
        request = {"id": resource.id, "properties": resource.state, "inputs": resource.inputs}
        return self._call("Read", {**_named(resource), **request})

    def delete(self, resource: Resource, timeout: float = 10.0) -> None:
        """Delete a resource."""
        request = {"id": resource.id, "properties": resource.state, "oldInputs": resource.inputs, "timeout": timeout}
        self._call("Delete", {**_named(resource), **request})

    def path(self, resource: Resource) -> str:
        """Return where the resource's object is in the API."""
        name = resource.inputs["metadata"]["name"]
        plural = f"{resource.kind.lower()}s"
        if resource.kind == "Namespace":
            return f"{plural}/{name}"
        root = "/apis/apps/v1/" if resource.kind == "Deployment" else ""
        return f"{root}namespaces/{self.namespace}/{plural}/{name}"

    def live(self, resource: Resource) -> dict[str, Any]:
        """Return the object in the cluster."""
        found = self.cluster.get(self.path(resource))
        assert found is not None, f"{self.path(resource)} should exist"
        return found

    def said(self) -> list[str]:
        """Return what the user was told, warnings with their severity."""
        return [each.text if each.severity == "info" else f"{each.severity}: {each.text}" for each in self.plugin.lines]

    def metadata(self, name: str = "", **more: object) -> dict[str, Any]:
        """Return metadata for an object in the test's namespace."""
        return {"namespace": self.namespace, **({"name": name} if name else {}), **more}

    def pod(self, name: str = "web", image: str = "registry.test/web:1", **metadata: object) -> dict[str, Any]:
        """Return inputs of a Pod."""
        container = {"name": "web", "image": image}
        spec = {"serviceAccountName": "puller", "containers": [container], "terminationGracePeriodSeconds": 1}
        return {"metadata": self.metadata(name, **metadata), "spec": spec}

    def deployment(self, name: str = "web", image: str = "registry.test/web:1", replicas: int = 2) -> dict[str, Any]:
        """Return inputs of a Deployment."""
        labels = {"app": name}
        template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "web", "image": image}]}}
        spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
        return {"metadata": self.metadata(name), "spec": spec}

    def set_status(self, resource: Resource, **status: object) -> None:
        """Write an object's status as its controller would."""
        until(lambda: self.cluster.get(self.path(resource)) is not None, f"{resource.name} exists")
        self.cluster.merge(f"{self.path(resource)}/status", {"status": status}, "controller")

    def set_conditions(self, name: str, **conditions: object) -> None:
        """Write a Pod's status as its kubelet would: conditions by type, True, False or a reason and a message."""
        written = [{"type": key, **_condition(value)} for key, value in conditions.items() if key[0].isupper()]
        rest = {key: value for key, value in conditions.items() if not key[0].isupper()}
        path = f"namespaces/{self.namespace}/pods/{name}"
        until(lambda: self.cluster.get(path) is not None, f"{path} exists")
        self.cluster.merge(f"{path}/status", {"status": {"conditions": written, **rest}}, "kubelet")

    def _checked_again(self, resource: Resource, inputs: dict[str, Any]) -> dict[str, Any]:
        body = {"apiVersion": _api_version(resource.kind), "kind": resource.kind, **inputs}
        request = {**_named(resource), "news": body, "olds": resource.inputs, "randomSeed": SEED}
        return self._call("Check", request)["inputs"]

    def _call(self, method: str, request: dict[str, Any]) -> dict[str, Any]:
        return cast("dict[str, Any]", replay.as_json(self.plugin.send(method, request)))


def meanwhile(work: Callable[[], Resource | None]) -> Future[Resource | None]:
    """Start work that waits, so that the test can do what it waits for."""
    pool = ThreadPoolExecutor(1)
    future = pool.submit(work)
    pool.shutdown(wait=False)
    return future


def until(holds: Callable[[], bool], what: str) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + _PATIENCE
    while not holds():
        assert time.monotonic() < deadline, f"{what}: not within {_PATIENCE:.0f} s"
        time.sleep(0.02)


@dataclass(frozen=True)
class Kept:
    """What an error lets the engine keep of a resource that did not become ready."""

    id: str
    reasons: list[str]
    properties: dict[str, Any]
    inputs: dict[str, Any]


def kept_resource(error: grpc.RpcError) -> Kept:
    """Return what an error lets the engine keep."""
    metadata = cast("tuple[tuple[str, bytes], ...]", cast("grpc.Call", error).trailing_metadata())
    status = status_pb2.Status.FromString(dict(metadata)["grpc-status-details-bin"])
    detail = provider_pb2.ErrorResourceInitFailed()
    status.details[0].Unpack(detail)
    answer = cast("dict[str, Any]", replay.as_json(detail))
    return Kept(detail.id, list(detail.reasons), answer["properties"], answer.get("inputs", {}))


def text_of(error: grpc.RpcError) -> str:
    """Return what the user reads of an error."""
    return cast("grpc.Call", error).details() or ""


def _api_version(kind: str) -> str:
    return "apps/v1" if kind == "Deployment" else "v1"


def _named(resource: Resource) -> dict[str, Any]:
    return {"urn": resource.urn, "name": resource.name, "type": resource.type}


def _condition(value: object) -> dict[str, object]:
    if isinstance(value, bool):
        return {"status": "True" if value else "False"}
    reason, message = cast("tuple[str, str]", value)
    return {"status": "False", "reason": reason, "message": message}
