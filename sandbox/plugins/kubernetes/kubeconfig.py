"""Kubeconfigs, read by kubectl: it is made of the same client library as the official plugin.

So lists of files, odd entries and every kind of login mean what they mean there, and none of it is written again here.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from sandbox.plugins.kubernetes.objects import Object

_KEY_OF = {"clusters": "cluster", "contexts": "context", "users": "user"}


class KubeconfigError(Exception):
    """A kubeconfig that can't be used: the text says why, and holds no credential."""


@dataclass(frozen=True)
class Kubeconfig:
    """What a provider chooses: a kubeconfig's path or content (empty: the usual places), a context and a cluster of it.

    Empty means the current context and the context's own cluster. The content can hold credentials and is never shown.
    """

    path_or_content: str = field(default="", repr=False)
    context: str = ""
    cluster: str = ""

    def namespace(self) -> str:
        """Return the namespace that the context stands for."""
        return str(self._context(self._content()).get("namespace") or "default")

    def active_cluster(self) -> Object:
        """Return the cluster's entry: what makes one cluster another."""
        return self._cluster(self._content())

    def check(self) -> None:
        """Raise KubeconfigError if something is missing, where kubectl would ask a user or take a default."""
        content = self._content()
        self._cluster(content)
        if user := self._context(content).get("user"):
            _entry(content, "users", user)

    @contextmanager
    def command(self) -> Generator[list[str]]:
        """Yield a kubectl command's beginning, fit to run as long as the block; raises KubeconfigError."""
        flags = {"context": self.context, "cluster": self.cluster}
        start = [*_kubectl(), *(f"--{name}={value}" for name, value in flags.items() if value)]
        path = Path(self.path_or_content).expanduser() if "\n" not in self.path_or_content else None
        if not self.path_or_content:
            _require_one_of_the_usual()
            yield start
        elif path and path.is_file():
            yield [*start, f"--kubeconfig={path}"]
        elif path and str(path).startswith(("/", ".")):
            raise KubeconfigError(f"no file {self.path_or_content}")
        else:
            # In memory: credentials reach neither the disk nor the arguments.
            with os.fdopen(os.memfd_create("kubeconfig"), "w") as file:
                file.write(self.path_or_content)
                file.flush()
                yield [*start, f"--kubeconfig=/proc/{os.getpid()}/fd/{file.fileno()}"]

    def _content(self) -> Object:
        """Return the kubeconfig as kubectl merges it."""
        with self.command() as kubectl:
            view = [*kubectl, "config", "view", "--raw", "--output=json"]
            done = subprocess.run(view, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode:
            raise KubeconfigError(done.stderr.strip().removeprefix("error: "))
        return cast("Object", json.loads(done.stdout))

    def _cluster(self, content: Object) -> Object:
        return _entry(content, "clusters", self.cluster or str(self._context(content).get("cluster", "")))

    def _context(self, content: Object) -> Object:
        name = self.context or content.get("current-context")
        if not name:
            raise KubeconfigError("it names no current context; set the provider's context")
        return _entry(content, "contexts", str(name))


def _entry(content: Object, section: str, name: str) -> Object:
    for each in cast("list[Object]", content.get(section) or []):
        if each.get("name") == name:
            return cast("Object", each.get(_KEY_OF[section]) or {})
    raise KubeconfigError(f"it has no {_KEY_OF[section]} {name!r}")


def _require_one_of_the_usual() -> None:
    """Raise KubeconfigError if there is no kubeconfig at all: kubectl would go to a port of this machine."""
    listed = [Path(each) for each in os.environ.get("KUBECONFIG", "").split(os.pathsep) if each]
    if not any(each.is_file() for each in listed or [Path("~/.kube/config").expanduser()]):
        where = ", ".join(str(each) for each in listed) or "~/.kube/config"
        raise KubeconfigError(f"no kubeconfig at {where}; set KUBECONFIG or the provider's kubeconfig")


def _kubectl() -> list[str]:
    if found := shutil.which("kubectl"):
        return [found]
    from sandbox.toolchain import kubernetes  # noqa: PLC0415 - a start should not wait for it

    if node := kubernetes.PROGRAM.find():
        return [str(node), "kubectl"]
    raise KubeconfigError(
        "no kubectl on this machine reads it: run `make up` in this project's checkout, which gets one"
    )
