"""Unchanged previews of many stacks: `fleet preview` beside a shell's loop over `pulumi preview`.

Each stack has a namespace, a service ID, its policy and a key on a cloud stand-in; both ways hold the policy pack's rules.
Processor time is that of the command and all that it started; memory is the most of all their shares (PSS) together.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from base import paths
from bench.figures import Figure, ratio
from sandbox.cloud.testing import StandIn
from tests.fleet.project import FleetProject

COUNTS = (1, 8, 40)
ROUNDS = 2
_LOOP = 'for stack in "$@"; do pulumi preview --stack "$stack" --non-interactive --policy-pack policy || exit 1; done'
WAYS = ("fleet preview", "loop over pulumi preview")


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
    taken: dict[str, list[tuple[float, float, float]]] = {way: [] for way in WAYS}
    words = {
        WAYS[0]: [sys.executable, "-m", "fleet", "preview", *names, "-C", str(project.folder)],
        WAYS[1]: ["bash", "-c", _LOOP, "loop", *names],
    }
    for number in range(rounds):
        for way in WAYS[:: -1 if number % 2 else 1]:
            taken[way].append(_run(project, words[way], paths.CHECKOUT if way == WAYS[0] else project.folder))
    walls: list[Figure] = []
    for way, found in taken.items():
        wall, processor, memory = (tuple(each) for each in zip(*found, strict=True))
        walls.append(Figure(way, "s", wall, len(names), "stacks"))
        yield walls[-1]
        each = tuple(one / len(names) for one in processor)
        yield Figure(f"processor a stack, {way}", "s", each, len(names), "stacks")
        yield Figure(f"memory, {way}", "MiB", memory, len(names), "stacks")
    yield ratio(f"{len(names)} stacks, {WAYS[0]} to {WAYS[1]}", *walls)


def _run(project: FleetProject, words: Sequence[str], folder: Path) -> tuple[float, float, float]:
    """Run a command; returns its seconds, processor seconds and the most MiB, of it and all that it started."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    with subprocess.Popen(
        words, cwd=folder, env=project.environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as ran:
        peak, over = [0.0], threading.Event()

        def watch() -> None:
            while not over.wait(0.5):
                peak[0] = max(peak[0], _mebibytes(ran.pid))

        watcher = threading.Thread(target=watch)
        watcher.start()
        told, _ = ran.communicate()
        over.set()
        watcher.join()
    if ran.returncode:
        raise RuntimeError(told.decode())
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - began, processor, peak[0]


def _mebibytes(pid: int) -> float:
    total = 0.0
    with suppress(psutil.Error):
        top = psutil.Process(pid)
        for each in [top, *top.children(recursive=True)]:
            with suppress(psutil.Error):
                total += each.memory_full_info().pss / (1 << 20)
    return total
