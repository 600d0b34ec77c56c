"""`python -m bench`: measures what the project costs, and writes docs/benchmarks.md with its plots.

Each module's results are kept as soon as it is done, so a run that is ended loses only the module that it was in, and
`python -m bench NAME…` measures these anew and leaves the others' results. A quick run writes into .sandbox/bench.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import subprocess
import sys
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from base import paths
from base.errors import SandboxError
from base.progress import say
from bench import page
from bench.figures import Figure

MODULES = (
    "delivery",
    "workloads",
    "rotation_load",
    "fleet",
    "cloud",
    "provider",
    "registry_login",
    "terraform",
    "start",
)


def section(name: str, quick: bool) -> dict[str, Any]:
    """Measure one module; what it takes is shown figure by figure."""
    module = importlib.import_module(f"bench.{name}")
    title = (module.__doc__ or "").partition("\n")[0].partition(": `")[0].rstrip(".:")
    say(f"{title}:")
    began, figures, notes = time.monotonic(), list[Figure](), list[str]()
    for each in module.measure(quick):
        if isinstance(each, str):
            say(f"  {each}")
            notes.append(each)
        else:
            say(f"  {page.told(each)}")
            figures.append(each)
    return {
        "title": title,
        "at": datetime.now(UTC).isoformat(timespec="minutes"),
        "commit": _said("git", "rev-parse", "--short", "HEAD"),
        "machine": machine(),
        "quick": quick,
        "took": round(time.monotonic() - began),
        "load": round(os.getloadavg()[2], 1),
        "notes": notes,
        "figures": [asdict(each) for each in figures],
    }


def machine() -> str:
    """Name the machine and what ran on it."""
    model = next((line.partition(": ")[2] for line in _read("/proc/cpuinfo") if line.startswith("model name")), "?")
    system = next((line.partition("=")[2].strip('"') for line in _read("/etc/os-release") if "PRETTY" in line), "?")
    memory = psutil.virtual_memory().total >> 30
    return (
        f"{os.cpu_count()} processors ({model}), {memory} GiB, {system}, Linux {platform.release()}, "
        f"Python {platform.python_version()}"
    )


def main() -> int:
    """Measure and write; returns 1 if a target was missed, 2 if a module couldn't be measured."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(MODULES)}; all of them without one")
    parser.add_argument("--quick", action="store_true", help="few rounds, small numbers")
    parser.add_argument("--page", action="store_true", help="only write the page anew from the results")
    options = parser.parse_args()
    if unknown := set(options.names) - set(MODULES):
        parser.error(f"no benchmark is called {', '.join(sorted(unknown))}; there are {', '.join(MODULES)}")
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # as `make` does: what is measured is no compiler of Python
    folder = paths.LOCAL / "bench" if options.quick else paths.CHECKOUT / "docs"
    (folder / "benchmarks").mkdir(parents=True, exist_ok=True)
    results = folder / "benchmarks/results.json"
    known: dict[str, Any] = json.loads(results.read_text()) if results.exists() else {}
    broken = False
    names: tuple[str, ...] = () if options.page else tuple(options.names) or MODULES
    for name in names:
        try:
            known[name] = section(name, options.quick)
        except (SandboxError, RuntimeError, OSError, subprocess.SubprocessError) as error:
            say(f"{name} can't be measured: {error}")
            broken = True
        results.write_text(json.dumps({each: known[each] for each in MODULES if each in known}, indent=1) + "\n")
    page.write(folder, json.loads(results.read_text()))
    say(f"written: {folder / 'benchmarks.md'}")
    missed = sum(page.figure(each).passes is False for part in known.values() for each in part["figures"])
    if missed:
        say(f"{missed} targets are missed, with the reason on the page where one is known: exit status {1 + broken}")
    return 2 if broken else int(missed > 0)


def _read(path: str) -> list[str]:
    return Path(path).read_text().splitlines()


def _said(*command: str) -> str:
    return subprocess.run(command, cwd=paths.CHECKOUT, capture_output=True, text=True, check=False).stdout.strip()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        say("stopped; what was measured is kept")
        sys.exit(130)
