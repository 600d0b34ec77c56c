"""Runs all tests in lanes side by side: those of the sandbox mostly wait, and the others need processors meanwhile."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from base.paths import CHECKOUT
from base.progress import say, step
from commands import system_python

Command = Sequence[str | Path]
_RULE = "==="
"""How the lines of pytest's own begin that are no progress: its first one, and what it tells at the end."""


class Lane:
    """Commands that run one after another, beside other lanes; `title` stands before each line of theirs."""

    def __init__(self, title: str, usually: float, *commands: Command) -> None:
        self.title = title
        self.statuses: list[int] = []
        self._usually = usually
        self._commands = commands
        self._running: subprocess.Popen[str] | None = None
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name=title)

    def start(self) -> None:
        """Begin, in a thread."""
        self._thread.start()

    def wait(self) -> None:
        """Return when all is done."""
        self._thread.join()

    def stop(self) -> None:
        """Do to what runs what Ctrl-C does, and begin no other."""
        self._stopped.set()
        if self._running and self._running.poll() is None:
            self._running.send_signal(signal.SIGINT)

    def _run(self) -> None:
        with step(f"{self.title} tests", self._usually):
            for command in self._commands:
                if not self._stopped.is_set():
                    self.statuses.append(self._show(command))

    def _show(self, command: Command) -> int:
        """Run pytest; show its progress line by line, and what it tells at its end in one piece."""
        # A group of its own: Ctrl-C would reach it from the terminal and from here, and twice is too much for pytest,
        # which then leaves its fixtures' ends undone.
        with subprocess.Popen(
            command, cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, process_group=0
        ) as process:
            self._running = process
            if self._stopped.is_set():
                self.stop()
            end = ""
            for number, line in enumerate(process.stdout or ()):
                if end or (number and line.startswith(_RULE)):
                    end += line
                else:
                    say(f"{self.title}: {line.rstrip()}", sys.stdout)
            say(f"{self.title}:\n{end}", sys.stdout)
        return process.returncode


def everything() -> int:
    """Run every test, the unit tests on the system's own Python too; returns pytest's exit status, 0 if all pass."""
    folders = sorted({str(path.parent.relative_to(CHECKOUT)) for path in CHECKOUT.glob("tests/**/test_*.py")})
    others = [folder for folder in folders if not folder.startswith(("tests/e2e", "tests/unit"))]
    on_the_systems = system_python.unit_tests()
    return run(
        Lane("sandbox", 400, _pytest("tests/e2e")),
        Lane("unit", 300, _pytest("tests/unit"), *([on_the_systems] if on_the_systems else [])),
        Lane("other", 500, _pytest(*others)),
    )


def run(*lanes: Lane) -> int:
    """Run lanes side by side; returns the first exit status that isn't 0.

    Ctrl-C ends all of them, each with what it clears away, and is then raised.
    """
    for lane in lanes:
        lane.start()
    try:
        for lane in lanes:
            lane.wait()
    except KeyboardInterrupt:
        for lane in lanes:
            lane.stop()
        for lane in lanes:
            lane.wait()
        raise
    for lane in lanes:
        say(f"{lane.title} tests: {'FAILED' if any(lane.statuses) else 'passed'}", sys.stdout)
    return next((status for lane in lanes for status in lane.statuses if status), 0)


def _pytest(*words: str) -> Command:
    return [sys.executable, "-m", "pytest", *words]
