"""What a person should read though nothing failed: a line on stderr, which the engine shows with the resource."""

from __future__ import annotations

import sys

from ibm_native.cloud.errors import scrub
from ibm_native.version import PACKAGE


def notice(text: str) -> None:
    """Tell a person something; never a secret."""
    print(f"{PACKAGE}: {scrub(text)}", file=sys.stderr, flush=True)
