"""The sandbox as a whole: up, down, reset, and what it is at the moment. The commands and the tests call this."""

from __future__ import annotations

import fcntl
import os
import shlex
import shutil
import sys
import threading
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from base import files, mounts, progress, rights
from base.errors import SandboxError
from sandbox import cleanup, preflight, toolchain
from sandbox.endpoints import front, regions, registry, stand_in
from sandbox.host import modules, sysctls, tasks
from sandbox.host.layout import Layout, current
from sandbox.host.supervisor import Command, Part, Supervisor
from sandbox.host.tasks import Task
from sandbox.images import base_image, build_network, docker_engine
from sandbox.kubernetes import containerd, control_plane, kubelet, network, services
from sandbox.toolchain import Tools, children
from sandbox.toolchain.debian import DebianTree

_Start = Callable[[Part, Callable[[], Command]], Callable[[], None]]


@dataclass(frozen=True)
class PartStatus:
    """How one part is: `problem` is None if it is up; `since` is None if it doesn't run, or isn't ours."""

    name: str
    problem: str | None
    since: datetime | None
    address: str
    log: Path | None

    @property
    def up(self) -> bool:
        """Return True if the part can be used."""
        return self.problem is None


def up(wanted: Iterable[str] = ()) -> None:
    """Start what doesn't run; the regions `wanted` of the registry are started beside those that run, or always do.

    Raises SandboxError if this machine won't do, a part doesn't come up, or a region doesn't exist.
    """
    rights.require_root(shlex.join(sys.orig_argv))
    layout = current()
    preflight.check_home(layout)
    with _alone(layout):
        chosen = regions.running_with(layout, wanted)
        if chosen == regions.running(layout) and _is_ready(layout):
            return
        cancelled = threading.Event()
        supervisor = Supervisor(layout, cancelled)
        toolchain.check()
        forget_earlier_boot(layout)
        files.write(layout.boot_id, files.boot())
        layout.make()
        regions.choose(layout, chosen)
        modules.note(layout)
        supervisor.cgroup.note(layout.controllers)
        preflight.check_machine(layout, supervisor)
        tools = toolchain.ensure()
        sysctls.note(layout)
        docker_engine.choose(layout)

        def cancel() -> None:
            cancelled.set()
            children.stop_all()

        tasks.run(_steps(layout, tools, supervisor), cancel)


def down() -> None:
    """Stop everything and remove every trace outside of the data folder, which stays for the next `up`.

    Raises SandboxError if something could not be removed.
    """
    rights.require_root(shlex.join(sys.orig_argv))
    layout = current()
    if layout.root.is_dir():
        with _alone(layout):
            _down(layout)


def reset() -> None:
    """Stop everything and remove the data folder: images, keys, cluster and IBM Cloud's stand-in start from nothing."""
    rights.require_root(shlex.join(sys.orig_argv))
    layout = current()
    if layout.root.is_dir():
        with _alone(layout):
            _down(layout)
            mounts.remove_tree(layout.root)


def is_up() -> bool:
    """Return True if every part can be used."""
    return all(part.up for part in status())


def is_started() -> bool:
    """Return True if `up` has begun since the machine's start, and this user may use what it makes; anyone may ask."""
    try:
        return current().boot_id.read_text().strip() == files.boot()
    except (FileNotFoundError, PermissionError):
        return False


def status() -> list[PartStatus]:
    """Return how each part is, in the order in which they start. Changes nothing."""
    layout = current()
    supervisor = Supervisor(layout)
    parts = _parts(layout, supervisor)
    with ThreadPoolExecutor(len(parts)) as pool:
        found = [pool.submit(_status, part, layout, supervisor) for part in parts]
        return [future.result() for future in found]


def regions_running() -> list[str]:
    """Return the regions of the registry that run, or are about to."""
    return regions.running(current())


def kernel_modules() -> list[str]:
    """Return the kernel modules that were loaded since the sandbox came up; they stay after `down`."""
    return modules.since(current())


def leftovers() -> list[str]:
    """Return a line for each thing of the sandbox that is there outside of its data folder; empty after `down`."""
    return cleanup.leftovers(current())


def _parts(layout: Layout, supervisor: Supervisor) -> list[Part]:
    return [
        containerd.part(layout),
        docker_engine.part(layout),
        control_plane.etcd(layout),
        control_plane.apiserver(layout),
        control_plane.controller_manager(layout),
        control_plane.scheduler(layout),
        kubelet.part(layout, supervisor),
        services.part(),
        stand_in.part(layout),
        *(part for region in regions.running(layout) for part in (registry.part(layout, region), front.part(region))),
    ]


def _status(part: Part, layout: Layout, supervisor: Supervisor) -> PartStatus:
    ours = part.name != "docker" or docker_engine.is_own(layout)
    leader = supervisor.leader(part.name) if ours else None
    problem = "it does not run" if ours and leader is None else part.problem()
    since = datetime.fromtimestamp(leader.create_time()).astimezone() if leader else None
    return PartStatus(part.name, problem, since, part.address, layout.log(part.name) if ours else None)


