"""What the first `make up` took, part by part: kept beside the tools that it made, for `python -m bench start`.

Later runs leave it alone; `make clean` removes it with the tools, and the run after that is the next first one.
"""

from __future__ import annotations

import json
import resource
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from base import files, paths, progress


@dataclass(frozen=True)
class Took:
    """Seconds of a whole `make up`."""

    seconds: float
    processor: float
    """Processor time of all that it ran to the end; the sandbox's own processes go on, and aren't in it."""
    parts: dict[str, float]
    """Seconds of each step that progress was told of; some run at the same time."""


def is_due() -> bool:
    """Return whether there is no tool yet: to be asked before anything is made."""
    return not any(paths.cache().glob("*"))


def note() -> None:
    """Write down what this process has taken since its start, before which the virtual environment wasn't there."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    # It was another program first, which made the virtual environment.
    seconds = time.time() - psutil.Process().create_time()
    took = Took(seconds, sum(each.ru_utime + each.ru_stime for each in used), progress.took)
    files.write(_file(), json.dumps(asdict(took), indent=1) + "\n")


def read() -> Took | None:
    """Return what was written down; None if the tools here are older than this report, or there are none."""
    return Took(**json.loads(_file().read_text())) if _file().exists() else None


def _file() -> Path:
    return paths.cache() / "first-up.json"
