"""Takes away what the sandbox has made outside of its data folder, and finds what is left of it.

Works from what is there, not from memory: also after everything was killed, or the machine was cut off.
"""

from __future__ import annotations

import shutil
import signal
import socket
import time
from contextlib import suppress
from pathlib import Path

import psutil

from base import files, mounts
from sandbox.host import cgroups, sysctls
from sandbox.host.layout import Layout
from sandbox.images import build_network
from sandbox.kubernetes import network

_SHIM_SOCKETS = Path("/run/containerd/s")
_POD_LOG_LINKS = Path("/var/log/containers")
_NETWORK_RESULTS = Path("/var/lib/cni/results")
_DEVICE_PLUGINS = Path("/var/lib/kubelet/device-plugins")
_DOCKER_PLUGINS = Path("/run/docker/plugins")
_FIXED = (_SHIM_SOCKETS, _POD_LOG_LINKS, _NETWORK_RESULTS, _DEVICE_PLUGINS, _DOCKER_PLUGINS)
"""Folders where containerd, kubelet and dockerd put things, whatever their settings say."""

_GRACE = 1.5
"""Seconds that containers get to end by themselves."""


def stop_pods(cgroup: cgroups.Cgroup) -> None:
    """Ask every process in the Pods to end, then make it, while containerd still sees and notes how."""
    deadline = time.monotonic() + _GRACE
    cgroups.send(cgroup.pods(), signal.SIGTERM)
    while cgroup.pods() and time.monotonic() < deadline:
        time.sleep(0.05)
    deadline = time.monotonic() + _GRACE
    while (left := cgroup.pods()) and time.monotonic() < deadline:
        cgroups.send(left, signal.SIGKILL)
        time.sleep(0.05)


def remove_traces(layout: Layout) -> None:
    """Kill what still runs, and remove mounts, interfaces, packet filter, kernel settings, cgroups and stray files."""
    cgroup = cgroups.Cgroup(layout.name)
    cgroups.kill_all(cgroup)
    mounts.remove_below(layout.root)
    network.bridge(layout).remove()
    build_network.remove(layout)
    sysctls.restore(layout)
    for path in _stray_files(layout):
        path.unlink(missing_ok=True)
    for folder in _FIXED:
        for place in (folder, folder.parent):
            if place.name != "log":
                with suppress(OSError):
                    place.rmdir()  # only if it is empty
    cgroup.remove()
    cgroup.restore(layout.controllers)
    # Without `run`, the next `up` trusts the images that are there, so all of them must be on the disk before.
    files.sync(layout.root)
    shutil.rmtree(layout.run, ignore_errors=True)


def leftovers(layout: Layout) -> list[str]:
    """Return a line for each thing of this sandbox that is there while none should be."""
    cgroup = cgroups.Cgroup(layout.name)
    processes = cgroup.everyone()
    return [
        *(f"process {_describe(pid)}" for pid in sorted(processes)),
        *(f"mount {target}" for target in mounts.below(layout.root)),
        *(f"network interface {name}" for name in network.bridge(layout).left()),
        *build_network.left(layout),
        *(f"cgroup {path}" for path in cgroup.left()),
        *(f"listening socket {address}" for address in _listening(processes)),
        *(f"file {path}" for path in _stray_files(layout)),
        *([f"changed kernel settings, noted in {file}"] if (file := sysctls.noted(layout)) else []),
    ]


def _stray_files(layout: Layout) -> list[Path]:
    """Return files that containerd and kubelet put where no setting of theirs can move them."""
    links = [path for path in _entries(_POD_LOG_LINKS) if path.is_symlink() and layout.root in path.readlink().parents]
    results = [path for path in _entries(_NETWORK_RESULTS) if path.name.startswith(f"{layout.name}-")]
    pods = [path.name.removeprefix(f"{layout.name}-").removesuffix("-eth0") for path in results]
    results += [path for pod in pods if (path := _NETWORK_RESULTS / f"cni-loopback-{pod}-lo").exists()]
    sockets = [*_dead_sockets(_SHIM_SOCKETS, layout), *_dead_sockets(_DEVICE_PLUGINS, layout)]
    return [*links, *results, *sockets]


def _dead_sockets(folder: Path, layout: Layout) -> list[Path]:
    """Return the sockets in a folder that were made since this sandbox came up, and on which nobody listens."""
    dead: list[Path] = []
    since = layout.boot_id.stat().st_mtime if layout.boot_id.exists() else float("inf")
    for path in _entries(folder):
        if path.is_socket() and path.stat().st_mtime >= since:
            with socket.socket(socket.AF_UNIX) as connection:
                try:
                    connection.connect(str(path))
                except ConnectionRefusedError:
                    dead.append(path)
    return dead


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _listening(processes: set[int]) -> list[str]:
    found = {
        f"{connection.laddr.ip}:{connection.laddr.port}"
        for connection in psutil.net_connections(kind="tcp")
        if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.pid in processes
    }
    return sorted(found)


def _describe(pid: int) -> str:
    try:
        return f"{pid} ({psutil.Process(pid).name()})"
    except psutil.NoSuchProcess:
        return str(pid)
