"""The calls that the engine makes on the Kubernetes plugin, answered as the official plugin answers them."""

# ruff: noqa: N802, ARG002 - methods have the names and arguments that gRPC gives them

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import TypeAlias, TypeVar

import grpc
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import engine_pb2, provider_pb2

from sandbox.plugins.kubernetes import objects
from sandbox.plugins.kubernetes.cluster import Cluster, UnreachableError
from sandbox.plugins.kubernetes.configuration import Settings, check_settings, diff_settings, settings_from
from sandbox.plugins.kubernetes.differences import differences, replacing
from sandbox.plugins.kubernetes.kinds import Kind, kind_of
from sandbox.plugins.kubernetes.lifecycle import Lifecycle, NotPreviewableError, Operation
from sandbox.plugins.kubernetes.normal_form import normal_form
from sandbox.plugins.kubernetes.objects import Object
from sandbox.plugins.kubernetes.waiting import Reporter
from sandbox.plugins.serving import Engine, PluginError, PluginServicer
from sandbox.plugins.values import Properties, Unknown, contains_unknown, to_python, to_struct, without_nulls

VERSION = "4.32.0"

_Result = TypeVar("_Result")

_Named: TypeAlias = (
    provider_pb2.CheckRequest
    | provider_pb2.DiffRequest
    | provider_pb2.CreateRequest
    | provider_pb2.ReadRequest
    | provider_pb2.UpdateRequest
    | provider_pb2.DeleteRequest
)
_UNREACHABLE_HINT = (
    'by rerunning the operation with the PULUMI_K8S_DELETE_UNREACHABLE environment variable set to "true"'
)


