"""Looks by the deployer's own tools before any Pod: whether cluster and image have what the Pod takes for granted.

Where a tool is missing, or may not look, nothing is said: the Pod's own events tell then, later.
"""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path

import pulumi

from config.workloads import WorkloadSettings

NODES = 'jsonpath={range .items[*]}{.status.nodeInfo.operatingSystem}/{.status.nodeInfo.architecture}{"\\n"}{end}'
SECONDS = 20
PATH = "/bin:/usr/bin:/usr/local/bin:/sbin:/usr/sbin:/usr/local/sbin"
"""Where container runtimes look if the image has no PATH; the likeliest first, since any of them will do."""
ABSENT = re.compile(r"no such container:path|could not find the file|no such file", re.IGNORECASE)


class Preflight:
    """What is looked at once in a run. `kubeconfig` and `context` as in the settings."""

    def __init__(self, kubeconfig: pulumi.Input[str] = "", context: str = "") -> None:
        async def look(given: str) -> frozenset[str]:
            return (
                frozenset() if pulumi.runtime.is_dry_run() else await asyncio.to_thread(node_platforms, given, context)
            )

        # What nodes a cluster has is no secret, though the kubeconfig may be one: images would become secret with it.
        self._platforms = pulumi.Output.unsecret(pulumi.Output.from_input(kubeconfig).apply(look))

    def held(
        self, name: str, reference: pulumi.Output[str], workload: WorkloadSettings, platform: str
    ) -> pulumi.Output[str]:
        """Return the image's reference once nothing speaks against a Pod of it; a preview doesn't look."""
        if pulumi.runtime.is_dry_run():
            return reference
        programs = programs_of(workload)

        async def look(image: str, platforms: frozenset[str]) -> str:
            missing = await asyncio.to_thread(missing_programs, image, programs) if programs else ()
            problem = problem_of(name, platform, platforms, missing)
            if problem:
                raise pulumi.RunError(problem)
            return image

        return pulumi.Output.all(reference, self._platforms).apply(lambda both: look(str(both[0]), both[1]))


def problem_of(name: str, platform: str, platforms: frozenset[str], missing: Sequence[str]) -> str | None:
    """Return what keeps a Pod of workload `name` from running, with what mends it; None if nothing is known to."""
    if platforms and platform not in platforms:
        return (
            f"workload {name} is for {platform}, and the cluster's nodes are {', '.join(sorted(platforms))}: its Pod "
            f"would wait for a node that never comes. Build it for one of them: pulumi config set platform "
            f"{min(platforms)}, or platform in the workload's own settings"
        )
    if missing:
        return (
            f"workload {name} runs {', '.join(missing)}, and its image has no such program: its Pod would never start. "
            "Install it in the Dockerfile, or set the workload's command and probes to what is in the image "
            "(docs/workloads.md)"
        )
    return None


def programs_of(workload: WorkloadSettings) -> tuple[str, ...]:
    """Return the programs that the settings name, in order; the image's own entry point isn't among them."""
    found = [workload.command[0]] if workload.command else []
    probes = workload.probes
    for probe in (probes.readiness, probes.liveness, probes.startup):
        if probe:
            found += ["sh", "cat"] if probe.page else probe.command[:1] if probe.command else []
    return tuple(dict.fromkeys(each for each in found if each.startswith("/") or "/" not in each))


def node_platforms(kubeconfig: str, context: str) -> frozenset[str]:
    """Return the platforms of the cluster's nodes, such as `linux/amd64`; nothing if it can't be seen."""
    with ExitStack() as until_read:
        place = kubeconfig
        if "\n" in kubeconfig:
            file = until_read.enter_context(tempfile.NamedTemporaryFile("w", prefix="kubeconfig-"))
            file.write(kubeconfig)
            file.flush()
            place = file.name
        chosen = [f"--kubeconfig={place}"] if place else []
        chosen += [f"--context={context}"] if context else []
        ran = _run("kubectl", *chosen, f"--request-timeout={SECONDS}s", "get", "nodes", "-o", NODES)
    return frozenset(ran.stdout.split()) if ran and ran.returncode == 0 else frozenset()


def missing_programs(image: str, programs: Iterable[str]) -> tuple[str, ...]:
    """Return which of `programs` an image of the Docker Engine lacks: it is looked into, and never run.

    An image that the engine doesn't have is not fetched, and lacks nothing that is known.
    """
    made = _run("docker", "create", "--pull=never", image, "-")
    if made is None or made.returncode != 0:
        return ()
    container = made.stdout.strip()
    try:
        return tuple(each for each in programs if not _has(container, each))
    finally:
        _run("docker", "rm", container)


def _has(container: str, program: str) -> bool:
    if program.startswith("/"):
        return _is_there(container, program)
    if any(_is_there(container, f"{folder}/{program}") for folder in PATH.split(":")):
        return True
    ran = _run("docker", "inspect", "--format={{json .Config.Env}}", container)
    variables: list[str] = json.loads(ran.stdout) or [] if ran and ran.returncode == 0 else []
    own = next((each.removeprefix("PATH=") for each in variables if each.startswith("PATH=")), "")
    others = [folder for folder in own.split(":") if folder and folder not in PATH.split(":")]
    return any(_is_there(container, f"{Path(folder)}/{program}") for folder in others)


def _is_there(container: str, path: str) -> bool:
    ran = _run("docker", "cp", f"{container}:{path}", "-")
    return ran is None or ran.returncode == 0 or not ABSENT.search(ran.stderr)


def _run(*words: str) -> subprocess.CompletedProcess[str] | None:
    """Run a tool; None if it is missing or doesn't answer."""
    try:
        return subprocess.run(words, capture_output=True, text=True, errors="replace", timeout=SECONDS * 2, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
