"""What the provider costs: `python -m bench.provider [resources ...]`; without numbers 20, 60 and 200.

Start of the plugin and its memory, and for each number of resources a create, an unchanged update, a refresh and a
destroy with the real engine against a stand-in on this machine. Prints a table in Markdown.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from base import paths
from bench.engine import Project, project
from bench.provider_kills import plugin_of

PROGRAM = """
import os
import ibm_native as ibm

for number in range(int(os.environ.get("COUNT", "0")) // 4):
    identity = ibm.ServiceId(f"identity-{number}", ibm.ServiceIdArgs(name=f"puller-{number}"))
    ibm.AccessPolicy(f"policy-{number}", ibm.AccessPolicyArgs(
        iam_id=identity.iam_id, roles=["Reader"], region="jp-tok"))
    for letter in "ab":
        ibm.ApiKey(f"key-{number}-{letter}", ibm.ApiKeyArgs(name=f"key-{letter}", iam_id=identity.iam_id))
"""
STARTS = 5
COMMANDS = {
    "create": ["up", "--yes", "--skip-preview"],
    "unchanged": ["up", "--yes", "--skip-preview"],
    "refresh": ["refresh", "--yes", "--skip-preview"],
    "destroy": ["destroy", "--yes", "--skip-preview"],
}


def start_seconds() -> float:
    """Return the best of some starts, from the command to the port on stdout."""
    found: list[float] = []
    for _ in range(STARTS):
        began = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-u", str(paths.CHECKOUT / "ibm_native"), "127.0.0.1:1"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        if process.stdout is not None:
            process.stdout.readline()
        found.append(time.perf_counter() - began)
        process.terminate()
        process.communicate()
    return min(found)


def peak_megabytes(pid: int) -> float:
    """Return the most memory that a process has had; 0 if it is gone."""
    try:
        status = (Path("/proc") / str(pid) / "status").read_text()
    except OSError:
        return 0.0
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) / 1024 if found else 0.0


def run(made: Project, words: list[str], count: int) -> tuple[float, float]:
    """Run a command; return its seconds, and the most memory in MiB that the plugin had."""
    began = time.perf_counter()
    process = subprocess.Popen(
        made.command(*words),
        cwd=made.folder,
        env={**made.environ, "COUNT": str(count)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    peak, over = [0.0], threading.Event()

    def watch() -> None:
        while not over.wait(0.1):
            plugin = plugin_of(process.pid)
            peak[0] = max(peak[0], peak_megabytes(plugin) if plugin else 0.0)

    watcher = threading.Thread(target=watch)
    watcher.start()
    told, _ = process.communicate()
    over.set()
    watcher.join()
    if process.returncode:
        raise RuntimeError(told)
    return time.perf_counter() - began, peak[0]


def main(counts: list[int]) -> None:
    """Measure and print."""
    print(f"Plugin start, best of {STARTS}: {start_seconds():.2f} s\n")
    print("| Resources | Command | Seconds | Milliseconds a resource | Plugin's most memory, MiB | Calls |")
    print("|---|---|---|---|---|---|", flush=True)
    for count in counts:
        with tempfile.TemporaryDirectory() as folder, project(Path(folder), PROGRAM) as made:
            for name, words in COMMANDS.items():
                made.cloud.clear_requests()
                seconds, peak = run(made, words, count)
                calls = len(made.cloud.requests)
                each = 1000 * seconds / count
                print(f"| {count} | {name} | {seconds:.1f} | {each:.0f} | {peak:.0f} | {calls} |", flush=True)
            left = made.account()
            if left:
                raise RuntimeError(f"left in the account: {left}")


if __name__ == "__main__":
    main([int(each) for each in sys.argv[1:]] or [20, 60, 200])
