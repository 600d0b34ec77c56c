"""What happens to an object in the cluster: create, read, update, delete; the same for every kind.

Takes and returns plain properties; what the user sees of a failure is a `PluginError` or `InitializationError`.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass

from sandbox.plugins.kubernetes import objects, ownership
from sandbox.plugins.kubernetes.cluster import FIELD_MANAGER, ApiError, Cluster, UnreachableError
from sandbox.plugins.kubernetes.kinds import Kind
from sandbox.plugins.kubernetes.normal_form import normal_form
from sandbox.plugins.kubernetes.objects import Object
from sandbox.plugins.kubernetes.waiting import Reporter, Waiter, WaitError
from sandbox.plugins.serving import InitializationError, PluginError
from sandbox.plugins.values import Properties, Value

_CREATE_RETRIES = 5
"""As the official plugin, which after the last one waits half a minute more for nothing."""
_DEFAULT_WAIT_SECONDS = 600.0
_CONFLICT_HELP = (
    "https://www.pulumi.com/registry/packages/kubernetes/how-to-guides/managing-resources-with-server-side-apply/"
    "#handle-field-conflicts-on-existing-resources"
)
_EXISTING_HELP = (
    "\n\nThe resource already exists in the cluster. This can happen when:\n\n"
    "  - Renaming a Pulumi resource: use an alias to preserve the identity,\n"
    "    or use deleteBeforeReplace if the resource needs replacement.\n"
    "  - Managing an existing resource: use a Patch resource (e.g. NamespacePatch)\n"
    "    to manage specific fields without owning the resource lifecycle.\n"
    "  - Adopting a resource into Pulumi: use `pulumi import`. Note that\n"
    "    protected resources (e.g. kube-system) cannot be deleted on destroy.\n"
    "  - Intentional upsert: set upsertExistingObjects on the provider to allow\n"
    "    server-side apply to update existing objects on create."
)


class NotPreviewableError(Exception):
    """The cluster can't say what would come out: the engine gets the inputs back."""


@dataclass(frozen=True)
class Operation:
    """One call about one resource."""

    urn: str
    kind: Kind
    reporter: Reporter
    preview: bool = False
    timeout: float = 0.0
    """Seconds that the program gave; 0 for none."""


