"""The provider by itself: `python -m bench provider`.

Start of the plugin and its memory, and for each number of resources a create, an unchanged update, a refresh and a
destroy with the real engine against a stand-in on this machine.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from base import paths
from bench.engine import Project, project
from bench.figures import Figure, beyond, figure, in_turns
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
NOTHING = """
import ibm_native as ibm

ibm.Provider("ibm")
"""
FIVE = """
import ibm_native as ibm

space = ibm.Namespace("space", ibm.NamespaceArgs(name="my-images", region="jp-tok"))
ibm.RetentionPolicy("retention", ibm.RetentionPolicyArgs(namespace=space.name, region="jp-tok", images_per_repo=5))
identity = ibm.ServiceId("identity", ibm.ServiceIdArgs(name="puller"))
ibm.AccessPolicy("policy", ibm.AccessPolicyArgs(iam_id=identity.iam_id, roles=["Reader"], region="jp-tok"))
ibm.ApiKey("key", ibm.ApiKeyArgs(name="key", iam_id=identity.iam_id))
"""
_ID = re.compile(r"[A-Za-z]*-?[0-9a-f]{8}-[0-9a-f-]{27}")
STARTS = 5
COUNTS = (20, 60, 200)
COMMANDS = {
    "create": ["up", "--yes", "--skip-preview"],
    "unchanged": ["up", "--yes", "--skip-preview"],
    "refresh": ["refresh", "--yes", "--skip-preview"],
    "destroy": ["destroy", "--yes", "--skip-preview"],
}


def start_seconds() -> float:
    """Start the plugin once; return the seconds from the command to the port on stdout."""
    began = time.perf_counter()
    words = [sys.executable, "-u", str(paths.CHECKOUT / "ibm_native"), "127.0.0.1:1"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    if process.stdout is not None:
        process.stdout.readline()
    took = time.perf_counter() - began
    process.terminate()
    process.communicate()
    return took


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


def refresh(made: Project) -> None:
    """Preview with a refresh; raises RuntimeError unless nothing is to change."""
    ran = made.pulumi("preview", "--refresh", "--expect-no-changes")
    if ran.returncode:
        raise RuntimeError(ran.stdout)


def of_five(rounds: int) -> Iterator[Figure]:
    """Hold a refresh of five resources against one of the same provider alone, and count its calls by kind."""
    with ExitStack() as stack:
        few, none = (
            stack.enter_context(project(Path(stack.enter_context(tempfile.TemporaryDirectory())), program))
            for program in (FIVE, NOTHING)
        )
        for each in (few, none):
            run(each, COMMANDS["create"], 0)
        few.cloud.clear_requests()
        refresh(few)
        calls = Counter(f"{each.method} {_ID.sub('ID', each.path)}" for each in few.cloud.requests)
        took = in_turns(
            rounds, {"refresh, five resources": lambda: refresh(few), "refresh, none": lambda: refresh(none)}
        )
    yield beyond("refresh of five resources beyond the floor", *took.values()).held(
        most=0.3,
        reason="to read resources the engine starts the plugin once more (0.22 s); the first call imports IBM's SDK "
        "with all of its services (0.13 s), and each of three clients loads the authorities to trust (0.02 s)",
    )
    yield from took.values()
    yield from (figure(f"refresh, five resources: {kind}", "calls", count) for kind, count in sorted(calls.items()))


def measure(quick: bool) -> Iterator[Figure]:
    """Measure the plugin's start, then a whole life of each number of resources."""
    yield figure("plugin start", "s", *(start_seconds() for _ in range(2 if quick else STARTS))).held(most=0.3)
    yield from of_five(2 if quick else STARTS)
    for count in COUNTS[:1] if quick else COUNTS:
        with tempfile.TemporaryDirectory() as folder, project(Path(folder), PROGRAM) as made:
            for name, words in COMMANDS.items():
                made.cloud.clear_requests()
                took, peak = run(made, words, count)
                found = ((name, "s", took), (f"memory, {name}", "MiB", peak), (name, "calls", len(made.cloud.requests)))
                yield from (Figure(what, unit, (value,), count, "resources") for what, unit, value in found)
            if left := made.account():
                raise RuntimeError(f"left in the account: {left}")
