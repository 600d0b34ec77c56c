"""The kinds that the stand-in has, and what differs from kind to kind; everything else is written once for all.

Which fields replace an object follows the official plugin's table for the kind.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from sandbox.plugins.kubernetes.objects import Object
from sandbox.plugins.kubernetes.readiness import Readiness, deployment_readiness, pod_readiness
from sandbox.plugins.serving import PluginError

FieldPath: TypeAlias = tuple[str, ...]
"""Names of nested fields; `*` is any element of a list."""

_CONTAINER_FIELDS = (
    *("args", "command", "env", "image", "imagePullPolicy", "lifecycle", "livenessProbe", "ports", "readinessProbe"),
    *("resources", "securityContext", "stdin", "stdinOnce", "terminationMessagePath", "terminationMessagePolicy"),
    *("tty", "volumeDevices", "volumeMounts", "workingDir"),
)
_POD_FIELDS = (
    *("affinity", "automountServiceAccountToken", "dnsConfig", "dnsPolicy", "enableServiceLinks", "hostAliases"),
    *("hostIPC", "hostNetwork", "hostPID", "hostname", "imagePullSecrets", "nodeName", "nodeSelector", "overhead"),
    *("preemptionPolicy", "priority", "priorityClassName", "readinessGates", "restartPolicy", "runtimeClassName"),
    *("schedulerName", "securityContext", "serviceAccount", "serviceAccountName", "shareProcessNamespace"),
    *("subdomain", "terminationGracePeriodSeconds", "volumes"),
)
_IDENTITY: tuple[FieldPath, ...] = (("metadata", "name"), ("metadata", "namespace"))


@dataclass(frozen=True)
class Kind:
    """One kind of object.

    `inputs` are the properties that an import takes from the live object. A change in one of `replaced_by` makes a
    new object; those of `replaced_by_unless_mutable` do so too, unless the provider's setting for that kind is on and
    the object itself is not marked immutable. `readiness` looks at a live object of a kind that must become ready
    after it was made, and at the Pods that its selector finds, if it has one.
    """

    name: str
    plural: str
    namespaced: bool
    inputs: tuple[str, ...]
    api_version: str = "v1"
    replaced_by: tuple[FieldPath, ...] = ()
    replaced_by_unless_mutable: tuple[FieldPath, ...] = ()
    readiness: Callable[[Object, Sequence[Object]], Readiness] | None = None
    deletion_takes_time: bool = False
    """Whether its deletion is told while it lasts, and need not be awaited by `pulumi.com/skipAwait`."""

    @property
    def root(self) -> str:
        """The path below which the API has the kind."""
        return f"/apis/{self.api_version}" if "/" in self.api_version else f"/api/{self.api_version}"

    def replacing_fields(self, inputs: Object, *, mutable: bool) -> tuple[FieldPath, ...]:
        """Return the fields of which a change replaces an object with these inputs."""
        if mutable and inputs.get("immutable") is not True:
            return _IDENTITY + self.replaced_by
        return _IDENTITY + self.replaced_by + self.replaced_by_unless_mutable


_KINDS = {
    "kubernetes:core/v1:Namespace": Kind(
        name="Namespace",
        plural="namespaces",
        namespaced=False,
        inputs=("apiVersion", "kind", "metadata", "spec"),
        deletion_takes_time=True,
    ),
    "kubernetes:core/v1:Secret": Kind(
        name="Secret",
        plural="secrets",
        namespaced=True,
        inputs=("apiVersion", "data", "immutable", "kind", "metadata", "stringData", "type"),
        replaced_by_unless_mutable=(("type",), ("stringData",), ("data",)),
    ),
    "kubernetes:core/v1:ServiceAccount": Kind(
        name="ServiceAccount",
        plural="serviceaccounts",
        namespaced=True,
        inputs=("apiVersion", "automountServiceAccountToken", "imagePullSecrets", "kind", "metadata", "secrets"),
    ),
    "kubernetes:core/v1:Pod": Kind(
        name="Pod",
        plural="pods",
        namespaced=True,
        inputs=("apiVersion", "kind", "metadata", "spec"),
        replaced_by=(
            *(("spec", name) for name in _POD_FIELDS),
            *(("spec", part, "*", name) for part in ("containers", "initContainers") for name in _CONTAINER_FIELDS),
        ),
        readiness=pod_readiness,
        deletion_takes_time=True,
    ),
    "kubernetes:apps/v1:Deployment": Kind(
        name="Deployment",
        plural="deployments",
        namespaced=True,
        inputs=("apiVersion", "kind", "metadata", "spec"),
        api_version="apps/v1",
        replaced_by=(("spec", "selector"),),
        readiness=deployment_readiness,
        deletion_takes_time=True,
    ),
}


def kind_of(type_token: str) -> Kind:
    """Return the kind behind a Pulumi type token; raises `PluginError` for one that only the official plugin has."""
    kind = _KINDS.get(type_token)
    if kind is None:
        having = ", ".join(each.name for each in _KINDS.values())
        raise PluginError(
            f"{type_token} is not in the sandbox's stand-in for the Kubernetes plugin, which has {having}. "
            "Only the official plugin has it: `pulumi plugin install resource kubernetes v4.32.0`, "
            "on a machine that reaches Pulumi's download site."
        )
    return kind
