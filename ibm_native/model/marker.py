"""The mark that a create leaves in the description of what it makes, so that its own orphans can be told from the rest.

IAM's names aren't unique and a lost answer can't be asked for again: only the description comes back. The mark is taken
off again before a person sees the description.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass

from ibm_native.version import PACKAGE

_MARK = re.compile(r"\s?\[" + PACKAGE + r":(?P<urn>[0-9a-f]{16})\.(?P<attempt>[0-9a-f]{8})\]$")


@dataclass(frozen=True)
class Mark:
    """One attempt to make the resource of one URN."""

    urn: str
    attempt: str

    @classmethod
    def new(cls, urn: str) -> Mark:
        """Return the mark of a new attempt for `urn`."""
        return cls(hashlib.sha256(urn.encode()).hexdigest()[:16], secrets.token_hex(4))

    @classmethod
    def found_in(cls, description: str) -> Mark | None:
        """Return the mark that `description` ends with, or None."""
        found = _MARK.search(description)
        return cls(found["urn"], found["attempt"]) if found else None

    def on(self, description: str | None) -> str:
        """Return `description` with this mark."""
        return f"{description or ''} [{PACKAGE}:{self.urn}.{self.attempt}]".lstrip()

    def same_resource(self, description: str) -> bool:
        """Tell whether `description` is marked for the same URN, by whichever attempt."""
        other = Mark.found_in(description)
        return other is not None and other.urn == self.urn


def without_mark(description: str) -> str:
    """Return `description` as the user wrote it."""
    return _MARK.sub("", description)


def remarked(description: str | None, before: str) -> str:
    """Return `description` with the mark, if any, that the text `before` had."""
    mark = Mark.found_in(before)
    return mark.on(description) if mark else description or ""
