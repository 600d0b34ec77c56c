"""A disk whose power can be cut: a file system in a file, and copies of that file as they are at one moment.

What the file system has not yet written to its file is in no copy, as it is in no disk after a power cut.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest


class CutDisk:
    """An ext4 file system in `file`, mounted on `place` by a loop device."""

    def __init__(self, file: Path, place: Path) -> None:
        self.file = file
        self.place = place
        place.mkdir(exist_ok=True)

    def format(self, megabytes: int) -> None:
        """Make the file system anew."""
        with self.file.open("wb") as file:
            file.truncate(megabytes << 20)
        subprocess.run(["mkfs.ext4", "-q", "-F", self.file], check=True, env={"PATH": "/usr/sbin:/sbin:/usr/bin:/bin"})

    def mount(self) -> None:
        """Mount it; a test on a machine that has no loop devices is skipped, and says so."""
        mounted = subprocess.run(
            ["mount", "-o", "loop", self.file, self.place], check=False, capture_output=True, text=True
        )
        if mounted.returncode:
            pytest.skip(f"no power can be cut here: this machine mounts no loop device ({mounted.stderr.strip()})")

    def unmount(self) -> None:
        """Unmount it, unless it isn't mounted; who uses it must have been stopped."""
        if self.place.is_mount():
            subprocess.run(["umount", self.place], check=True)

    def snapshot(self) -> Path:
        """Return a snapshot of the disk as it is while nobody writes to the file system: the kernel may still do so."""
        snapshot = self.file.with_suffix(".cut")
        while True:
            subprocess.run(["cp", "--sparse=always", self.file, snapshot], check=True)
            if subprocess.run(["cmp", "--silent", self.file, snapshot], check=False).returncode == 0:
                return snapshot

    def go_on_from(self, snapshot: Path) -> None:
        """Mount a snapshot in place of the disk, as the next start of the machine would."""
        self.unmount()
        snapshot.replace(self.file)
        self.mount()
