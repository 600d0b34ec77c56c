"""Kills whole runs at random moments: `python -m bench.whole_run_kills TALLY [kills]`, with the sandbox up.

Each round starts an update of a stack of its own as `make` does (a first one, a new page, a rotation, a destroy), or
`make up` itself on an empty stack dev, and sends SIGKILL at a random moment to the engine alone, one plugin alone,
everything, or what started the engine alone. The same command must then end well, and account, registry and cluster
hold exactly what the state says.

TALLY is a file with a line a kill. A run adds to it until it has so many, and prints what all of them came to: it may
be ended at any time. What wasn't made so often yet comes first.
"""

from __future__ import annotations

import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import httpx
import psutil
from pulumi.automation import CommandError

from base import paths
from fleet.recovery import recover
from fleet.stack import SANDBOX_STACK, Stack
from sandbox import addresses
from sandbox.toolchain import environment
from tests.e2e.project import STACK, Project
from tests.e2e.sandbox_account import Account

KILLS = 200
UPDATES = ("first up", "new page", "rotation", "destroy")
MAKE_UP = "make up"
VICTIMS = ("engine", "plugin", "all", "command")
SECONDS = {"first up": 20.0, "new page": 16.0, "rotation": 12.0, "destroy": 8.0, MAKE_UP: 24.0}
"""How long each update takes, about, until the tally knows better: the moment of the kill lies in it."""
LIVES_A_MAKE_UP = 2
PATIENCE = 400.0

Held = dict[str, set[str]]
"""Kind of thing to the ids that exist."""


@dataclass(frozen=True)
class Kill:
    """A line of the tally; a run that was over before anything was killed counts for nothing and isn't in it."""

    at: str
    commit: str
    kind: str
    victim: str
    moment: float
    killed: list[str]
    seconds: float
    """How long the same command took afterwards."""
    problem: str | None


def update(folder: Path, verb: str) -> int:
    """Do what `make up` and `make down` do with a stack; returns the exit status."""
    stack = Stack(STACK, dict(os.environ), folder)
    recover(stack)
    try:
        stack.up() if verb == "up" else stack.destroy()
    except CommandError:
        return 1
    return 0


@dataclass
class Round:
    """One update of a stack, and who is killed in it."""

    stack: Stack
    kind: str
    victim: str
    lasts: float
    """How many seconds the update is likely to take."""

    def play(self, log: Path) -> Kill:
        """Kill, go on, compare."""
        moment = random.uniform(0.5, self.lasts)  # noqa: S311 - moments, no secrets
        with log.open("ab") as out:
            command = self._start(out)
            killed = self._kill(command, moment)
            command.wait(PATIENCE)
            began = time.monotonic()
            status = self._start(out).wait(PATIENCE)
        seconds = time.monotonic() - began
        commit = subprocess.check_output(["git", "rev-parse", "--short", "HEAD"], cwd=paths.CHECKOUT, text=True)
        at = datetime.now(UTC).isoformat(timespec="seconds")
        problem = f"the same command ended with {status}" if status else difference(self.stack)
        return Kill(at, commit.strip(), self.kind, self.victim, round(moment, 1), killed, round(seconds, 1), problem)

    def _start(self, out: IO[bytes]) -> subprocess.Popen[bytes]:
        verb = "destroy" if self.kind == "destroy" else "up"
        own = [sys.executable, "-m", "bench.whole_run_kills", "update", str(self.stack.folder), verb]
        words = ["make", "up"] if self.kind == MAKE_UP else own
        environ = os.environ if self.kind == MAKE_UP else self.stack.environ
        return subprocess.Popen(words, cwd=paths.CHECKOUT, env=dict(environ), stdout=out, stderr=out, process_group=0)

    def _kill(self, command: subprocess.Popen[bytes], moment: float) -> list[str]:
        time.sleep(moment)
        killed: list[str] = []
        with suppress(psutil.NoSuchProcess):
            top = psutil.Process(command.pid)
            for process in self._chosen(top, top.children(recursive=True)):
                name = process.name()
                process.send_signal(signal.SIGKILL)
                killed.append(name)
        return killed

    def _chosen(self, top: psutil.Process, tree: list[psutil.Process]) -> Iterator[psutil.Process]:
        engine = [each for each in tree if each.name() == "pulumi"]
        above = [top, *(each for each in tree if not engine or each in engine[0].parents())]
        if self.victim == "command":
            yield from above
        elif self.victim == "engine":
            yield from engine[:1]
        elif self.victim == "plugin":
            plugins = [each for each in tree if each not in [*engine, *above]]
            yield from random.sample(plugins, min(1, len(plugins)))
        else:
            yield from [top, *tree]


def difference(stack: Stack) -> str | None:
    """Tell where state and world differ."""
    known, found = in_state(stack), in_world(stack)
    wrong = {kind: (found[kind], known[kind]) for kind in found if found[kind] != known[kind]}
    return f"found and known: {wrong}" if wrong else None


def in_state(stack: Stack) -> Held:
    """Return what the state says that there is."""
    held = empty()
    deployment: Any = stack.export()["deployment"]
    for resource in deployment.get("resources") or []:
        kind = {
            "ibm-native:registry:Namespace": "namespaces",
            "ibm-native:iam:ServiceId": "service IDs",
            "ibm-native:iam:AccessPolicy": "policies",
            "ibm-native:iam:ApiKey": "API keys",
        }.get(resource["type"])
        if resource["type"].startswith("kubernetes:"):
            kind = "objects"
        if kind:
            held[kind].add(resource["outputs"]["name"] if kind == "namespaces" else resource["id"].rpartition("/")[2])
    return held


