"""The cache of tools: each entry is a folder, made beside its place under a lock and renamed into it when whole.

What has an entry's name is sealed and on the disk. An entry that is found damaged later counts as none.
"""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from base import files, mounts, paths, progress
from base.errors import SandboxError
from sandbox.toolchain import children, seal

MORE_SPACE = "free some space there, or set ICR_SANDBOX_CACHE to a folder on a larger disk; then run the command again"


def find(name: str) -> Path | None:
    """Return the entry's folder, if it has been made and is as it was made."""
    place = paths.cache() / name
    return place if place.is_dir() and seal.damage(place) is None else None


def obtain(name: str, what: str, make: Callable[[Path], None]) -> Path:
    """Return the folder of entry `name`; if it isn't there, `make` fills an empty folder that then becomes it.

    `what` names the entry for people. One that is damaged is made again. A run that is killed leaves a folder under
    another name, which the next run removes; a second run at the same time waits for the first. Raises SandboxError
    for a full disk or a cache that can't be written.
    """
    if place := find(name):
        return place
    with locked(name, what):
        place = paths.cache() / name
        for stale in place.parent.glob(f".{name}.*"):
            mounts.remove_tree(stale)
        if place.is_dir() and (damage := seal.damage(place)):
            progress.say(f"  ... {damage}: {what} is made again")
        if find(name) is None:
            with writing(place.parent):
                _make(place, make)
    return place


def _make(place: Path, make: Callable[[Path], None]) -> None:
    unfinished = Path(tempfile.mkdtemp(prefix=f".{place.name}.", dir=place.parent))
    try:
        unfinished.chmod(0o755)
        make(unfinished)
        seal.put(unfinished)
        drop(place.name)
        files.put(unfinished, place)
    except BaseException:
        mounts.remove_tree(unfinished)
        raise


def drop(name: str) -> None:
    """Remove an entry that no longer fits this machine; a run that is killed here leaves none under its name."""
    place = paths.cache() / name
    doomed = place.with_name(f".{name}.dropped")
    mounts.remove_tree(doomed)
    with contextlib.suppress(FileNotFoundError):
        place.rename(doomed)
    mounts.remove_tree(doomed)


@contextmanager
def locked(name: str, what: str) -> Generator[None]:
    """Hold the lock called `name` in the cache folder, and say so while another run holds it."""
    folder = paths.cache()
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / f"{name}.lock")
        try:
            lock.acquire(blocking=False)
        except Timeout:
            progress.say(f"  ... waiting for another run that is busy with {what} ({folder / name}.lock)")
            _wait_for(lock)
    try:
        yield
    finally:
        lock.release()


def _wait_for(lock: FileLock) -> None:
    while not lock.is_locked:
        children.go_on()
        with contextlib.suppress(Timeout):
            lock.acquire(timeout=0.5)


@contextmanager
def writing(folder: Path) -> Generator[None]:
    """Turn an operating system's refusal to write below `folder` into a SandboxError."""
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise SandboxError(
                f"The disk that holds {folder} is full.",
                MORE_SPACE,
            ) from error
        if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST, errno.EIO}:
            raise SandboxError(
                f"{error.filename or folder} can't be written ({os.strerror(error.errno)}).",
                "make it a folder that you may write to, or set ICR_SANDBOX_CACHE to one that you may",
            ) from error
        raise


def write(path: Path, text: str, *, executable: bool = False) -> None:
    """Write a small file at once, and only if that changes it."""
    with writing(path.parent):
        files.write(path, text, 0o755 if executable else 0o644)
