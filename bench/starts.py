"""Whether the supervisor ever takes a part that starts for one that has ended, or for a healthy one unasked.

python -m bench.starts [--starts 10000] [--at-once 12]

Starts small parts on a machine whose processors are all busy, and counts what goes wrong. Target: nothing.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from base.errors import SandboxError
from sandbox.host import cgroups
from sandbox.host.layout import Layout
from sandbox.host.supervisor import Command, Part, Supervisor

_SLEEP = Command(["sleep", "600"], {"PATH": "/usr/bin:/bin"})


def wrong_starts(supervisor: Supervisor, starts: int, at_once: int = 12) -> list[str]:
    """Start and stop `starts` parts under load; returns a line for each that was not seen as what it was."""
    with _load(), ThreadPoolExecutor(at_once) as pool:
        share = [len(range(number, starts, at_once)) for number in range(at_once)]
        runs = [pool.submit(_starts, supervisor, f"part-{number}", count) for number, count in enumerate(share)]
        return [line for run in runs for line in run.result()]


def _starts(supervisor: Supervisor, name: str, count: int) -> list[str]:
    wrong: list[str] = []
    for _ in range(count):
        asked: list[bool] = []

        def problem(asked: list[bool] = asked) -> str | None:
            asked.append(True)
            return None if len(asked) > 1 else "it was asked for the first time"

        part = Part(name, name, "nowhere", problem, usually=1, limit=600)
        try:
            supervisor.ensure(part, lambda: _SLEEP)
        except SandboxError as error:
            wrong.append(error.what.splitlines()[0])
        else:
            if len(asked) < 2:
                wrong.append(f"{name} was taken for healthy, and its health was asked {len(asked)} times")
            if supervisor.leader(name) is None:
                wrong.append(f"{name} was said to be up, and has no process")
        supervisor.stop(part)
    return wrong


@contextmanager
def _load() -> Generator[None]:
    """Keep every processor busy twice over."""
    burners = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2 * (os.cpu_count() or 1))]
    try:
        yield
    finally:
        for burner in burners:
            burner.kill()
            burner.wait()


def main() -> int:
    """Print what went wrong; returns 1 if anything did."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--starts", type=int, default=10_000)
    parser.add_argument("--at-once", type=int, default=12)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="icr-") as folder:
        layout = Layout(Path(folder, "home"))
        layout.make()
        supervisor = Supervisor(layout)
        supervisor.cgroup.make()
        began = time.monotonic()
        try:
            wrong = wrong_starts(supervisor, options.starts, options.at_once)
        finally:
            cgroups.kill_all(supervisor.cgroup)
            supervisor.cgroup.remove()
    for line in wrong:
        print(line)
    print(f"{options.starts} starts in {time.monotonic() - began:.0f} s, {len(wrong)} of them seen wrongly")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