class KubernetesPlugin(PluginServicer):
    """Stand-in for pulumi-resource-kubernetes: one process serves one or more provider resources' configuration."""

    def __init__(self, engine: Engine | None) -> None:
        super().__init__(VERSION, engine)
        self._settings = Settings()
        self._cluster = Cluster(self._settings)
        self._lifecycle = Lifecycle(self._cluster, self.cancelled)

    def close(self) -> None:
        """Drop the connections to the cluster."""
        self._cluster.close()

    def CheckConfig(
        self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext
    ) -> provider_pb2.CheckResponse:
        """Hand the configuration on; refuse what only the official plugin can do."""
        return provider_pb2.CheckResponse(inputs=request.news, failures=check_settings(to_python(request.news)))

    def DiffConfig(self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext) -> provider_pb2.DiffResponse:
        """Tell whether the provider points at another cluster, which replaces everything on it."""
        return diff_settings(to_python(request.olds), to_python(request.news))

    def Configure(
        self, request: provider_pb2.ConfigureRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ConfigureResponse:
        """Take the settings; the cluster is not asked until something needs it."""
        self._use(settings_from(request.variables))
        return provider_pb2.ConfigureResponse(
            acceptSecrets=True, supportsPreview=True, supports_autonaming_configuration=True
        )

    def Check(self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext) -> provider_pb2.CheckResponse:
        """Return the inputs in their normal form, with the name and the namespace that the program left out."""
        kind = _kind(request)
        news = _properties(request.news)
        inputs = normal_form(objects.as_object(news))
        for key in objects.NOT_HEEDED:
            if objects.annotation(inputs, key):
                self.log(engine_pb2.WARNING, request.urn, f"{key}: only the official Kubernetes plugin heeds it")
        if objects.metadata(inputs).get("generateName"):
            raise PluginError("the `.metadata.generateName` field is not supported in Server-Side Apply mode")
        if objects.metadata(inputs).get("name") in {None, ""}:
            _choose_name(request, inputs)
        if kind.namespaced and objects.metadata(inputs).get("namespace") in {None, ""}:
            objects.set_metadata(inputs, "namespace", self._cluster.default_namespace())
        return provider_pb2.CheckResponse(inputs=to_struct(objects.with_secrets(inputs, news)))

    def Diff(self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext) -> provider_pb2.DiffResponse:
        """Compare the object as last seen, as far as the inputs go, with the new inputs; asks no cluster."""
        kind = _kind(request)
        old_inputs, old_live = objects.parse_checkpoint(_properties(request.olds))
        new = normal_form(objects.as_object(_properties(request.news)))
        old = objects.prune(old_live, normal_form(old_inputs))
        for each in (old, new):
            namespace = objects.metadata(each).get("namespace") or "default"
            objects.set_metadata(each, "namespace", namespace if kind.namespaced else None)
        if objects.name_of(new):
            objects.set_metadata(old, "name", objects.name_of(old_live))
        fields = kind.replacing_fields(new, mutable=self._settings.mutable(kind.name))
        changes = differences(old, new, fields, request.ignoreChanges)
        replaces = replacing(changes)
        some = provider_pb2.DiffResponse.DIFF_SOME if changes else provider_pb2.DiffResponse.DIFF_NONE
        return provider_pb2.DiffResponse(
            changes=some,
            replaces=replaces,
            deleteBeforeReplace=bool(replaces) and _keeps_its_name(old_live, new),
            detailedDiff=changes,
            hasDetailedDiff=True,
        )

    def Create(self, request: provider_pb2.CreateRequest, context: grpc.ServicerContext) -> provider_pb2.CreateResponse:
        """Make an object; a preview asks the cluster what would come out, where it can be reached."""
        operation = self._operation(request, preview=request.preview, timeout=request.timeout)
        news = _properties(request.properties)
        if request.preview and (contains_unknown(news) or self._unreachable() is not None):
            return provider_pb2.CreateResponse(properties=request.properties)
        self._require_cluster()
        try:
            resource_id, state = self._carry_out(lambda: self._lifecycle.create(operation, news))
        except NotPreviewableError:
            return provider_pb2.CreateResponse(properties=request.properties)
        return provider_pb2.CreateResponse(id=resource_id, properties=to_struct(state))

    def Read(self, request: provider_pb2.ReadRequest, context: grpc.ServicerContext) -> provider_pb2.ReadResponse:
        """Return an object as the cluster has it now, for a refresh or an import; nothing when it is gone."""
        operation = self._operation(request)
        reason = self._unreachable()
        if reason is not None:
            return self._read_unreachable(request, operation, reason)
        olds, old_inputs = _properties(request.properties), _properties(request.inputs)
        found = self._carry_out(lambda: self._lifecycle.read(operation, request.id, olds, old_inputs))
        if found is None:
            return provider_pb2.ReadResponse()
        resource_id, state, inputs = found
        return provider_pb2.ReadResponse(id=resource_id, properties=to_struct(state), inputs=to_struct(inputs))

    def Update(self, request: provider_pb2.UpdateRequest, context: grpc.ServicerContext) -> provider_pb2.UpdateResponse:
        """Change an object in place."""
        operation = self._operation(request, preview=request.preview, timeout=request.timeout)
        olds, news = _properties(request.olds), _properties(request.news)
        if request.preview and (contains_unknown(news) or self._unreachable() is not None):
            return provider_pb2.UpdateResponse(properties=request.news)
        self._require_cluster()
        try:
            state = self._carry_out(lambda: self._lifecycle.update(operation, olds, news))
        except NotPreviewableError:
            return provider_pb2.UpdateResponse(properties=request.news)
        return provider_pb2.UpdateResponse(properties=to_struct(state))

    def Delete(self, request: provider_pb2.DeleteRequest, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """Delete an object and wait until it is gone."""
        operation = self._operation(request, timeout=request.timeout)
        reason = self._unreachable()
        if reason is not None:
            self._warn_unreachable(operation, reason)
            if self._settings.delete_unreachable:
                return empty_pb2.Empty()
            raise PluginError(
                "configured Kubernetes cluster is unreachable. If the cluster was deleted, you can remove this "
                f"resource from Pulumi state {_UNREACHABLE_HINT}"
            )
        olds = _properties(request.properties)
        self._carry_out(lambda: self._lifecycle.delete(operation, request.id, olds))
        return empty_pb2.Empty()

    def _use(self, settings: Settings) -> None:
        self.close()
        self._settings = settings
        self._cluster = Cluster(settings)
        self._lifecycle = Lifecycle(self._cluster, self.cancelled)

    def _operation(self, request: _Named, *, preview: bool = False, timeout: float = 0.0) -> Operation:
        reporter = Reporter(request.urn, self.status, self.log)
        return Operation(request.urn, _kind(request), reporter, preview, timeout)

    def _carry_out(self, work: Callable[[], _Result]) -> _Result:
        try:
            return work()
        except UnreachableError as error:
            raise PluginError(f"configured Kubernetes cluster is unreachable: {error}") from None

    def _unreachable(self) -> str | None:
        try:
            self._cluster.check()
        except UnreachableError as error:
            return str(error)
        return None

    def _require_cluster(self) -> None:
        reason = self._unreachable()
        if reason is not None:
            raise PluginError(f"configured Kubernetes cluster is unreachable: {reason}")

    def _read_unreachable(
        self, request: provider_pb2.ReadRequest, operation: Operation, reason: str
    ) -> provider_pb2.ReadResponse:
        self._warn_unreachable(operation, reason)
        if self._settings.delete_unreachable:
            return provider_pb2.ReadResponse()
        raise PluginError(
            "failed to read resource state due to unreachable cluster. If the cluster was deleted, you can remove "
            f"this resource from Pulumi state {_UNREACHABLE_HINT}"
        )

    def _warn_unreachable(self, operation: Operation, reason: str) -> None:
        operation.reporter.keep(engine_pb2.WARNING, f"configured Kubernetes cluster is unreachable: {reason}")
        if self._settings.delete_unreachable:
            operation.reporter.keep(
                engine_pb2.INFO,
                "configured Kubernetes cluster is unreachable and the `deleteUnreachable` option is enabled. "
                "Deleting the unreachable resource from Pulumi state",
            )


def _kind(request: _Named) -> Kind:
    # A nested resource's URN has its parents' types before its own.
    return kind_of(request.type or request.urn.split("::")[2].rpartition("$")[2])


def _properties(struct: struct_pb2.Struct) -> Properties:
    return without_nulls(to_python(struct))


def _choose_name(request: provider_pb2.CheckRequest, inputs: Object) -> None:
    """Give a name to an object that the program left nameless: its old one, or a new one from the engine's seed."""
    if isinstance(inputs.get("metadata"), Unknown):
        return
    if request.olds.fields:
        old = objects.as_object(_properties(request.olds))
        if objects.annotation(old, objects.AUTONAMED) == "true":
            objects.mark_autonamed(inputs, objects.name_of(old))
        return
    if request.HasField("autonaming"):
        if request.autonaming.mode == provider_pb2.CheckRequest.AutonamingOptions.DISABLE:
            raise PluginError("autonaming is disabled, resource requires the .metadata.name field to be set")
        objects.mark_autonamed(inputs, request.autonaming.proposed_name)
        return
    name = request.name or request.urn.rpartition("::")[2]
    objects.mark_autonamed(inputs, f"{name}-{secrets.token_hex(4)}")


def _keeps_its_name(old_live: Object, new: Object) -> bool:
    """Tell whether old and new can't live side by side: the program named them, and named them alike."""
    return (
        bool(objects.name_of(new))
        and objects.annotation(new, objects.AUTONAMED) != "true"
        and objects.name_of(new) == objects.name_of(old_live)
        and objects.namespace_of(new) == objects.namespace_of(old_live)
    )
