"""Pulls while keys rotate: `python -m bench rotation_load`, with the sandbox up.

The node pulls the stack's image over and over, as its kubelet does, while the key is rotated three times. Then the
keys that are gone are tried. A checker reads the history.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from base import paths
from bench.figures import Figure, figure
from sandbox.host.layout import Layout
from tests.e2e.project import Project
from tests.e2e.pulls import Node, Pulling, Revocation, key_in_the_cluster, rotated, violations

PULLS, ROTATIONS = 300, 3
REVOKED_SECONDS = 0.0
"""How long a deleted key may live on: the stand-in takes it away at once (docs/cloud-differences.md)."""


def measure(quick: bool) -> Iterable[Figure]:
    """Rotate under load; `quick` makes a fifth of the pulls."""
    wanted = PULLS // 5 if quick else PULLS
    with tempfile.TemporaryDirectory(prefix="bench-rotation-") as folder:
        project = Project.copy(Path(folder), paths.home())
        try:
            project.up()
            yield from _under_load(project, wanted)
        finally:
            project.pulumi("destroy", "--yes", "--skip-preview")


def _under_load(project: Project, wanted: int) -> Iterable[Figure]:
    pod = ("get", "pod", f"nginx-{project.suffix}", "-o", "jsonpath={.metadata.uid}")
    before, image = project.kubectl(*pod).text, str(project.stack.outputs()["imageReference"])
    keys, revoked, took = [key_in_the_cluster(project)], dict[str, Revocation](), list[float]()
    with closing(Node(Layout(paths.home()).socket("containerd"))) as node:
        with Pulling(project, node, image) as pulling:
            for number in range(ROTATIONS):
                pulling.until(wanted * (number + 1) // (ROTATIONS + 1))
                change = rotated(project, number + 2)
                took.append(change.done - change.began)
                keys.append(key_in_the_cluster(project))
                if number:
                    revoked[keys[number - 1]] = change
            pulling.until(wanted)
        time.sleep(REVOKED_SECONDS)
        dead = [node.pull(image, key) for key in revoked]
    history = [*pulling.pulls, *dead]
    replaced = project.kubectl(*pod).text != before
    yield figure("pulls by the node during the rotations", "pulls", len(pulling.pulls)).held(least=wanted)
    failed = [pull for pull in pulling.pulls if pull.problem]
    yield figure("of them failed", "pulls", len(failed)).held(
        most=0, reason="; ".join(str(each) for each in failed[:2])
    )
    wrong = violations(history, revoked, REVOKED_SECONDS)
    yield figure("what the checker finds wrong", "pulls", len(wrong)).held(most=0, reason="; ".join(wrong[:2]))
    refused = sum(pull.problem is not None for pull in dead)
    yield figure("revoked keys that are refused", "keys", refused).held(least=len(revoked))
    yield figure("Pods replaced", "Pods", int(replaced)).held(most=0)
    yield figure("a pull, its token included", "s", *(pull.ended - pull.began for pull in pulling.pulls))
    yield figure("a rotation under load", "s", *took)
