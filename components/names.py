"""What follows from a stack's name; pure."""

from __future__ import annotations

MARK = "icr-private-image/stack"
"""Annotation that says which stack made an object in a cluster; written as the object is made, and never after."""


def mark(project: str, stack: str) -> str:
    """Return the mark's value."""
    return f"{project}/{stack}"
