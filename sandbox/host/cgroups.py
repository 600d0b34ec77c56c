"""The sandbox's own cgroup: every process that a part starts, and every container, is in it and nowhere else.

So what belongs to the sandbox is known to the kernel, also after `up` was killed, and can be stopped without ever
touching a stranger's process. Works with cgroup v2, v1, and both at once.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from base import files, mounts
from base.errors import SandboxError

V2_CONTROLLERS = ("cpu", "cpuset", "memory", "pids", "io", "hugetlb")
_PODS = "kubepods"
_HANDED_DOWN = "cgroup.subtree_control"


@dataclass(frozen=True)
class Cgroup:
    """The cgroup `name` in every hierarchy of this machine."""

    name: str

    @cached_property
    def _hierarchies(self) -> list[Path]:
        """Every cgroup file system; the first is the one that tracks the processes."""
        v2 = [mount.target for mount in mounts.read() if mount.kind == "cgroup2"]
        v1 = sorted(mount.target for mount in mounts.read() if mount.kind == "cgroup")
        return [*v2[:1], *v1]

    def _folders(self) -> list[Path]:
        return [folder for root in self._hierarchies if (folder := root / self.name).is_dir()]

    def make(self) -> None:
        """Make it everywhere; raises SandboxError where this machine has none or doesn't let us."""
        if not self._hierarchies:
            raise SandboxError(
                "No cgroup file system is mounted, and containers can't run without.",
                "mount -t cgroup2 none /sys/fs/cgroup",
            )
        try:
            for root in self._hierarchies:
                root.joinpath(self.name).mkdir(exist_ok=True)
                _delegate(root)
                _delegate(root / self.name)
        except OSError as error:
            raise SandboxError(
                f"{error.filename} can't be written ({error.strerror}), and containers need a cgroup there.",
                "run the sandbox on the machine itself, in a virtual machine, or in a container with `--privileged`",
            ) from error

    def note(self, file: Path) -> None:
        """Write down which controllers the root of cgroup v2 hands down, unless that is noted; `make` hands down more.

        `restore` takes back what came since.
        """
        if not file.exists():
            files.write(file, " ".join(_handed_down(self._hierarchies)))

    def restore(self, file: Path) -> None:
        """Let the root hand down what it did when that was noted, and what somebody else has come to use."""
        if file.exists():
            for name in set(_handed_down(self._hierarchies)) - set(file.read_text().split()):
                with contextlib.suppress(OSError):
                    (self._hierarchies[0] / _HANDED_DOWN).write_text(f"-{name}")
            file.unlink()

    def entrance(self, part: str) -> Path:
        """Return the file by which a process enters a part's cgroup, made if it isn't there."""
        folder = self._hierarchies[0] / self.name / "parts" / part
        folder.mkdir(parents=True, exist_ok=True)
        return folder / "cgroup.procs"

    def members(self, part: str) -> set[int]:
        """Return the processes of one part, with what they started."""
        if not self._hierarchies:
            return set()
        return _processes(self._hierarchies[0] / self.name / "parts" / part)

    def pods(self) -> set[int]:
        """Return the processes inside the node's Pods."""
        found: set[int] = set()
        for folder in self._folders():
            found |= _processes(folder / _PODS)
        return found

    def containers(self) -> set[str]:
        """Return the ids of the containers in the node's Pods that have a process."""
        folders = [folder / _PODS for folder in self._folders()]
        found = (Path(below).name for folder in folders for below, _, _ in os.walk(folder) if _processes(Path(below)))
        return set(found)

    def everyone(self) -> set[int]:
        """Return every process of this sandbox."""
        found: set[int] = set()
        for folder in self._folders():
            found |= _processes(folder)
        return found

    def remove(self, limit: float = 5.0) -> None:
        """Remove the cgroup and those below it, and kill what may still come in: a start that was cut off."""
        deadline = time.monotonic() + limit
        while (folders := self._folders()) and time.monotonic() < deadline:
            send(self.everyone(), signal.SIGKILL)
            for folder in folders:
                for below, _, _ in os.walk(folder, topdown=False):
                    with contextlib.suppress(OSError):
                        Path(below).rmdir()
            time.sleep(0.01)

    def left(self) -> list[Path]:
        """Return what is left of the cgroup."""
        return self._folders()


def send(processes: set[int], number: signal.Signals) -> None:
    """Send a signal to each of the processes that still lives."""
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, number)


def _delegate(folder: Path) -> None:
    """Let the groups below a folder of cgroup v2 have the controllers that it has itself."""
    offered = folder / "cgroup.controllers"
    if offered.exists():
        names = [name for name in offered.read_text().split() if name in V2_CONTROLLERS]
        folder.joinpath(_HANDED_DOWN).write_text(" ".join(f"+{name}" for name in names))


def _handed_down(hierarchies: list[Path]) -> list[str]:
    files_of_v2 = [file for root in hierarchies if (file := root / _HANDED_DOWN).exists()]
    return files_of_v2[0].read_text().split() if files_of_v2 else []


def _processes(folder: Path) -> set[int]:
    found: set[int] = set()
    for below, _, names in os.walk(folder, onerror=_unless_removed):
        if "cgroup.procs" in names:
            try:
                found |= {int(line) for line in Path(below, "cgroup.procs").read_text().split()}
            except OSError as error:
                _unless_removed(error)
    return found


def _unless_removed(error: OSError) -> None:
    """Pass over a group that has gone or holds threads only; no other failure may look like an empty group."""
    if error.errno not in {errno.ENOENT, errno.ENODEV, errno.EOPNOTSUPP}:
        raise error


def kill_all(cgroup: Cgroup, limit: float = 10.0) -> set[int]:
    """Kill every process of the sandbox; returns those that are still there after `limit` seconds."""
    deadline = time.monotonic() + limit
    while (left := cgroup.everyone()) and time.monotonic() < deadline:
        send(left, signal.SIGKILL)
        time.sleep(0.05)
    return left
