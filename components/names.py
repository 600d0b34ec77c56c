"""What follows from names: a component's parts from its own, and a cluster's objects from the stack's; pure."""

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


def child(component: str, kind: str, part: str) -> str:
    """Return the name of a component's part: `web-workload`'s `pod` is `web-pod`, and so is `web`'s.

    The engine wants names that are unique in the program. A component that is called by its `kind` alone, as those of
    the story are, gives its parts their plain names: a state that an earlier release made goes on with them.
    """
    stem = component.removesuffix(kind).removesuffix("-")
    return f"{stem}-{part}" if stem else part