def in_world(stack: Stack) -> Held:
    """Return what account, registry and cluster hold of the names that the stack's settings choose."""
    held = empty()
    settings = stack.settings()
    account = Account((paths.home() / "deployer.key").read_text().strip())
    headers = account.headers

    def listed(url: str, key: str = "", **query: str) -> list[Any]:
        answer = httpx.get(url, params=query, headers=headers, trust_env=False).raise_for_status().json()
        return answer[key] if key else answer

    registry, iam = f"http://{addresses.REGISTRY_ADDRESSES['jp-tok']}", f"http://{addresses.IAM_ADDRESS}"
    mine = {"account_id": headers["Account"]}
    held["namespaces"] = set(listed(f"{registry}/api/v1/namespaces")) & {settings["registryNamespace"]}
    for service in listed(f"{iam}/v1/serviceids/", "serviceids", **mine, name=settings["serviceIdName"]):
        held["service IDs"].add(service["id"])
        owner = service["iam_id"]
        held["API keys"] |= {each["id"] for each in listed(f"{iam}/v1/apikeys", "apikeys", **mine, iam_id=owner)}
        held["policies"] |= {each["id"] for each in listed(f"{iam}/v2/policies", "policies", **mine, iam_id=owner)}
    names = {settings[key] for key in ("pullSecretName", "serviceAccountName", "podName")}
    command = ["kubectl", "get", "pods,secrets,serviceaccounts", "--output", "name"]
    objects = subprocess.check_output(command, env=dict(stack.environ), text=True).split()
    held["objects"] = {each.rpartition("/")[2] for each in objects} & names
    return held


def empty() -> Held:
    """Return that nothing exists."""
    return {kind: set() for kind in ("namespaces", "service IDs", "policies", "API keys", "objects")}


class Tally:
    """The kills so far, in a file that each is added to as it is made."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.kills = [Kill(**json.loads(line)) for line in file.read_text().splitlines()] if file.exists() else []

    def add(self, kill: Kill) -> None:
        """Write a kill down and show it."""
        if not kill.killed and not kill.problem:
            return
        self.kills.append(kill)
        with self._file.open("a") as out:
            print(json.dumps(asdict(kill)), file=out)
        print(
            f"{len(self.kills)}: {kill.kind}, {kill.victim} ({', '.join(kill.killed)}) after {kill.moment} s: "
            f"{kill.problem or f'goes on in {kill.seconds} s'}",
            flush=True,
        )

    def of(self, kind: str) -> Counter[str]:
        """Return how often each victim was killed in an update of a kind."""
        return Counter(kill.victim for kill in self.kills if kill.kind == kind)

    def next_victim(self, kind: str) -> str:
        """Return who was killed least often in an update of a kind."""
        made = self.of(kind)
        return min(VICTIMS, key=lambda victim: made[victim])

    def lasts(self, kind: str) -> float:
        """Return how many seconds an update of a kind is likely to take on this machine."""
        return statistics.median([kill.seconds for kill in self.kills if kill.kind == kind] or [SECONDS[kind]])

    def show(self) -> None:
        """Print what all came to."""
        for kind in (*UPDATES, MAKE_UP):
            print(f"{kind}: {', '.join(f'{victim} {self.of(kind)[victim]}' for victim in VICTIMS)}")
        seconds = sorted(kill.seconds for kill in self.kills) or [0.0]
        stuck = sum(bool(kill.problem) for kill in self.kills)
        commits = list(dict.fromkeys(kill.commit for kill in self.kills))
        print(
            f"{len(self.kills)} kills, {stuck} stuck; the same command afterwards took {statistics.median(seconds)} s "
            f"(median), {seconds[-1]} s at most; commits {', '.join(commits)}"
        )


def rounds(folder: Path, tally: Tally, cleanup: ExitStack) -> Iterator[Round]:
    """Prepare each update of a stack's life and yield its round, and now and then one of `make up`."""
    folder.mkdir()
    project = Project.copy(folder, paths.home())
    cleanup.callback(lambda: project.pulumi("destroy", "--yes", "--skip-preview"))
    for kind in UPDATES:
        if kind == "new page":
            (folder / "app/index.html").write_text(f"page of {project.suffix}\n")
        if kind == "rotation":
            project.configure(keyEpoch="2")
        yield Round(project.stack, kind, tally.next_victim(kind), tally.lasts(kind))
    if tally.of(MAKE_UP).total() * LIVES_A_MAKE_UP < tally.of(UPDATES[0]).total():
        with Path(os.devnull).open("w") as log:
            dev = Stack(SANDBOX_STACK, environment.process_environment(), log=log)
            dev.ensure()
            dev.destroy()
            yield Round(dev, MAKE_UP, tally.next_victim(MAKE_UP), tally.lasts(MAKE_UP))


def main(file: Path, kills: int) -> int:
    """Kill until there were so many; returns how many rounds went wrong in this run."""
    tally = Tally(file)
    wrong = 0
    while len(tally.kills) < kills:
        with tempfile.TemporaryDirectory(prefix="kills-") as folder, ExitStack() as cleanup:
            log = Path(folder, "log")
            for each in rounds(Path(folder, "project"), tally, cleanup):
                kill = each.play(log)
                tally.add(kill)
                if kill.problem:
                    wrong += 1
                    print(log.read_text(errors="replace")[-3000:], flush=True)
                    break
                if len(tally.kills) == kills:
                    break
    tally.show()
    return wrong


if __name__ == "__main__":
    if sys.argv[1:2] == ["update"]:
        sys.exit(update(Path(sys.argv[2]), sys.argv[3]))
    if not sys.argv[1:]:
        sys.exit((__doc__ or "").splitlines()[0])
    sys.exit(bool(main(Path(sys.argv[1]), int(sys.argv[2]) if sys.argv[2:] else KILLS)))
