"""A plugin's own process, which ends with the engine, and the programs that it starts, of which none outlives it."""

from __future__ import annotations

import contextlib
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from io import BufferedReader
from pathlib import Path
from types import FrameType
from typing import NoReturn, cast

import grpc

MESSAGE_BYTES = 400 << 20
"""Largest message either way, as in Pulumi's own plugins: a state can hold big values."""
OPTIONS = [
    ("grpc.max_receive_message_length", MESSAGE_BYTES),
    ("grpc.max_send_message_length", MESSAGE_BYTES),
    ("grpc.enable_http_proxy", 0),  # the engine is on this machine, whatever http_proxy says
]
NO_CODE = (
    "only Pulumi's official plugins and language host write code: run `pulumi import` with --generate-code=false, "
    "and add the resource to the program by hand"
)
_GRACE = 4.0
"""Seconds between asking a program to end and ending it; the engine gives a plugin five."""
_CHUNK = 1 << 16
_WATCH_SECONDS = 1.0
"""How soon an orphaned plugin sees that its engine is gone."""

_running: set[subprocess.Popen[bytes]] = set()
_folders: list[tempfile.TemporaryDirectory[str]] = []
_lock = threading.Lock()


def temporary_folder(prefix: str) -> tempfile.TemporaryDirectory[str]:
    """Return a folder for this user alone, which goes with this process if nobody removes it before."""
    folder = tempfile.TemporaryDirectory(prefix=prefix)
    _folders.append(folder)
    return folder


class Child:
    """A running program."""

    def __init__(self, command: Sequence[str | Path], folder: str, environ: Mapping[str, str]) -> None:
        # Where there is setpriv, Linux ends the program if this process is killed with no time to do it.
        bound = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
        self._process = subprocess.Popen(
            [*bound, *(str(part) for part in command)],
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

    def lines(self) -> Generator[str]:
        """Yield what comes on either stream, line by line."""
        rest = {"stdout": b"", "stderr": b""}
        for name, chunk in self.output():
            *whole, rest[name] = (rest[name] + chunk).split(b"\n")
            yield from (line.decode(errors="replace") for line in whole)
        yield from (line.decode(errors="replace") for line in rest.values() if line)

    def status(self) -> int:
        """Wait for the end and return the exit status."""
        status = self._process.wait()
        with _lock:
            _running.discard(self._process)
        return status

    def ends_within(self, seconds: float) -> bool:
        """Wait so long for the end, and tell whether it came."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
        return self._process.returncode is not None

    def end(self) -> None:
        """Ask the program to end."""
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()


def serve(start: Callable[[str], tuple[grpc.Server, int]], arguments: Sequence[str]) -> NoReturn:
    """Run a plugin until the engine ends it by a signal, also while a call waits for a remote part, or is gone.

    `start` gets the engine's address, which is the last argument, after the flags and their values, and returns the
    server and its port, which is printed for the engine.
    """
    engine = next((each for each in arguments[-1:] if not each.startswith("-")), None)
    if engine is None:
        sys.exit("This is a Pulumi plugin: the engine starts it, with the engine's address. Run `pulumi up` instead.")
    over = threading.Event()

    def end(_signal: int, _frame: FrameType | None) -> None:
        over.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    parent = os.getppid()
    server, port = start(engine)
    print(port, flush=True)
    while not over.wait(_WATCH_SECONDS):
        if os.getppid() != parent:
            break
    server.stop(0)
    _end_all()
    for folder in _folders:
        folder.cleanup()
    sys.stdout.flush()
    # A call may still wait for a daemon, a cluster or an engine that is gone; joining it would keep an orphan alive.
    os._exit(0)


def _end_all() -> None:
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
