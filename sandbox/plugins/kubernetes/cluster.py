"""The Kubernetes API as this plugin uses it: one call a method, objects as plain JSON, errors in the server's words."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from typing import cast

from sandbox.plugins.kubernetes.configuration import Settings
from sandbox.plugins.kubernetes.connection import Connection, NoAnswerError, NoProxyError
from sandbox.plugins.kubernetes.kinds import Kind
from sandbox.plugins.kubernetes.kubeconfig import KubeconfigError
from sandbox.plugins.kubernetes.objects import Object, namespace_of

FIELD_MANAGER = "pulumi-kubernetes"
"""Owner, in `managedFields`, of what a plain create sets; an update moves it to the resource's own manager."""

_USER_AGENT = "pulumi-kubernetes/4.32.0"
_APPLY = "application/apply-patch+yaml"
_JSON_PATCH = "application/json-patch+json"


class ApiError(Exception):
    """The API server refused a call; the text is the server's own message, `status` its HTTP status."""

    def __init__(self, status: int, body: Object) -> None:
        super().__init__(str(body.get("message") or f"the server answered {status}"))
        self.status = status
        self.reason = str(body.get("reason", ""))
        details = body.get("details")
        self.kind = str(cast("Object", details).get("kind", "")) if isinstance(details, dict) else ""

    @property
    def not_found(self) -> bool:
        """Whether the object, or what it lives in, does not exist."""
        return self.status == 404

    @property
    def namespace_missing(self) -> bool:
        """Whether it is the namespace that does not exist."""
        return self.not_found and self.kind == "namespaces"

    @property
    def already_exists(self) -> bool:
        """Whether another object has the name."""
        return self.reason == "AlreadyExists"

    @property
    def conflict(self) -> bool:
        """Whether another field manager owns what an apply wants to set."""
        return self.reason == "Conflict"

    @property
    def forbidden(self) -> bool:
        """Whether the user has not the right."""
        return self.status == 403


class UnreachableError(Exception):
    """No API server answers, or there is no usable kubeconfig; the text says which, without any credential."""


class CutOffError(UnreachableError):
    """Nothing here can ask the API server any more, so that there is no use in waiting for its answer."""


class Cluster:
    """A connection that is opened by the first call; safe for many threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._checking = threading.Lock()
        self._problem: str | None = None

    def close(self) -> None:
        """Drop the connections."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def check(self) -> None:
        """Raise `UnreachableError` unless the API server answers; asked once, then known for this run."""
        with self._checking:
            if self._problem is None:
                self._problem = self._look()
        if self._problem:
            raise UnreachableError(self._problem)

    def default_namespace(self) -> str:
        """Return the namespace of objects that name none: the provider's, the context's, or `default`."""
        if self._settings.namespace:
            return self._settings.namespace
        try:
            return self._settings.kubeconfig.namespace()
        except KubeconfigError:
            return "default"

    def get(self, kind: Kind, namespace: str, name: str) -> Object:
        """Return the live object; raises `ApiError`, not found among others."""
        return self._send("GET", _path(kind, namespace, name))

    def create(self, kind: Kind, namespace: str, body: Object, *, dry_run: bool) -> Object:
        """Make an object that must not exist yet."""
        parameters = {"fieldManager": FIELD_MANAGER, **_dry(dry_run)}
        return self._send("POST", _path(kind, namespace), body=body, parameters=parameters)

    def apply(self, kind: Kind, namespace: str, body: Object, *, manager: str, force: bool, dry_run: bool) -> Object:
        """Let `manager` own and set what `body` holds (server-side apply); makes the object if there is none."""
        force = force or self._settings.patch_force
        parameters = {"fieldManager": manager, "force": "true" if force else "false", **_dry(dry_run)}
        name = str(body["metadata"]["name"])
        return self._send("PATCH", _path(kind, namespace, name), body=body, parameters=parameters, content_type=_APPLY)

    def patch(self, kind: Kind, namespace: str, name: str, operations: list[Object]) -> Object:
        """Change an object by JSON patch operations."""
        return self._send("PATCH", _path(kind, namespace, name), body=operations, content_type=_JSON_PATCH)

    def delete(self, kind: Kind, namespace: str, name: str, propagation: str) -> None:
        """Ask for the object's deletion; it may live on until its finalizers are through."""
        self._send("DELETE", _path(kind, namespace, name), body={"propagationPolicy": propagation})

    def warnings(self, namespace: str, uid: str) -> list[Object]:
        """Return the warning events about one object, oldest first."""
        parameters = {"fieldSelector": f"involvedObject.uid={uid},type=Warning"}
        answer = self._send("GET", f"/api/v1/namespaces/{namespace or 'default'}/events", parameters=parameters)
        items = cast("list[Object]", answer.get("items") or [])
        return sorted(items, key=lambda each: str(each.get("lastTimestamp") or each.get("eventTime") or ""))

    def selected_pods(self, body: Object) -> list[Object]:
        """Return the Pods that an object's selector finds; none for an object without one."""
        selector = cast("Object", body.get("spec") or {}).get("selector")
        labels = cast("Object", selector).get("matchLabels") if isinstance(selector, dict) else None
        if not labels:
            return []
        parameters = {"labelSelector": ",".join(f"{key}={value}" for key, value in cast("Object", labels).items())}
        answer = self._send("GET", f"/api/v1/namespaces/{namespace_of(body)}/pods", parameters=parameters)
        return cast("list[Object]", answer.get("items") or [])

    def _look(self) -> str:
        try:
            self._send("GET", "/version")
        except UnreachableError as error:
            return str(error)
        except ApiError as error:
            return f"unable to load schema information from the API server: {error}"
        return ""

    def _send(
        self,
        method: str,
        path: str,
        *,
        body: Object | list[Object] | None = None,
        parameters: Mapping[str, str] | None = None,
        content_type: str = "application/json",
    ) -> Object:
        content = None if body is None else json.dumps(body).encode()
        headers = {"User-Agent": _USER_AGENT, **({"Content-Type": content_type} if content is not None else {})}
        try:
            answer = self._connect().send(method, path, parameters or {}, content, headers)
        except NoProxyError as error:
            raise CutOffError(str(error)) from None
        except NoAnswerError as error:
            raise UnreachableError(str(error)) from None
        except KubeconfigError as error:
            raise UnreachableError(f"the kubeconfig can't be used: {error}") from None
        try:
            parsed = answer.json()
        except ValueError:
            parsed = {}
        result = cast("Object", parsed) if isinstance(parsed, dict) else {}
        if answer.status_code >= 400:
            raise ApiError(answer.status_code, result)
        return result

    def _connect(self) -> Connection:
        with self._lock:
            if self._connection is None:
                self._connection = Connection(self._settings.kubeconfig)
            return self._connection


def _path(kind: Kind, namespace: str, name: str = "") -> str:
    root = kind.root
    if kind.namespaced:
        root += f"/namespaces/{namespace or 'default'}"
    return f"{root}/{kind.plural}/{name}" if name else f"{root}/{kind.plural}"


def _dry(dry_run: bool) -> dict[str, str]:
    return {"dryRun": "All"} if dry_run else {}
