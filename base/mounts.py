"""What is mounted on this machine, and how a folder is removed without a step into it."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

_TABLE = Path("/proc/self/mountinfo")
_SYSTEM = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
_OCTAL = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True)
class Mount:
    """One mounted file system: where, and of which kind."""

    target: Path
    kind: str


def read() -> list[Mount]:
    """Return every mount that this process sees, in the order in which they were made."""
    found: list[Mount] = []
    for line in _TABLE.read_text().splitlines():
        fields, _, rest = line.partition(" - ")
        target = _OCTAL.sub(lambda octal: chr(int(octal[1], 8)), fields.split()[4])
        found.append(Mount(Path(target), rest.split()[0]))
    return found


def below(folder: Path) -> list[Path]:
    """Return the mounts below a folder, the last one made first."""
    return [mount.target for mount in reversed(read()) if folder in mount.target.parents]


def remove_below(folder: Path) -> None:
    """Unmount everything below a folder, also what is still in use; what can't be unmounted stays."""
    for target in below(folder):
        subprocess.run(["umount", "--lazy", str(target)], check=False, capture_output=True, env=_SYSTEM)


def remove_tree(folder: Path) -> None:
    """Remove a folder, and nothing that is mounted below it: that is unmounted before, or the folder stays."""
    place = folder.resolve()
    if _TABLE.exists():
        remove_below(place)
        if below(place):
            return
    shutil.rmtree(place, ignore_errors=True)
