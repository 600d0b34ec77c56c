"""Kernel modules, which Linux loads for whoever first needs them: those that came with the sandbox are named.

They are not unloaded: nobody can tell whether another program has come to rely on one.
"""

from __future__ import annotations

import json
from pathlib import Path

from base import files
from sandbox.host.layout import Layout

_LOADED = Path("/proc/modules")


def note(layout: Layout) -> None:
    """Write down which modules are loaded, unless that has been done in this run of the machine."""
    if _noted(layout) is None:
        files.write(_file(layout), json.dumps({"boot": files.boot(), "modules": sorted(_loaded())}))


def since(layout: Layout) -> list[str]:
    """Return the modules that were loaded since the sandbox first came up in this run of the machine."""
    noted = _noted(layout)
    return [] if noted is None else sorted(_loaded() - noted)


def _noted(layout: Layout) -> set[str] | None:
    if not files.is_there(_file(layout)):
        return None
    noted = json.loads(_file(layout).read_text())
    return set(noted["modules"]) if noted["boot"] == files.boot() else None


def _loaded() -> set[str]:
    # A kernel that is all of one piece has no such file.
    return {line.split()[0] for line in _LOADED.read_text().splitlines()} if _LOADED.exists() else set()


def _file(layout: Layout) -> Path:
    # Not in `run`: modules stay when the sandbox is down, and `status` still names them then.
    return layout.root / "modules.json"
