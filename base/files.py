"""Files that are there whole or not at all, also after the power was cut: what has a name is on the disk."""

from __future__ import annotations

import ctypes
import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path


def write(path: Path, content: str | bytes, mode: int = 0o600) -> None:
    """Write a file at once, and only if that changes it; nobody but its owner can read it unless `mode` says so."""
    wanted = content.encode() if isinstance(content, str) else content
    if path.is_file() and path.stat().st_mode & 0o777 == mode and path.read_bytes() == wanted:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    unfinished = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(wanted)
            file.flush()
            os.fchmod(file.fileno(), mode)
        put(unfinished, path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


def is_there(path: Path) -> bool:
    """Return True for a file with something in it: a power cut leaves empty what was not yet on the disk."""
    return path.is_file() and path.stat().st_size > 0


def put(unfinished: Path, path: Path) -> None:
    """Give a finished file or folder its name: its content is on the disk before, and the name after."""
    if unfinished.is_dir():
        sync(unfinished)
    else:
        _sync_one(unfinished)
    unfinished.replace(path)
    _sync_one(path.parent)


def sync(folder: Path) -> None:
    """Put everything that was written on the folder's file system on its disk; raises OSError if that fails."""
    with _opened(folder) as handle:
        one_file_system = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
        if one_file_system is None:  # other systems than Linux have only one for all
            os.sync()
        elif one_file_system(handle):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(folder))


def _sync_one(path: Path) -> None:
    with _opened(path) as handle:
        os.fsync(handle)


@contextmanager
def _opened(path: Path) -> Generator[int]:
    handle = os.open(path, os.O_RDONLY)
    try:
        yield handle
    finally:
        os.close(handle)


def boot() -> str:
    """Return what tells this run of the machine from all others; what was not on the disk is gone in the next."""
    number = Path("/proc/sys/kernel/random/boot_id")
    return number.read_text().strip() if number.exists() else ""
