"""What follows from a stack's name; pure."""

from __future__ import annotations

import hashlib

MARK = "icr-private-image/stack"
"""Annotation that says which stack made an object in a cluster; written as the object is made, and never after."""


def mark(project: str, stack: str) -> str:
    """Return the mark's value."""
    return f"{project}/{stack}"


def derived(name: str, stack: str, longest: int) -> str:
    """Return `name` with the stack's behind it, so that no two stacks have the same.

    What is longer than `longest` characters is cut, and ends in five digits of the whole's hash instead.
    """
    whole = f"{name}-{stack}"
    if len(whole) <= longest:
        return whole
    digits = hashlib.sha256(whole.encode()).hexdigest()[:5]
    return f"{whole[: longest - 6].rstrip('-.')}-{digits}"
