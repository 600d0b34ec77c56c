"""Finds, reads and merges kubeconfigs as kubectl does: content, a path, $KUBECONFIG's list or ~/.kube/config.

Credentials themselves (client certificates, tokens, exec plugins) are lightkube's part.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from sandbox.plugins.kubernetes.objects import Object

if TYPE_CHECKING:
    from lightkube.config.kubeconfig import SingleConfig

_FILES = {"clusters": ("certificate-authority",), "users": ("client-certificate", "client-key", "tokenFile")}
_KEY_OF = {"clusters": "cluster", "users": "user", "contexts": "context"}


class KubeconfigError(Exception):
    """A kubeconfig that can't be used: the text says why and holds nothing of its content."""


@dataclass(frozen=True)
class Kubeconfig:
    """One kubeconfig, merged of one or more files; `content` holds credentials and is never shown."""

    content: Object = field(repr=False)

    @classmethod
    def load(cls, path_or_content: str) -> Kubeconfig:
        """Read a kubeconfig given as path or content; empty means the default places."""
        if not path_or_content:
            return cls._default()
        if "\n" not in path_or_content and Path(path_or_content).expanduser().is_file():
            return cls(_read(Path(path_or_content).expanduser()))
        content = _parse(path_or_content)
        if content is None:
            raise KubeconfigError(f"no file {path_or_content}" if _like_path(path_or_content) else "no YAML mapping")
        return cls(content)

    @classmethod
    def _default(cls) -> Kubeconfig:
        listed = [Path(each) for each in os.environ.get("KUBECONFIG", "").split(os.pathsep) if each]
        files = [each for each in listed or [Path("~/.kube/config").expanduser()] if each.is_file()]
        if not files:
            where = ", ".join(str(each) for each in listed) or "~/.kube/config"
            raise KubeconfigError(f"no kubeconfig at {where}; set KUBECONFIG or the provider's kubeconfig")
        merged = _read(files[0])
        for each in files[1:]:
            _merge(merged, _read(each))
        return cls(merged)

    def namespace(self, context: str) -> str:
        """Return the namespace that a context (empty: the current one) stands for."""
        return str(self._entry("contexts", context or self._current()).get("namespace") or "default")

    def active_cluster(self, context: str, cluster: str) -> Object:
        """Return the cluster entry that is in use: what makes one cluster another."""
        name = cluster or str(self._entry("contexts", context or self._current()).get("cluster", ""))
        return self._entry("clusters", name)

    def connection(self, context: str, cluster: str) -> SingleConfig:
        """Return what lightkube needs to connect; `cluster` takes the place of the context's own."""
        from lightkube.config.kubeconfig import KubeConfig  # noqa: PLC0415 - 0.1 s that a preview can do without
        from lightkube.config.models import User  # noqa: PLC0415 - as above
        from lightkube.core.exceptions import ConfigError  # noqa: PLC0415 - as above

        name = context or self._current()
        entry = {**self._entry("contexts", name)}
        if cluster:
            entry["cluster"] = cluster
        self._entry("clusters", str(entry.get("cluster", "")))
        content: dict[str, Any] = {**self.content, "contexts": [{"name": name, "context": entry}]}
        try:
            found = KubeConfig.from_dict(content).get(name)  # pyright: ignore[reportUnknownMemberType] - a bare Dict
        except (ConfigError, KeyError, TypeError, ValueError) as error:
            raise KubeconfigError(f"context {name} is not complete ({type(error).__name__})") from None
        if found is None:
            raise KubeconfigError(f"context {name} is not complete")
        # lightkube wants a user, though a cluster may need none
        return found if found.user is not None else found._replace(user=User())

    def _current(self) -> str:
        current = self.content.get("current-context")
        if not current:
            raise KubeconfigError("it names no current context; set the provider's context")
        return str(current)

    def _entry(self, section: str, name: str) -> Object:
        for each in _section(self.content, section):
            if each.get("name") == name:
                return cast("Object", each.get(_KEY_OF[section]) or {})
        raise KubeconfigError(f"it has no {_KEY_OF[section]} {name!r}")


def _read(path: Path) -> Object:
    try:
        content = _parse(path.read_text())
    except OSError as error:
        raise KubeconfigError(f"{path} can't be read: {error.strerror}") from None
    if content is None:
        raise KubeconfigError(f"{path} is no YAML mapping")
    for section, keys in _FILES.items():
        for each in _section(content, section):
            entry = cast("Object", each.get(_KEY_OF[section]) or {})
            for key in keys:
                if entry.get(key):
                    entry[key] = str(path.parent / str(entry[key]))
    return content


def _merge(into: Object, other: Object) -> None:
    into.setdefault("current-context", other.get("current-context"))
    for section in _KEY_OF:
        known = {each.get("name") for each in _section(into, section)}
        into[section] = [
            *_section(into, section),
            *(each for each in _section(other, section) if each.get("name") not in known),
        ]


def _section(content: Object, name: str) -> list[Object]:
    entries = content.get(name)
    return cast("list[Object]", entries) if isinstance(entries, list) else []


def _parse(text: str) -> Object | None:
    import yaml  # noqa: PLC0415 - not needed until a kubeconfig is read

    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError:
        return None
    if not isinstance(content, dict):
        return None
    parsed = cast("Object", content)
    _modern_exec(parsed)
    return parsed


def _modern_exec(content: Object) -> None:
    """Let lightkube run exec plugins of the API's version v1: they answer like those of v1beta1, which it knows."""
    for each in _section(content, "users"):
        command = cast("Object", each.get("user") or {}).get("exec")
        if isinstance(command, dict) and str(cast("Object", command).get("apiVersion", "")).endswith("/v1"):
            cast("Object", command)["apiVersion"] = "client.authentication.k8s.io/v1beta1"


def _like_path(text: str) -> bool:
    return "\n" not in text and len(text) < 1024 and text.lstrip("~").startswith(("/", "."))
