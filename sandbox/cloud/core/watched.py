"""A list in a JSON file that a user or a test gives: read again whenever the file changes."""

from __future__ import annotations

from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from base.errors import SandboxError

T = TypeVar("T", bound=msgspec.Struct)


class Watched(Generic[T]):
    """The file; none, or one that isn't there yet, means an empty list. `what` and `example` are for its errors."""

    def __init__(self, path: Path | None, item: type[T], what: str, example: str) -> None:
        self.path = path
        self._item = item
        self._what = what
        self._example = example
        self._read: tuple[int, int] | None = None
        self._known: tuple[T, ...] = ()

    def known(self) -> tuple[T, ...]:
        """Return what the file says now.

        Raises:
            SandboxError: it can't be read, or says something else.

        """
        if self.path is None or not self.path.exists():
            return ()
        state = self.path.stat()
        if self._read != (state.st_mtime_ns, state.st_size):
            try:
                self._known = tuple(msgspec.json.decode(self.path.read_bytes(), type=list[self._item]))
            except (OSError, msgspec.DecodeError) as error:
                raise SandboxError(
                    f"{self.path}, the file of {self._what}, can't be used: {error}", f"write it as {self._example}"
                ) from error
            self._read = (state.st_mtime_ns, state.st_size)
        return self._known
