"""What every object in a cluster carries: name, namespace, and the mark of the stack that made it."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
import pulumi_kubernetes as kubernetes

from components.names import MARK, mark

UNCHANGED = ["metadata.annotations"]
"""For `ignore_changes`: an object that an earlier release made without the mark stays as it is."""


def metadata(
    name: str, namespace: pulumi.Input[str] | None, labels: Mapping[str, str] | None = None
) -> kubernetes.meta.v1.ObjectMetaArgs:
    """Return the metadata of an object of this stack."""
    marked = {MARK: mark(pulumi.get_project(), pulumi.get_stack())}
    return kubernetes.meta.v1.ObjectMetaArgs(name=name, namespace=namespace, labels=labels, annotations=marked)
