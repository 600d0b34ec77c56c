"""A stack's settings as text: Pulumi.yaml's own defaults, so that the tests follow the file that users read."""

from __future__ import annotations

from typing import Any, cast

import yaml

from base.paths import CHECKOUT


def values(**changes: str) -> dict[str, str]:
    """Return config key to text, with `changes` on top of the defaults."""
    schema = cast("dict[str, dict[str, Any]]", yaml.safe_load((CHECKOUT / "Pulumi.yaml").read_text())["config"])
    return {key: _text(entry["default"]) for key, entry in schema.items()} | changes


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
