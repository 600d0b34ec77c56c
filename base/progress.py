"""Says what runs, how long it has run, and how long it usually takes."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import TextIO

_EVERY = 15.0
"""Seconds between two signs of life of one step."""

took: dict[str, float] = {}
"""Seconds of each step that this process has brought to its end."""

_lock = threading.Lock()


def say(text: str, stream: TextIO | None = None) -> None:
    """Print one whole line, also when several steps run at once."""
    with _lock:
        print(text, file=stream or sys.stderr, flush=True)


@contextmanager
def step(what: str, usually: float) -> Generator[None]:
    """Report `what` while the block runs: at its start, every 15 seconds, and at its end; `usually` is in seconds.

    Steps of under a second are reported once, at their end. Safe to use from several threads.
    """
    began = time.monotonic()
    done = threading.Event()

    def heartbeat() -> None:
        if done.wait(1.0):
            return
        say(f"  ... {what} (usually {_span(usually)})")
        while not done.wait(_EVERY):
            say(f"  ... {what}: {_span(time.monotonic() - began)} of usually {_span(usually)}")

    thread = threading.Thread(target=heartbeat, name=f"progress: {what}", daemon=True)
    thread.start()
    try:
        yield
    except BaseException:
        say(f"  !   {what}: stopped after {_span(time.monotonic() - began)}")
        raise
    finally:
        done.set()
        thread.join()
    took[what] = time.monotonic() - began
    say(f"  ok  {what} ({_span(took[what])})")


def _span(seconds: float) -> str:
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"
