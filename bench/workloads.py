"""Workloads in one stack: `python -m bench workloads`, with the sandbox up.

For 1, 10 and 50 workloads, each with an image and a repository of its own: the first `pulumi up` with layers that
`make up` has built before, a preview that finds nothing to change, and the memory that the run takes at most: the
engine, the program and the plugins together.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import yaml

from base import paths
from bench.figures import Figure, figure
from bench.watch import Run, watched
from sandbox import addresses
from tests.e2e.project import Project

COUNTS = (1, 10, 50)
UP_SECONDS, PREVIEW_SECONDS = 180.0, 8.0
"""What 50 workloads may take at most."""
ROUNDS = 3


def measure(quick: bool) -> Iterable[Figure]:
    """Measure small stacks first; `quick` leaves the largest out."""
    for count in COUNTS[:2] if quick else COUNTS:
        with tempfile.TemporaryDirectory(prefix="bench-workloads-") as folder:
            project = Project.copy(Path(folder), paths.home())
            configure(project, count)
            try:
                for each in _of(project, 1 if quick else ROUNDS):
                    yield replace(each, at=count, of="workloads")
            finally:
                ran = project.pulumi("destroy", "--yes", "--skip-preview")
                if ran.status:
                    raise RuntimeError(ran.text)


def _of(project: Project, rounds: int) -> Iterable[Figure]:
    largest = max(COUNTS)
    first = len(_workloads(project)) == largest
    up = ("up", "--yes", "--skip-preview")
    ups = [watched_run(project, *up)]
    yield figure("first up, layers cached", "s", ups[0].seconds).held(most=UP_SECONDS if first else None)
    yield from _taken("a first up", ups)
    previews = [watched_run(project, "preview", "--expect-no-changes") for _ in range(rounds)]
    unchanged = figure("unchanged preview", "s", *(each.seconds for each in previews))
    yield unchanged.held(most=PREVIEW_SECONDS if first else None)
    yield from _taken("an unchanged preview", previews)
    again = [watched_run(project, *up)]
    yield figure("unchanged up", "s", again[0].seconds)
    yield from _taken("an unchanged up", again)


def _taken(what: str, runs: list[Run]) -> Iterable[Figure]:
    yield figure(f"processor time of {what}", "s", *(each.processor for each in runs))
    yield figure(f"memory of {what}", "MiB", *(each.memory for each in runs))


def configure(project: Project, count: int) -> None:
    """Give the stack so many workloads: Pods that sleep, with a page of their own each."""
    folder = project.folder / "app"
    dockerfile = (folder / "Dockerfile").read_text()
    (folder / "Dockerfile").write_text(f"{dockerfile}\nARG NUMBER\nLABEL number=$NUMBER\n")
    workloads = {
        f"w{number}-{project.suffix}": {
            "build": {"context": "app", "args": {"BASE": addresses.BASE_IMAGE, "NUMBER": str(number)}},
            "command": ["sleep", "100000"],
            "terminationGracePeriodSeconds": 0,
        }
        for number in range(count)
    }
    file = project.folder / f"Pulumi.{project.stack.name}.yaml"
    content = yaml.safe_load(file.read_text())
    content["config"]["icr-private-image:workloads"] = workloads
    file.write_text(yaml.safe_dump(content))


def _workloads(project: Project) -> Mapping[str, object]:
    content = yaml.safe_load((project.folder / f"Pulumi.{project.stack.name}.yaml").read_text())
    return content["config"]["icr-private-image:workloads"]


def watched_run(project: Project, *words: str) -> Run:
    """Run the CLI and watch what it takes; raises RuntimeError if it fails."""

    def work() -> None:
        ran = project.pulumi(*words)
        if ran.status:
            raise RuntimeError(ran.text)

    return watched(work)
