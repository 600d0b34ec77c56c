"""Workloads in one stack: `python -m bench workloads`, with the sandbox up.

For 1, 10 and 50 workloads, each with an image and a repository of its own: the first `pulumi up` with layers that
`make up` has built before, a preview and an update that find nothing to change, and the memory that a run takes at
most: all that it starts together, and the program and the plugins alone. An update that changes nothing builds no
image and starts no Pod, so what each resource more adds to it is the engine's, the plugins' and the API's time.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import yaml

from base import paths
from bench import traces
from bench.figures import Figure, figure
from bench.watch import Run, watched
from sandbox import addresses
from tests.e2e.project import Project

COUNTS = (1, 10, 50)
UP_SECONDS, PREVIEW_SECONDS = 180.0, 8.0
MEBIBYTES = 350
"""What 50 workloads may take at most."""
RESOURCE_MILLISECONDS = 60
STRAIGHT = 0.2
"""How far the middle count may lie from the line between the others, as a part of it."""
LINES = {
    "a first up": "the engine writes its whole state at each step, which is 7 of its 10 s at 40 workloads: with its "
    "PULUMI_SKIP_CHECKPOINTS, and no way back after a crash, it takes 3",
    "an unchanged preview": "",
    "an unchanged up": "",
}
"""What is to grow in a straight line, and why it may not."""
ROUNDS = 3


def measure(quick: bool) -> Iterable[Figure]:
    """Measure small stacks first; `quick` leaves the largest out, and with it all that it takes to compare."""
    found: dict[tuple[str, int], Figure] = {}
    resources: dict[int, int] = {}
    for count in COUNTS[:2] if quick else COUNTS:
        with tempfile.TemporaryDirectory(prefix="bench-workloads-") as folder:
            project = Project.copy(Path(folder), paths.home())
            configure(project, count)
            try:
                for each in _of(project, count, 1 if quick else ROUNDS):
                    found[each.what, count] = each
                    yield replace(each, at=count, of="workloads")
                resources[count] = len(project.resources())
            finally:
                ran = project.pulumi("destroy", "--yes", "--skip-preview")
                if ran.status:
                    raise RuntimeError(ran.text)
    if not quick:
        yield from _growth(found, resources)


def _growth(found: Mapping[tuple[str, int], Figure], resources: Mapping[int, int]) -> Iterable[Figure]:
    few, middle, many = COUNTS
    least, most = (found["unchanged up", count].median for count in (few, many))
    each = 1000 * (most - least) / (resources[many] - resources[few])
    cost = figure(f"unchanged up, each resource more up to {many} workloads", "ms", each)
    yield cost.held(most=RESOURCE_MILLISECONDS)
    for command, reason in LINES.items():
        what = f"processor time of {command}"
        low, high = (found[what, count].median for count in (few, many))
        line = low + (high - low) * (middle - few) / (many - few)
        yield figure(
            f"{what}, {middle} workloads, to a straight line from {few} to {many}",
            "times",
            found[what, middle].median / line,
        ).held(least=1 - STRAIGHT, most=1 + STRAIGHT, reason=reason)


def _of(project: Project, count: int, rounds: int) -> Iterable[Figure]:
    largest = count == max(COUNTS)
    up = ("up", "--yes", "--skip-preview")
    with traces.Memory() as memory:
        ups = [watched_run(project, *up)]
    yield figure("first up, layers cached", "s", ups[0].seconds).held(most=UP_SECONDS if largest else None)
    yield from _taken("a first up", ups)
    own = figure(f"first up: {traces.OWN}", "MiB", memory.most(traces.OWN))
    yield own.held(most=MEBIBYTES if largest else None)
    previews = [watched_run(project, "preview", "--expect-no-changes") for _ in range(rounds)]
    unchanged = figure("unchanged preview", "s", *(each.seconds for each in previews))
    yield unchanged.held(most=PREVIEW_SECONDS if largest else None)
    yield from _taken("an unchanged preview", previews)
    again = [watched_run(project, *up) for _ in range(rounds)]
    yield figure("unchanged up", "s", *(each.seconds for each in again))
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


def watched_run(project: Project, *words: str) -> Run:
    """Run the CLI and watch what it takes; raises RuntimeError if it fails."""

    def work() -> None:
        ran = project.pulumi(*words)
        if ran.status:
            raise RuntimeError(ran.text)

    return watched(work)
