"""Kubernetes and etcd, built as one binary: their programs share most of their code."""

from __future__ import annotations

from base import paths
from sandbox.toolchain.gobuild import Program

PROGRAM = Program(
    name="node",
    what="Kubernetes",
    folder=paths.CHECKOUT / "sandbox/kubernetes/node",
    package=".",
    pinned_by="k8s.io/kubernetes",
    version_symbol="k8s.io/component-base/version.gitVersion=v{version}",
    usually=660,
)
