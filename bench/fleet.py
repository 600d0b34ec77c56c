"""Unchanged previews of many stacks: `fleet preview` beside a shell's loop over `pulumi preview`.

Each stack has a namespace, a service ID, its policy and a key on a cloud stand-in; both ways hold the policy pack's
rules. Processor time and memory are those of the command and all that it started.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from base import paths
from bench.figures import Figure, ratio
from bench.watch import Run, watched
from sandbox.cloud.testing import StandIn
from tests.fleet.project import FleetProject

COUNTS = (1, 8, 40)
ROUNDS = 2
FLEET, LOOP = "fleet preview", "loop over pulumi preview"
_LOOP = 'for stack in "$@"; do pulumi preview --stack "$stack" --non-interactive --policy-pack policy || exit 1; done'


def measure(quick: bool) -> Iterator[Figure]:
    """Measure both ways in turns, for each number of stacks: seconds, processor seconds a stack, memory."""
    with tempfile.TemporaryDirectory() as folder, StandIn() as cloud:
        project = FleetProject.make(Path(folder), cloud)
        names: list[str] = []
        for count in COUNTS[:1] if quick else COUNTS:
            new = [f"s{number}" for number in range(len(names), count)]
            for name in new:
                project.add(name, "jp-tok")
            names += new
            made = project.run("up", *new)
            if made.status:
                raise RuntimeError(made.err)
            yield from _compared(project, names, 1 if quick else ROUNDS)


def _compared(project: FleetProject, names: Sequence[str], rounds: int) -> Iterator[Figure]:
    words = {
        FLEET: [sys.executable, "-m", "fleet", "preview", *names, "-C", str(project.folder)],
        LOOP: ["bash", "-c", _LOOP, "loop", *names],
    }
    taken: dict[str, list[Run]] = {way: [] for way in words}
    for number in range(rounds):
        for way in [*words][:: -1 if number % 2 else 1]:
            folder = paths.CHECKOUT if way == FLEET else project.folder
            taken[way].append(watched(partial(_run, words[way], folder, project.environ)))
    many = {"at": len(names), "of": "stacks"}
    walls = {way: Figure(way, "s", tuple(run.seconds for run in runs), **many) for way, runs in taken.items()}
    for way, runs in taken.items():
        yield walls[way]
        each = tuple(run.processor / len(names) for run in runs)
        yield Figure(f"processor a stack, {way}", "s", each, **many)
        yield Figure(f"memory, {way}", "MiB", tuple(run.memory for run in runs), **many)
    yield ratio(f"{FLEET} to {LOOP}, {len(names)} stacks", walls[FLEET], walls[LOOP])


def _run(words: Sequence[str], folder: Path, environ: dict[str, str]) -> None:
    ran = subprocess.run(words, cwd=folder, env=environ, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise RuntimeError(ran.stdout + ran.stderr)