def _steps(layout: Layout, tools: Tools, supervisor: Supervisor) -> dict[str, Task]:
    """Return what `up` does, and what must come before what."""

    def start(part: Part, command: Callable[[], Command]) -> Callable[[], None]:
        return lambda: supervisor.ensure(part, command)

    debian = tools.debian
    docker = docker_engine.part(layout)
    return {
        "credentials": Task(lambda: _ensure_credentials(layout, supervisor)),
        "cluster's keys": Task(lambda: stand_in.introduce_cluster(layout), ("credentials",)),
        "bridge": Task(lambda: network.bridge(layout).ensure()),
        "etcd": Task(start(control_plane.etcd(layout), lambda: control_plane.etcd_command(layout, tools))),
        "containerd": Task(
            start(containerd.part(layout), lambda: containerd.command(layout, debian)), ("credentials",)
        ),
        "secrets": Task(lambda: regions.ensure_secrets(layout)),
        "apiserver": Task(
            start(control_plane.apiserver(layout), lambda: control_plane.apiserver_command(layout, tools)),
            ("etcd", "credentials"),
        ),
        "pause image": Task(lambda: containerd.ensure_pause_image(layout, debian), ("containerd",)),
        "node": Task(lambda: kubelet.ensure_node(layout), ("apiserver",)),
        "controller manager": Task(
            start(
                control_plane.controller_manager(layout),
                lambda: control_plane.controller_manager_command(layout, tools),
            ),
            ("apiserver",),
        ),
        "scheduler": Task(
            start(control_plane.scheduler(layout), lambda: control_plane.scheduler_command(layout, tools)),
            ("apiserver",),
        ),
        "kubelet": Task(
            start(kubelet.part(layout, supervisor), lambda: kubelet.command(layout, tools)),
            ("node", "pause image", "bridge"),
        ),
        "services": Task(
            start(services.part(), lambda: services.command(layout)), ("apiserver", "bridge", "credentials")
        ),
        "pods": Task(
            lambda: _await_pods(layout, supervisor),
            ("kubelet",),
        ),
        "build network": Task(lambda: build_network.ensure(layout) if docker_engine.is_own(layout) else _nothing()),
        "docker": Task(
            start(docker, lambda: docker_engine.command(layout, debian)) if docker_engine.is_own(layout) else _nothing,
            ("containerd", "build network"),
        ),
        "base image": Task(lambda: base_image.ensure(layout, debian), ("docker",)),
        "cloud": Task(start(stand_in.part(layout), lambda: stand_in.command(layout)), ("secrets", "credentials")),
        **_region_steps(layout, debian, start),
    }


def _region_steps(layout: Layout, debian: DebianTree, start: _Start) -> dict[str, Task]:
    steps: dict[str, Task] = {}
    for region in regions.running(layout):
        held, shown = registry.part(layout, region), front.part(region)
        steps[held.name] = Task(start(held, partial(registry.command, layout, debian, region)), ("secrets",))
        steps[shown.name] = Task(
            start(shown, partial(front.command, layout, debian, region)), (held.name, "cloud", "bridge", "credentials")
        )
    return steps


def _ensure_credentials(layout: Layout, supervisor: Supervisor) -> None:
    if control_plane.ensure_credentials(layout):
        for part in (
            *(front.part(region) for region in regions.running(layout)),
            stand_in.part(layout),
            docker_engine.part(layout),
            containerd.part(layout),
            kubelet.part(layout, supervisor),
            control_plane.scheduler(layout),
            control_plane.controller_manager(layout),
            control_plane.apiserver(layout),
        ):
            supervisor.stop(part)


def _await_pods(layout: Layout, supervisor: Supervisor) -> None:
    if supervisor.until(lambda: kubelet.pods_problem(layout, supervisor), kubelet.PODS_LIMIT):
        progress.say("  ... some Pods of an earlier run are not back yet: kubectl get pods --all-namespaces")


def _nothing() -> None:
    """Stand for a step that this machine doesn't need."""


def _is_ready(layout: Layout) -> bool:
    return layout.run.is_dir() and is_up() and base_image.is_there(layout)


def _down(layout: Layout) -> None:
    forget_earlier_boot(layout)
    if layout.run.is_dir() or cleanup.leftovers(layout):
        with progress.step("stop the sandbox", usually=2):
            _stop(layout)
    if left := cleanup.leftovers(layout):
        lines = "\n".join(f"    {line}" for line in left)
        raise SandboxError(
            f"This is left of the sandbox:\n{lines}", "run `down` again; a restart of the machine helps too"
        )


def _stop(layout: Layout) -> None:
    supervisor = Supervisor(layout)
    parts = {part.name: part for part in _parts(layout, supervisor)}
    last = [parts.pop(name) for name in ("kube-apiserver", "etcd", "containerd")]
    with ThreadPoolExecutor(len(parts)) as pool:
        list(pool.map(supervisor.stop, parts.values()))
    cleanup.stop_pods(supervisor.cgroup)
    with ThreadPoolExecutor(len(last)) as pool:
        list(pool.map(supervisor.stop, last))
    cleanup.remove_traces(layout)


def forget_earlier_boot(layout: Layout) -> None:
    """Remove what only holds while the machine runs, if it has been restarted since.

    After a power cut, images may have files that are empty: they go too, and are imported and pulled again.
    """
    if layout.run.is_dir() and not (layout.boot_id.exists() and layout.boot_id.read_text().strip() == files.boot()):
        progress.say("  ... the machine was restarted while the sandbox was up: the images on its node are made anew")
        for store in (containerd.store(layout), docker_engine.store(layout)):
            mounts.remove_tree(store)
        shutil.rmtree(layout.run)


@contextmanager
def _alone(layout: Layout) -> Generator[None]:
    """Keep two runs on one data folder apart, by a lock on the folder itself."""
    while True:
        layout.root.mkdir(parents=True, exist_ok=True)
        handle = os.open(layout.root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                progress.say("  ... waiting for another run on this sandbox")
                fcntl.flock(handle, fcntl.LOCK_EX)
            if layout.root.is_dir() and _same(handle, layout.root):
                yield
                return
        finally:
            os.close(handle)


def _same(handle: int, folder: Path) -> bool:
    there, held = folder.stat(), os.fstat(handle)
    return (there.st_dev, there.st_ino) == (held.st_dev, held.st_ino)
