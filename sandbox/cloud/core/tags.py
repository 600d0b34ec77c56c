"""Entity tags: what a change names in If-Match, so that it can't undo one that it doesn't know of."""

from __future__ import annotations

import secrets


def next_tag(tag: str | None) -> str:
    """Return the tag after this one, or the first: a count of changes and 32 hexadecimal digits."""
    count = int(tag.partition("-")[0]) + 1 if tag else 1
    return f"{count}-{secrets.token_hex(16)}"
