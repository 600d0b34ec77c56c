"""One cluster, through kubectl: it reads every kind of kubeconfig that users have, and leaves no key behind."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from base.errors import SandboxError
from fleet.stack import Stack

_NOISE = re.compile(r"^(?:[EWI]\d{4} |Warning: ).*\n?", re.MULTILINE)
"""Lines of kubectl's own log, which say the same once more."""


class Cluster:
    """The cluster that `environ` and `context` (empty: the current one) choose, or `kubeconfig` (its content).

    Every call raises SandboxError with kubectl's own words if kubectl is missing or the cluster refuses.
    """

    def __init__(self, environ: Mapping[str, str], context: str, kubeconfig: str = "") -> None:
        found = shutil.which("kubectl", path=environ.get("PATH"))
        if not found:
            raise SandboxError("kubectl is not on PATH", "install it (https://kubernetes.io/docs/tasks/tools/)")
        self._environ = dict(environ)
        if kubeconfig:
            # A file that only its owner reads, and that goes with the last use of the cluster.
            handle, place = tempfile.mkstemp(prefix="kubeconfig-")
            weakref.finalize(self, Path(place).unlink, missing_ok=True)
            with os.fdopen(handle, "w") as file:
                file.write(kubeconfig)
            self._environ["KUBECONFIG"] = place
        self.chosen = (kubeconfig or self._environ.get("KUBECONFIG", ""), context)
        self._command = [found, *(["--context", context] if context else []), "--request-timeout=30s"]

    def pod(self, namespace: str, name: str) -> dict[str, Any] | None:
        """Return the Pod as the API shows it, or None if there is none."""
        return self.get("pod", namespace, name)

    def get(self, kind: str, namespace: str, name: str) -> dict[str, Any] | None:
        """Return an object as the API shows it, or None if there is none."""
        text = self.run("get", kind, name, "--namespace", namespace, "--ignore-not-found", "--output", "json")
        return cast("dict[str, Any]", json.loads(text)) if text.strip() else None

    def metadata(self, kind: str, namespace: str, name: str) -> dict[str, Any] | None:
        """Return the metadata of an object, and nothing of what it holds; None if there is none."""
        words = ("--namespace", namespace, "--ignore-not-found", "--output", "jsonpath={.metadata}")
        text = self.run("get", kind, name, *words)
        return cast("dict[str, Any]", json.loads(text)) if text.strip() else None

    def uids(self, namespace: str, names: Sequence[str]) -> set[str]:
        """Return the UIDs of those of `names` (`kind/name`) that exist in the namespace."""
        words = ("--namespace", namespace, "--ignore-not-found", "--output", "json")
        text = self.run("get", *names, *words)
        found = cast("dict[str, Any]", json.loads(text)) if text.strip() else {}
        return {each["metadata"]["uid"] for each in found.get("items") or ([found] if found else [])}

    def images(self) -> str:
        """Return the names of all images that Pods name or run, in any namespace."""
        return self.run("get", "pods", "--all-namespaces", "--output", "jsonpath={..image} {..imageID}")

    def pods(self) -> list[dict[str, Any]]:
        """Return the Pods of all namespaces as the API shows them."""
        return cast("dict[str, Any]", json.loads(self.run("get", "pods", "--all-namespaces", "--output", "json")))[
            "items"
        ]

    def may(self, verb: str, kind: str, namespace: str) -> bool:
        """Tell whether the kubeconfig's user may do `verb` to objects of a kind in a namespace."""
        words = [*self._command, "auth", "can-i", verb, kind, "--namespace", namespace]
        done = subprocess.run(words, env=self._environ, capture_output=True, text=True, check=False)
        if done.stdout.strip() not in {"yes", "no"}:
            raise self._refusal(done.stderr)
        return done.stdout.strip() == "yes"

    def execute(self, namespace: str, pod: str, *words: str) -> str:
        """Run a command in the first container of a Pod, or of one of `deployment/NAME`'s, and return its output."""
        return self.run("exec", "--namespace", namespace, pod, "--", *words)

    def create(self, manifest: Mapping[str, Any]) -> None:
        """Create one object."""
        self.run("create", "--filename", "-", given=json.dumps(manifest))

    def touch_pod(self, namespace: str, name: str) -> None:
        """Change an annotation of a Pod: the kubelet then looks at it now, not at its next round, up to 60 s away."""
        self.run("annotate", "pod", name, "--namespace", namespace, "--overwrite", "icr-private-image/looked-at=once")

    def delete_pod(self, namespace: str, name: str) -> None:
        """Remove a Pod at once; fine if it is gone."""
        now = ("--ignore-not-found", "--grace-period=0", "--force", "--wait=true")
        self.run("delete", "pod", name, "--namespace", namespace, *now)

    def run(self, *words: str, given: str | None = None) -> str:
        """Return what kubectl prints, with `given` to read; a wait or a delete may take longer than one request."""
        done = subprocess.run(
            [*self._command, *words], env=self._environ, input=given, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise self._refusal(done.stderr)
        return done.stdout

    def _refusal(self, said: str) -> SandboxError:
        return SandboxError(
            f"the cluster can't be asked: {_NOISE.sub('', said).strip()}",
            "check $KUBECONFIG with `kubectl get pods`; for stack dev: make up",
        )


def cluster_of(stack: Stack) -> Cluster:
    """Return the cluster that a stack's file chooses by `kubeconfig` (else $KUBECONFIG) and `kubernetesContext`.

    A kubeconfig that is a secret is asked of the CLI. Raises SandboxError as the cluster does, and for a file that
    can't be read.
    """
    file = stack.file
    if file.problem:
        raise SandboxError(file.problem, "mend the settings, then run the same command again")
    content = stack.ask("config", "get", "kubeconfig", "--stack", stack.name) if "kubeconfig" in file.secrets else ""
    path = file.config.get("kubeconfig")
    own = {"KUBECONFIG": str(Path(stack.folder, path))} if path else {}
    return Cluster({**stack.environ, **own}, file.config.get("kubernetesContext", ""), content)
