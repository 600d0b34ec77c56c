"""The seal of a cache entry: what each of its files must be, so that a damaged one is found and not run."""

from __future__ import annotations

import contextlib
import hashlib
import json
from pathlib import Path

from base import files

_SEAL = ".seal"
_CHECKED = ".checked"
"""Holds the run of the machine in which the contents were read last."""


def put(folder: Path) -> None:
    """Note the size and the SHA-256 of every file below a folder."""
    noted = {str(path.relative_to(folder)): [path.stat().st_size, _digest(path)] for path in _files(folder)}
    files.write(folder / _SEAL, json.dumps(noted), 0o644)
    files.write(folder / _CHECKED, files.boot(), 0o644)


def damage(folder: Path) -> str | None:
    """Return what is wrong with a sealed folder: the first file that is not what it was, or None.

    Sizes are compared each time, contents once in each run of the machine, because it is power cuts that spoil them.
    An entry without a seal was made before there were any: it gets one, unless a program in it is empty.
    """
    if not folder.joinpath(_SEAL).exists():
        return _adopt(folder)
    try:
        noted: dict[str, tuple[int, str]] = json.loads(folder.joinpath(_SEAL).read_text())
    except ValueError:
        return f"{folder / _SEAL} can't be read"
    checked = folder / _CHECKED
    known = checked.exists() and checked.read_text() == files.boot()
    for name, (size, digest) in noted.items():
        path = folder / name
        if not path.is_file() or path.stat().st_size != size or not (known or _digest(path) == digest):
            return f"{path} is damaged"
    if not known:
        with contextlib.suppress(OSError):
            files.write(checked, files.boot(), 0o644)
    return None


def _adopt(folder: Path) -> str | None:
    for path in _files(folder):
        if path.stat().st_mode & 0o100 and not path.stat().st_size:
            return f"{path} is damaged"
    with contextlib.suppress(OSError):
        put(folder)
    return None


def _files(folder: Path) -> list[Path]:
    own = {folder / _SEAL, folder / _CHECKED}
    return [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink() and path not in own]


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
