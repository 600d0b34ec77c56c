"""The provider's settings: what Configure gets, what the environment adds, and when another cluster replaces all."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from pulumi.runtime.proto import provider_pb2

from sandbox.plugins.kubernetes.kubeconfig import Kubeconfig, KubeconfigError
from sandbox.plugins.serving import PluginError
from sandbox.plugins.values import Properties, Unknown, Value, plain, without_nulls

_PREFIX = "kubernetes:config:"
_CLUSTER_KEYS = ("kubeconfig", "context", "cluster")
_IDENTIFIER = "clusterIdentifier"
_HAD: dict[str, tuple[Value, ...]] = {
    "enableServerSideApply": (None, True, "true"),
    "renderYamlToDirectory": (None, ""),
    "skipUpdateUnreachable": (None, False, "false"),
    "upsertExistingObjects": (None, False, "false"),
}
"""Settings of which only these values are had here."""


@dataclass(frozen=True)
class Settings:
    """What the program chose for a provider; names as in the program, in Python's writing.

    `kubeconfig` holds the context and the cluster that it is used with.
    """

    kubeconfig: Kubeconfig = field(default_factory=Kubeconfig)
    namespace: str = ""
    enable_secret_mutable: bool = False
    delete_unreachable: bool = False
    patch_force: bool = False

    def mutable(self, kind: str) -> bool:
        """Tell whether objects of a kind are updated in place where they would be replaced otherwise."""
        return kind == "Secret" and self.enable_secret_mutable


def settings_from(variables: Mapping[str, str]) -> Settings:
    """Read Configure's variables; raises `PluginError` for a mode that only the official plugin has."""

    def text(key: str) -> str:
        return variables.get(_PREFIX + key, "")

    def flag(key: str, variable: str) -> bool:
        return variables.get(_PREFIX + key, os.environ.get(variable)) == "true"

    for failure in check_settings({key: variables.get(_PREFIX + key) for key in _HAD}):
        raise PluginError(failure.reason)
    return Settings(
        kubeconfig=Kubeconfig(text("kubeconfig"), text("context"), text("cluster")),
        namespace=text("namespace"),
        enable_secret_mutable=flag("enableSecretMutable", "PULUMI_K8S_ENABLE_SECRET_MUTABLE"),
        delete_unreachable=flag("deleteUnreachable", "PULUMI_K8S_DELETE_UNREACHABLE"),
        patch_force=flag("enablePatchForce", "PULUMI_K8S_ENABLE_PATCH_FORCE"),
    )


def check_settings(news: Mapping[str, Value]) -> list[provider_pb2.CheckFailure]:
    """Return what can't be, as the engine shows it before anything is planned."""
    given = {key: plain(news.get(key)) for key in _HAD}
    return [
        provider_pb2.CheckFailure(property=key, reason=_only_official(f"{key}={value}"))
        for key, value in given.items()
        if value not in _HAD[key] and not isinstance(value, Unknown)
    ]


def diff_settings(olds: Mapping[str, Value], news: Mapping[str, Value]) -> provider_pb2.DiffResponse:
    """Compare two provider configurations: another cluster replaces the provider and all that stands on it.

    Once `clusterIdentifier` is set, it alone says whether it is another cluster.
    """
    old = without_nulls({key: plain(value) for key, value in olds.items()})
    new = without_nulls({key: plain(value) for key, value in news.items()})
    changed = sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))
    if not changed:
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)
    return provider_pb2.DiffResponse(
        changes=provider_pb2.DiffResponse.DIFF_SOME, diffs=changed, replaces=_replacing(old, new, changed)
    )


def _replacing(old: Properties, new: Properties, changed: list[str]) -> list[str]:
    identified = bool(new.get(_IDENTIFIER))
    if identified and old.get(_IDENTIFIER) == new.get(_IDENTIFIER):
        return []
    replaces = [_IDENTIFIER] if identified and old.get(_IDENTIFIER) else []
    unknown = [key for key in _CLUSTER_KEYS if isinstance(new.get(key), Unknown)]
    if unknown:
        return [*replaces, unknown[0]]
    before, after = _active_cluster(old), _active_cluster(new)
    if before is not None and after is not None and before != after:
        replaces += [key for key in _CLUSTER_KEYS if key in changed]
    return replaces


def _active_cluster(properties: Properties) -> object | None:
    kubeconfig = properties.get("kubeconfig")
    if not isinstance(kubeconfig, str) or not kubeconfig:
        return None
    try:
        return Kubeconfig(kubeconfig, _text(properties, "context"), _text(properties, "cluster")).active_cluster()
    except KubeconfigError:
        return None


def _text(properties: Properties, key: str) -> str:
    value = properties.get(key)
    return value if isinstance(value, str) else ""


def _only_official(what: str) -> str:
    return f"{what} is not in the sandbox's stand-in for the Kubernetes plugin: only the official plugin has it"