class Lifecycle:
    """Carries out operations on one cluster."""

    def __init__(self, cluster: Cluster, cancelled: threading.Event) -> None:
        self._cluster = cluster
        self._cancelled = cancelled

    def create(self, operation: Operation, news: Properties) -> tuple[str, Properties]:
        """Make the object and wait until it is ready; return its id and state.

        Raises `NotPreviewableError` where a preview has no answer, `InitializationError` when it did not become ready.
        """
        inputs = objects.as_object(news)
        manager = _field_manager({}, inputs)
        try:
            live = self._submit(operation, inputs)
        except ApiError as error:
            if operation.preview and (error.forbidden or error.already_exists or error.namespace_missing):
                raise NotPreviewableError from None
            raise PluginError(
                f'resource "{operation.urn}" was not successfully created by the Kubernetes API server: '
                f"{self._explained(error, manager)}{_EXISTING_HELP if error.already_exists else ''}"
            ) from None
        operation.reporter.clear()
        if operation.preview:
            live.pop("status", None)
            return "", objects.checkpoint(inputs, live, news, str(inputs.get("apiVersion")), manager)
        failure: WaitError | None = None
        try:
            live = self._settle(operation, inputs, live)
        except WaitError as error:
            failure, live = error, error.live
        state = objects.checkpoint(inputs, live, news, str(inputs.get("apiVersion")), manager)
        if failure is not None:
            message = (
                f'resource "{operation.urn}" was successfully created, but the Kubernetes API server reported that it '
                f"failed to fully initialize or become live: {failure}"
            )
            raise InitializationError(message, objects.identity(live), state, [message, *failure.reasons])
        return objects.identity(live), state

    def read(
        self, operation: Operation, resource_id: str, olds: Properties, old_inputs: Properties
    ) -> tuple[str, Properties, Properties] | None:
        """Return id, state and inputs as the cluster has them now; None when the object is gone.

        Without a former state (an import) the inputs are taken from the live object.
        """
        kind = operation.kind
        namespace, name = objects.parse_identity(resource_id)
        inputs = normal_form(objects.as_object(old_inputs))
        importing = not inputs.get("kind") and not olds.get("kind")
        try:
            live = self._cluster.get(kind, objects.namespace_of(inputs) or namespace, name)
        except ApiError as error:
            if error.not_found:
                return None
            raise PluginError(str(error)) from None
        failure = None if importing else self._not_ready(operation, inputs, live)
        manager = _field_manager(olds, inputs)
        found = _imported(kind, live) if importing else objects.prune(live, inputs)
        initial = olds.get("__initialApiVersion") or inputs.get("apiVersion") or kind.api_version
        state = objects.checkpoint(found, live, old_inputs, str(initial), manager)
        found_inputs = objects.with_secrets(found, old_inputs)
        if failure is not None:
            message, reasons = failure
            raise InitializationError(message, resource_id, state, [message, *reasons], found_inputs)
        return resource_id, state, found_inputs

    def update(self, operation: Operation, olds: Properties, news: Properties) -> Properties:
        """Change the object in place and wait until it is ready again; return its state."""
        _, old_live = objects.parse_checkpoint(olds)
        inputs = normal_form(objects.as_object(news))
        manager = _field_manager(olds, inputs)
        initial = str(olds.get("__initialApiVersion") or inputs.get("apiVersion"))
        namespace = objects.namespace_of(inputs) or objects.namespace_of(old_live)
        name = objects.name_of(old_live)
        failed: str | None = None
        reasons: tuple[str, ...] = ()
        try:
            live = self._apply(operation, inputs, namespace, name, manager)
            if not operation.preview:
                live = self._settle(operation, inputs, live)
        except ApiError as error:
            if operation.preview and error.forbidden:
                raise NotPreviewableError from None
            failed = self._explained(error, manager)
            live = self._live_after_failure(operation, namespace, name, failed)
        except WaitError as error:
            failed, reasons, live = str(error), error.reasons, error.live
        state = objects.checkpoint(inputs, live, news, initial, manager)
        if failed is not None:
            identity = objects.identity(live)
            message = (
                f'the Kubernetes API server reported that "{identity}" failed to fully initialize or become live: '
                f"{failed}"
            )
            raise InitializationError(message, identity, state, [message, *reasons])
        return state

    def delete(self, operation: Operation, resource_id: str, olds: Properties) -> None:
        """Delete the object and wait until it is gone; one that is gone already is fine."""
        kind = operation.kind
        inputs, live = objects.parse_checkpoint(olds)
        namespace, name = objects.parse_identity(resource_id)
        namespace = objects.namespace_of(live) or namespace
        try:
            self._cluster.delete(kind, namespace, name, _propagation(inputs))
        except ApiError as error:
            if error.not_found:
                return
            raise PluginError(str(error)) from None
        if objects.annotation(inputs, objects.SKIP_AWAIT) == "true" and kind.deletion_takes_time:
            return
        try:
            self._waiter(operation).until_deleted(kind, namespace, name, live, _seconds(operation, inputs))
        except WaitError as error:
            manager = _field_manager(olds, inputs)
            initial = str(olds.get("__initialApiVersion") or kind.api_version)
            state = objects.checkpoint(inputs, error.live, olds, initial, manager)
            message = str(error)
            raise InitializationError(message, objects.identity(error.live), state, [message]) from None
        operation.reporter.clear()

    def _submit(self, operation: Operation, inputs: Object) -> Object:
        """Make the object; what it lives in may still be on its way, so that a 404 is tried again."""
        namespace = objects.namespace_of(inputs)
        attempt = 0
        while True:
            try:
                return self._cluster.create(operation.kind, namespace, inputs, dry_run=operation.preview)
            except ApiError as error:
                if operation.preview and error.namespace_missing:
                    raise
                operation.reporter.info(f"Retry #{attempt}; creation failed: {error}")
                if not error.not_found or attempt == _CREATE_RETRIES or self._cancelled.is_set():
                    raise
            self._waiter(operation).pause(2.0**attempt)
            attempt += 1

    def _apply(self, operation: Operation, inputs: Object, namespace: str, name: str, manager: str) -> Object:
        kind = operation.kind
        live = self._cluster.get(kind, namespace, name)
        force = objects.annotation(inputs, objects.PATCH_FORCE) == "true"
        if operation.preview:
            # A real update takes the fields of the plain create over first; a preview must not change anything.
            force = force or ownership.created_by_plugin(live)
        else:
            operations = ownership.takeover(live, manager)
            if operations:
                self._cluster.patch(kind, namespace, name, operations)
        return self._cluster.apply(kind, namespace, inputs, manager=manager, force=force, dry_run=operation.preview)

    def _settle(self, operation: Operation, inputs: Object, live: Object) -> Object:
        """Wait until the object is ready, where its kind has that, and return it as it is then."""
        kind = operation.kind
        if kind.readiness is not None and objects.annotation(inputs, objects.SKIP_AWAIT) != "true":
            live = self._waiter(operation).until_ready(kind, kind.readiness, live, _seconds(operation, inputs))
            operation.reporter.clear()
            return live
        operation.reporter.clear()
        try:
            return self._cluster.get(kind, objects.namespace_of(live), objects.name_of(live))
        except (ApiError, UnreachableError):
            return live  # it was made: losing it now would leave an object that no state knows

    def _not_ready(self, operation: Operation, inputs: Object, live: Object) -> tuple[str, tuple[str, ...]] | None:
        look = operation.kind.readiness
        if look is None or objects.annotation(inputs, objects.SKIP_AWAIT) == "true":
            return None
        readiness = look(live, self._pods_of(live))
        for step in readiness.steps:
            operation.reporter.info(step)
        if readiness.ready:
            operation.reporter.clear()
            return None
        return f"Resource '{objects.name_of(live)}' was created but failed to initialize", readiness.reasons

    def _pods_of(self, live: Object) -> list[Object]:
        try:
            return self._cluster.selected_pods(live)
        except (ApiError, UnreachableError):
            return []  # they only tell why

    def _live_after_failure(self, operation: Operation, namespace: str, name: str, failed: str) -> Object:
        try:
            return self._cluster.get(operation.kind, namespace, name)
        except ApiError as error:
            raise PluginError(
                f'update of resource "{operation.urn}" failed: {failed}\nunable to get cluster state: {error}'
            ) from None

    def _waiter(self, operation: Operation) -> Waiter:
        return Waiter(self._cluster, operation.reporter, self._cancelled)

    def _explained(self, error: ApiError, manager: str) -> str:
        if not error.conflict:
            return str(error)
        return (
            f"server-side apply field conflict detected, see {_CONFLICT_HELP} for troubleshooting help\n"
            f'the resource managed by field manager "{manager}" had an apply conflict: {error}'
        )


def _field_manager(state: Mapping[str, Value], inputs: Object) -> str:
    chosen = objects.annotation(inputs, objects.FIELD_MANAGER)
    return chosen or str(state.get("__fieldManager") or f"{FIELD_MANAGER}-{secrets.token_hex(4)}")


def _imported(kind: Kind, live: Object) -> Object:
    """Return the inputs that would have made a live object."""
    return objects.without_server_annotations(normal_form({key: live[key] for key in kind.inputs if key in live}))


def _propagation(inputs: Object) -> str:
    chosen = objects.annotation(inputs, objects.DELETION_PROPAGATION).capitalize()
    return chosen if chosen in {"Orphan", "Background"} else "Foreground"


def _seconds(operation: Operation, inputs: Object) -> float:
    """How long to wait: the program's own timeout, else the annotation, else the default of the official plugin."""
    if operation.timeout:
        return operation.timeout
    text = objects.annotation(inputs, objects.TIMEOUT_SECONDS)
    return float(text) if text.isdecimal() else _DEFAULT_WAIT_SECONDS
