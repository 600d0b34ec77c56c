"""Where the sandbox keeps things: one folder for its data, one for what can be made again."""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_cache_dir, user_state_dir

CHECKOUT = Path(__file__).resolve().parent.parent
LOCAL = CHECKOUT / ".sandbox"
"""What belongs to this checkout alone: the Pulumi home, whose plugins are this checkout's code, and tools on PATH."""


def cache() -> Path:
    """Return the folder of tools that can be fetched or built again; `ICR_SANDBOX_CACHE`, else XDG's cache folder."""
    return Path(os.environ.get("ICR_SANDBOX_CACHE") or user_cache_dir("icr-sandbox"))


def home() -> Path:
    """Return the sandbox's data folder, made by `up` and removed by `reset`; `ICR_SANDBOX_HOME`, else XDG's."""
    return Path(os.environ.get("ICR_SANDBOX_HOME") or user_state_dir("icr-sandbox"))
