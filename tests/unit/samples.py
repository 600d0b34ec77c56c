"""A stack's settings as text, from the file that users read; and scripts that stand for tools."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any, cast

import yaml

from base.paths import CHECKOUT


def values(**changes: str) -> dict[str, str]:
    """Return config key to text, with `changes` on top of the defaults."""
    schema = cast("dict[str, dict[str, Any]]", yaml.safe_load((CHECKOUT / "Pulumi.yaml").read_text())["config"])
    return {key: _text(entry["default"]) for key, entry in schema.items()} | changes


def _text(value: object) -> str:
    return json.dumps(value) if isinstance(value, dict | bool) else str(value)


def script(path: Path, line: str) -> None:
    """Write a shell script that can be run."""
    path.write_text(f"#!/bin/sh\n{line}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
