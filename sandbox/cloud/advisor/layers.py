"""Reads from an image's layers the few files that say what is installed, without unpacking anything else."""

from __future__ import annotations

import tarfile
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import IO

FILE_BYTES = 64 << 20
"""The largest file that is read."""

_WHITEOUT, _OPAQUE = ".wh.", ".wh..wh..opq"


class UnreadableError(Exception):
    """A layer that is no tar archive, or is compressed in a way that this Python can't read."""


def overlay(files: dict[str, str], layer: IO[bytes], wanted: Callable[[str], bool]) -> None:
    """Lay the wanted files of a layer over those of the layers below it; what it removes goes.

    Raises:
        UnreadableError: the layer can't be read.

    """
    found: dict[str, str] = {}
    try:
        with tarfile.open(fileobj=layer) as archive:
            for member in archive:
                path = PurePosixPath("/", member.name).relative_to("/")
                if path.name.startswith(_WHITEOUT):
                    _remove(files, path)
                elif member.isfile() and member.size <= FILE_BYTES and wanted(str(path)):
                    content = archive.extractfile(member)
                    found[str(path)] = content.read().decode("utf-8", "replace") if content else ""
    except (tarfile.TarError, OSError, EOFError) as error:
        raise UnreadableError(str(error)) from error
    # A whiteout is about the layers below, wherever in the archive it stands.
    files.update(found)


def _remove(files: dict[str, str], whiteout: PurePosixPath) -> None:
    folder = whiteout.parent
    gone = folder if whiteout.name == _OPAQUE else folder / whiteout.name.removeprefix(_WHITEOUT)
    for path in [path for path in files if PurePosixPath(path).is_relative_to(gone)]:
        del files[path]
