"""Programs that the language host starts, plugins above all: their output as it comes, and none outlives the host."""

from __future__ import annotations

import contextlib
import queue
import subprocess
import threading
from collections.abc import Generator, Mapping, Sequence
from io import BufferedReader
from pathlib import Path
from typing import cast

_GRACE = 4.0
"""Seconds between asking a program to end and ending it; the engine gives the host five."""
_CHUNK = 1 << 16

_running: set[subprocess.Popen[bytes]] = set()
_lock = threading.Lock()


class Child:
    """A running program."""

    def __init__(self, command: Sequence[str | Path], folder: str, environ: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            [str(part) for part in command],
            cwd=folder,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        with _lock:
            _running.add(self._process)
        # Whoever started it may stop listening, and an ended program stays in the system's list until it is waited for.
        threading.Thread(target=self.status, name="wait", daemon=True).start()

    def output(self) -> Generator[tuple[str, bytes]]:
        """Yield "stdout" or "stderr" with what came there, until both are closed."""
        chunks: queue.Queue[tuple[str, bytes]] = queue.Queue()

        def pump(name: str, stream: BufferedReader) -> None:
            with stream:
                while chunk := stream.read1(_CHUNK):
                    chunks.put((name, chunk))
            chunks.put((name, b""))

        # Both are pipes, and `read1` of such a reader returns what there is instead of waiting for more.
        streams = {
            "stdout": cast("BufferedReader", self._process.stdout),
            "stderr": cast("BufferedReader", self._process.stderr),
        }
        for name, stream in streams.items():
            threading.Thread(target=pump, args=(name, stream), name=name, daemon=True).start()
        while streams:
            name, chunk = chunks.get()
            if chunk:
                yield name, chunk
            else:
                del streams[name]

    def status(self) -> int:
        """Wait for the end and return the exit status."""
        status = self._process.wait()
        with _lock:
            _running.discard(self._process)
        return status

    def end(self) -> None:
        """Ask the program to end."""
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()


def end_all() -> None:
    """End every program that still runs, and return when they are gone."""
    with _lock:
        left = list(_running)
    for process in left:
        process.terminate()
    for process in left:
        try:
            process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
