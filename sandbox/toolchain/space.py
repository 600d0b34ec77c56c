"""Room on the disks, asked for before anything is made."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from base.errors import SandboxError

GIB = 1024**3


@dataclass(frozen=True)
class Need:
    """What will be put below a folder, and how many bytes it takes while it is made."""

    what: str
    folder: Path
    size: int


def require(needs: Iterable[Need]) -> None:
    """Raise SandboxError if any disk has less room than all that is to be put on it."""
    disks: dict[int, list[Need]] = {}
    for need in needs:
        disks.setdefault(_existing(need.folder).stat().st_dev, []).append(need)
    for wanted in disks.values():
        folder = _existing(wanted[0].folder)
        size = sum(need.size for need in wanted)
        free = shutil.disk_usage(folder).free
        if free < size:
            parts = ", ".join(f"{need.what} {need.size / GIB:.1f}" for need in wanted)
            room = f"{free / GIB:.1f} GiB free, and {size / GIB:.1f} are needed"
            raise SandboxError(
                f"The disk that holds {folder} has {room} ({parts}).",
                "free some space there, or set ICR_SANDBOX_CACHE, GOCACHE and GOMODCACHE to folders on a larger disk",
            )


def _existing(folder: Path) -> Path:
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder
