"""Finds out, before anything is started, whether the sandbox can live here: one clear line for what is missing."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess

import psutil

from base.errors import SandboxError
from sandbox import addresses
from sandbox.endpoints import regions
from sandbox.host.layout import Layout
from sandbox.host.supervisor import Supervisor
from sandbox.kubernetes import control_plane, kubelet, network

DISK = 3 << 30
MEMORY = 1 << 30
_LONGEST_SOCKET = "/run/docker/libnetwork/0123456789ab.sock"
_SOCKET_PATH_LIMIT = 107
_SAFE_PATH = re.compile(r"[\w./@%+=-]+")

ADDRESSES = {
    addresses.IAM_ADDRESS: "front",
    **{address: regions.part_name("front", region) for region, address in addresses.REGISTRY_ADDRESSES.items()},
    addresses.KUBERNETES_ADDRESS: "kube-apiserver",
    f"127.0.0.1:{kubelet.PORT}": "kubelet",
    f"127.0.0.1:{control_plane.CONTROLLER_MANAGER_PORT}": "kube-controller-manager",
    f"127.0.0.1:{control_plane.SCHEDULER_PORT}": "kube-scheduler",
}
"""Every TCP address on which a part listens."""


def check_home(layout: Layout) -> None:
    """Raise SandboxError if the data folder's path is one that the parts can't use."""
    remedy = "set ICR_SANDBOX_HOME to a folder such as /var/lib/icr-sandbox"
    path = str(layout.root)
    if len(path + _LONGEST_SOCKET) > _SOCKET_PATH_LIMIT:
        longest = _SOCKET_PATH_LIMIT - len(_LONGEST_SOCKET)
        raise SandboxError(
            f"The data folder's path, {path}, has {len(path)} characters, and unix sockets in it allow {longest}.",
            remedy,
        )
    if not _SAFE_PATH.fullmatch(path):
        raise SandboxError(
            f"The data folder's path, {path}, has a blank or a special character, which settings files can't hold.",
            remedy,
        )


def check_machine(layout: Layout, supervisor: Supervisor) -> None:
    """Raise SandboxError for what this machine lacks; the data folder must be there."""
    check_room(layout)
    check_addresses(supervisor)
    check_overlay(layout)
    network.check_veth(layout)
    supervisor.cgroup.make()


def check_room(layout: Layout) -> None:
    """Raise SandboxError if disk or memory are too small."""
    free = shutil.disk_usage(layout.root).free
    if free < DISK:
        raise SandboxError(
            f"{layout.root} has {free >> 20} MiB free, and the sandbox needs {DISK >> 20} MiB.",
            "free some space there, or set ICR_SANDBOX_HOME to a folder on a larger disk",
        )
    available = psutil.virtual_memory().available
    if available < MEMORY and _is_idle(layout):
        raise SandboxError(
            f"{available >> 20} MiB of memory are available, and the sandbox needs {MEMORY >> 20} MiB.",
            "close other programs, or give the virtual machine more memory",
        )


def _is_idle(layout: Layout) -> bool:
    """Return True if nothing of the sandbox runs yet, so that all of its memory is still to be found."""
    return Supervisor(layout).leader("kube-apiserver") is None


def check_addresses(supervisor: Supervisor) -> None:
    """Raise SandboxError if an address that a part is still to listen on is in use."""
    unused = addresses.REGISTRY_ADDRESSES.keys() - regions.running(supervisor.layout)
    absent = {regions.part_name("front", region) for region in unused}
    for address, part in ADDRESSES.items():
        if part in absent or supervisor.leader(part):
            continue
        host, port = address.split(":")
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, int(port)))
            except OSError as error:
                who = _listener(int(port), supervisor)
                if who is None:
                    continue
                raise SandboxError(
                    f"{address}, which {part} needs, is in use{who} ({error.strerror}).",
                    "stop that program; if it is another sandbox: run `down` there, with its ICR_SANDBOX_HOME",
                ) from error


def _listener(port: int, supervisor: Supervisor) -> str | None:
    """Return who listens on a port, or None if it is a rest of this sandbox, which is about to be stopped."""
    for connection in psutil.net_connections(kind="tcp"):
        if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port:
            if connection.pid is None:
                break
            if connection.pid in supervisor.cgroup.everyone():
                return None
            try:
                return f" by {psutil.Process(connection.pid).name()} (process {connection.pid})"
            except psutil.NoSuchProcess:
                break
    return ""


def check_overlay(layout: Layout) -> None:
    """Raise SandboxError unless containers' file systems can be mounted in the data folder."""
    if shutil.which("mount") is None:
        raise SandboxError(
            "`mount` is not on PATH, and containers' file systems are mounted by it.", "apt-get install mount"
        )
    folder = layout.run / "overlay-check"
    for part in ("lower", "upper", "work", "merged"):
        folder.joinpath(part).mkdir(parents=True, exist_ok=True)
    options = f"lowerdir={folder}/lower,upperdir={folder}/upper,workdir={folder}/work"
    target = str(folder / "merged")
    mounted = subprocess.run(
        ["mount", "-t", "overlay", "overlay", "-o", options, target], check=False, capture_output=True, text=True
    )
    if mounted.returncode == 0:
        subprocess.run(["umount", target], check=False, capture_output=True)
        shutil.rmtree(folder, ignore_errors=True)
        return
    raise SandboxError(
        f"Containers' file systems can't be mounted in {layout.root}: {mounted.stderr.strip()}",
        "set ICR_SANDBOX_HOME to a folder on ext4, xfs or btrfs; in a container: start it with `--privileged`",
    )
