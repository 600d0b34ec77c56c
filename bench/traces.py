"""Where one command's time goes, from the engine's own trace (`--otel-traces file://…`), and what memory it takes."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil

from bench.figures import Figure, figure

NANO = 1e9
NAMES = {
    "language_host": "language host with the program",
    "pulumi-language-python": "language host with the program",
    "docker": "plugin docker",
    "kubernetes": "plugin kubernetes",
    "ibm_native": "plugin ibm-native",
}


def parts(command: str, file: Path) -> Iterator[Figure]:
    """Yield the seconds of each kind of span; kinds overlap, since the engine does several things at once."""
    spans = [span for line in file.read_text().splitlines() if line for span in _spans(json.loads(line))]
    took: dict[str, float] = defaultdict(float)
    first = min((start for start, _, name, _ in spans if name.endswith("/RegisterResource")), default=0.0)
    for start, end, name, attributes in spans:
        if name == "newPlugin":
            plugin = str(attributes.get("prefix", "")).partition(" ")[0]
            took["start of the language host, twice" if plugin == "python" else f"start of plugin {plugin}"] += (
                end - start
            )
        elif name == "run-program":
            took["the program until its first resource"] += max(0.0, first - start)
        elif "ResourceProvider/" in name:
            took[f"providers' {name.rpartition('/')[2]}"] += end - start
        elif name.startswith("gocloud.dev/blob"):
            took["the state's file"] += end - start
        elif name == "pulumi":
            took["all of it"] += end - start
    yield from (figure(f"{command}: {kind}", "s", seconds) for kind, seconds in took.items() if seconds >= 0.01)


def _spans(line: dict[str, Any]) -> Iterator[tuple[float, float, str, dict[str, Any]]]:
    for resource in line["resourceSpans"]:
        for scope in resource["scopeSpans"]:
            for span in scope["spans"]:
                attributes = {each["key"]: next(iter(each["value"].values())) for each in span.get("attributes", [])}
                start, end = int(span["startTimeUnixNano"]) / NANO, int(span["endTimeUnixNano"]) / NANO
                yield start, end, span["name"], attributes


class Memory:
    """Watches what this process starts, four times a second: the most memory of each kind, shared pages in part."""

    def __init__(self) -> None:
        self._most: dict[str, float] = defaultdict(float)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="memory")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def figures(self, command: str) -> Iterator[Figure]:
        """Yield the most of each kind, and of all together at one moment."""
        for name, mebibytes in self._most.items():
            yield figure(f"{command}: {name}", "MiB", mebibytes)

    def _watch(self) -> None:
        while not self._over.wait(0.25):
            now: dict[str, float] = defaultdict(float)
            for process in psutil.Process().children(recursive=True):
                try:
                    name = _name(process)
                    now[name] += process.memory_full_info().pss / (1 << 20)
                except psutil.Error:
                    continue
            now["all but the engine"] = sum(now.values()) - now.get("engine", 0.0)
            for name, mebibytes in now.items():
                self._most[name] = max(self._most[name], mebibytes)


def _name(process: psutil.Process) -> str:
    if process.name() == "pulumi":
        return "engine"
    words = " ".join(process.cmdline())
    return next((name for sign, name in NAMES.items() if sign in words), "others")
