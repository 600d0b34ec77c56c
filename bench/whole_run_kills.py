"""Kills whole runs at random moments: `python -m bench.whole_run_kills [kills] [seed]`, with the sandbox up.

Each round starts an update of a stack of its own as `make` does (a first one, a new page, a rotation, a destroy),
and sends SIGKILL at a random moment to the engine alone, one plugin alone, everything, or the command alone that
started it. The same command must then end well, and account, registry and cluster hold exactly what the state says.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import IO, Any

import httpx
import psutil
from pulumi.automation import CommandError

from base import paths
from fleet.recovery import recover
from fleet.stack import Stack
from sandbox import addresses
from tests.e2e.project import STACK, Project
from tests.e2e.sandbox_account import Account

KILLS = 200
UPDATES = ("first up", "new page", "rotation", "destroy")
VICTIMS = ("engine", "plugin", "all", "command")
SECONDS = {"first up": 20.0, "new page": 16.0, "rotation": 12.0, "destroy": 8.0}
"""How long each update takes, about: the moment of the kill lies in it."""
PATIENCE = 300.0

Held = dict[str, set[str]]
"""Kind of thing to the ids that exist."""


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
    """One kill: what ran, who was killed, when, and how it went on."""

    project: Project
    kind: str
    victim: str
    moment: float

    def play(self, log: Path) -> str | None:
        """Kill, go on, compare; returns what is wrong, or None."""
        with log.open("ab") as out:
            command = self._start(out)
            self._kill(command)
            command.wait(PATIENCE)
            status = self._start(out).wait(PATIENCE)
        if status:
            return f"the same command ended with {status}"
        known, found = in_state(self.project), in_world(self.project)
        wrong = {kind: (found[kind], known[kind]) for kind in found if found[kind] != known[kind]}
        return f"found and known: {wrong}" if wrong else None

    def _start(self, out: IO[bytes]) -> subprocess.Popen[bytes]:
        verb = "destroy" if self.kind == "destroy" else "up"
        words = [sys.executable, "-m", "bench.whole_run_kills", "update", str(self.project.folder), verb]
        environ = dict(self.project.stack.environ)
        return subprocess.Popen(words, cwd=paths.CHECKOUT, env=environ, stdout=out, stderr=out, start_new_session=True)

    def _kill(self, command: subprocess.Popen[bytes]) -> None:
        time.sleep(self.moment)
        try:
            tree = psutil.Process(command.pid).children(recursive=True)
            for process in self._chosen(psutil.Process(command.pid), tree):
                process.send_signal(signal.SIGKILL)
        except psutil.NoSuchProcess:
            return

    def _chosen(self, command: psutil.Process, tree: list[psutil.Process]) -> Iterator[psutil.Process]:
        engine = [each for each in tree if each.name() == "pulumi"]
        if self.victim == "command":
            yield command
        elif self.victim == "engine":
            yield from engine[:1]
        elif self.victim == "plugin":
            plugins = [each for each in tree if each not in engine]
            yield from random.sample(plugins, min(1, len(plugins)))
        else:
            yield from [command, *tree]


def in_state(project: Project) -> Held:
    """Return what the state says that there is."""
    held = empty()
    for resource in project.resources():
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


def in_world(project: Project) -> Held:
    """Return what account, registry and cluster hold of the project's."""
    held = empty()
    account = Account((paths.home() / "deployer.key").read_text().strip())
    headers = account.headers
    name = f"e2e-{project.suffix}"

    def listed(url: str, key: str = "", **query: str) -> list[Any]:
        answer = httpx.get(url, params=query, headers=headers, trust_env=False).raise_for_status().json()
        return answer[key] if key else answer

    registry, iam = f"http://{addresses.REGISTRY_ADDRESSES['jp-tok']}", f"http://{addresses.IAM_ADDRESS}"
    mine = {"account_id": headers["Account"]}
    held["namespaces"] = {each for each in listed(f"{registry}/api/v1/namespaces") if each == name}
    for service in listed(f"{iam}/v1/serviceids/", "serviceids", **mine, name=name):
        held["service IDs"].add(service["id"])
        owner = service["iam_id"]
        held["API keys"] |= {each["id"] for each in listed(f"{iam}/v1/apikeys", "apikeys", **mine, iam_id=owner)}
        held["policies"] |= {each["id"] for each in listed(f"{iam}/v2/policies", "policies", **mine, iam_id=owner)}
    objects = project.kubectl("get", "pods,secrets,serviceaccounts", "--output", "name").text.split()
    held["objects"] = {each.rpartition("/")[2] for each in objects if each.endswith(project.suffix)}
    return held


def empty() -> Held:
    """Return that nothing exists."""
    return {kind: set() for kind in ("namespaces", "service IDs", "policies", "API keys", "objects")}


def rounds(project: Project, victims: tuple[str, ...]) -> Iterator[Round]:
    """Prepare each update of a stack's life and yield its round."""
    for kind, victim in zip(UPDATES, victims, strict=True):
        if kind == "new page":
            (project.folder / "app/index.html").write_text(f"page of {project.suffix}\n")
        if kind == "rotation":
            project.configure(keyEpoch="2")
        yield Round(project, kind, victim, random.uniform(0.5, SECONDS[kind]))  # noqa: S311 - moments, no secrets


def main(kills: int, seed: int) -> int:
    """Kill so often; returns how many rounds went wrong."""
    random.seed(seed)
    wrong = done = 0
    lives = list(product(VICTIMS, repeat=len(UPDATES)))
    random.shuffle(lives)
    for victims in lives:
        with tempfile.TemporaryDirectory(prefix="kills-") as folder:
            Path(folder, "project").mkdir()
            project = Project.copy(Path(folder, "project"), paths.home())
            for each in rounds(project, victims):
                if done == kills:
                    break
                problem = each.play(Path(folder, "log"))
                done += 1
                print(
                    f"{done}: {each.kind}, {each.victim} after {each.moment:.1f} s: {problem or 'goes on'}", flush=True
                )
                if problem:
                    wrong += 1
                    print(Path(folder, "log").read_text(errors="replace")[-3000:], flush=True)
            project.pulumi("destroy", "--yes", "--skip-preview")
        if done == kills:
            break
    print(f"{done} kills, {wrong} stuck")
    return wrong


if __name__ == "__main__":
    if sys.argv[1:2] == ["update"]:
        sys.exit(update(Path(sys.argv[2]), sys.argv[3]))
    sys.exit(bool(main(int(sys.argv[1]) if sys.argv[1:] else KILLS, int(sys.argv[2]) if sys.argv[2:] else 0)))
