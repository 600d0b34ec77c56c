"""Something that is done over and over in a thread, while a block runs."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from typing import Self


class Beside(ABC):
    """Calls `again`, with so many seconds in between, until the block ends."""

    def __init__(self, seconds: float = 0.0) -> None:
        self._seconds = seconds
        self._over = threading.Event()
        self.thread = threading.Thread(target=self._run, name=type(self).__name__)

    @abstractmethod
    def again(self) -> None:
        """Do it once more."""

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.thread.join()

    def _run(self) -> None:
        while not self._over.wait(self._seconds):
            self.again()
