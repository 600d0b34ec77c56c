"""Gets the programs that the sandbox is made of: the Pulumi CLI and its plugins, Kubernetes, and packages of Debian."""

from __future__ import annotations

from concurrent.futures import Future, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from sandbox.toolchain import children, debian, environment, kubernetes, launchers, plugins, pulumi_cli, space, system
from sandbox.toolchain.debian import DebianTree

__all__ = ["DebianTree", "Tools", "check", "ensure"]


@dataclass(frozen=True)
class Tools:
    """Where the programs are."""

    pulumi: Path
    node: Path
    """Kubernetes in one binary: `node kube-apiserver ...`, and so on; `node` alone names its programs."""
    debian: DebianTree


def ensure() -> Tools:
    """Return the tools, after getting what is missing, all at once; takes a fraction of a second if nothing is.

    Raises SandboxError, naming the remedy, before anything is made if this machine or its disk won't do, and with the
    reason if a part can't be had. Left early, by Ctrl-C for one, it stops what it started and leaves no part half made.
    """
    check()
    with children.workers(3) as pool:
        cli = pool.submit(pulumi_cli.ensure)
        node = pool.submit(kubernetes.PROGRAM.ensure)
        tree = pool.submit(debian.ensure)
        for part in as_completed(cast("list[Future[object]]", [cli, node, tree])):
            part.result()
    tools = Tools(cli.result(), node.result(), tree.result())
    plugins.ensure(tools.pulumi)
    launchers.kubectl(tools.node)
    launchers.docker(tools.debian)
    environment.make_folders()
    return tools


def check() -> None:
    """Find out whether what is missing can be had on this machine; raises SandboxError, naming the remedy, if not."""
    system.machine()
    needs: list[space.Need] = []
    if debian.find() is None:
        system.require_packages()
        needs.append(debian.NEED)
    builds = [kubernetes.PROGRAM] if kubernetes.PROGRAM.find() is None else []
    if pulumi_cli.find() is None:
        builds.append(pulumi_cli.PROGRAM)
    for program in builds:
        program.require_go()
        needs += program.needs()
    space.require(needs)
