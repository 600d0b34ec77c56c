"""Where one command's time goes, from the engine's own trace (`--otel-traces file://…`), and what memory it takes."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

from bench.figures import Figure, figure
from tests.e2e.beside import Beside

NANO = 1e9
NAMES = {
    "language_host": "language host with the program",
    "pulumi-language-python": "language host with the program",
    "docker": "plugin docker",
    "kubernetes": "plugin kubernetes",
    "ibm_native": "plugin ibm-native",
}
OWN = "program and plugins"


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


class Memory(Beside):
    """Watches what this process starts, four times a second: the most memory of each kind, shared pages in part."""

    def __init__(self) -> None:
        super().__init__(0.25)
        self._most: dict[str, float] = defaultdict(float)

    def figures(self, command: str) -> Iterator[Figure]:
        """Yield the most of each kind, and of all together at one moment."""
        for name, mebibytes in self._most.items():
            yield figure(f"{command}: {name}", "MiB", mebibytes)

    def most(self, name: str) -> float:
        """Return the most MiB of a kind."""
        return self._most[name]

    def again(self) -> None:
        """Look once more."""
        now: dict[str, float] = defaultdict(float)
        for process in psutil.Process().children(recursive=True):
            try:
                name = _name(process)
                now[name] += process.memory_full_info().pss / (1 << 20)
            except psutil.Error:
                continue
        now["all but the engine"] = sum(now.values()) - now.get("engine", 0.0)
        now[OWN] = sum(now.get(name, 0.0) for name in set(NAMES.values()))
        for name, mebibytes in now.items():
            self._most[name] = max(self._most[name], mebibytes)


def _name(process: psutil.Process) -> str:
    if process.name() == "pulumi":
        return "engine"
    words = " ".join(process.cmdline())
    return next((name for sign, name in NAMES.items() if sign in words), "others")
