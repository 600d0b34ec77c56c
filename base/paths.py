"""Where the project keeps things: one folder for the sandbox's data, one for what can be made again.

Written so that a Python that is too old for the project can still read it, as the way in does.
"""

from __future__ import annotations

import os
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
LOCAL = CHECKOUT / ".sandbox"
"""What belongs to this checkout alone: the Pulumi home, whose plugins are this checkout's code, and tools on PATH."""


def cache() -> Path:
    """Return the folder of tools that can be fetched or built again; `ICR_SANDBOX_CACHE`, else XDG's cache folder."""
    return _folder("ICR_SANDBOX_CACHE", "XDG_CACHE_HOME", ".cache")


def home() -> Path:
    """Return the sandbox's data folder, made by `up` and removed by `reset`; `ICR_SANDBOX_HOME`, else XDG's."""
    return _folder("ICR_SANDBOX_HOME", "XDG_STATE_HOME", ".local/state")


def _folder(own: str, xdg: str, default: str) -> Path:
    """Return what the variable `own` says, else the sandbox's folder where XDG's specification puts it."""
    return Path(os.environ.get(own) or Path(os.environ.get(xdg) or Path.home() / default, "icr-sandbox"))
