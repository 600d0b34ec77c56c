"""Compiles the two short lists that people edit, requirements.in and requirements-dev.in, into what is installed.

The compiled files name every package, exactly, with its hashes, for each Python and platform that the project runs on.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from base.errors import SandboxError
from base.paths import CHECKOUT
from base.progress import step

_LISTS = {"requirements.txt": ("requirements.in",), "requirements-dev.txt": ("requirements.in", "requirements-dev.in")}
"""Each compiled file, with the lists that it is made from; the last names the ones before."""


def compile_all(options: Sequence[str], folder: Path = CHECKOUT) -> None:
    """Compile both files anew; a package keeps its version while the lists allow it, unless `options` say otherwise.

    `options` are uv's, such as `--upgrade`. Raises SandboxError if uv can't do it.
    """
    uv = Path(sys.executable).with_name("uv")
    fixed = ["--universal", "--python-version", "3.11", "--generate-hashes", "--no-header", "--quiet"]
    for compiled, lists in _LISTS.items():
        words = [uv, "pip", "compile", *fixed, *options, lists[-1], "--output-file", compiled]
        with step(f"compile {compiled}", usually=5):
            done = subprocess.run(words, cwd=folder, stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            raise SandboxError(
                f"{lists[-1]} can't be compiled:\n{done.stderr.strip()}",
                "mend that list, or make PyPI or your own index reachable for uv (UV_DEFAULT_INDEX); then: make lock",
            )
        path = folder / compiled
        path.write_text(f"{_head(folder, lists)}\n{path.read_text()}")


def stale(folder: Path = CHECKOUT) -> Iterator[str]:
    """Yield a message for each compiled file that was made from other lists than today's; needs no network."""
    for compiled, lists in _LISTS.items():
        if not folder.joinpath(compiled).read_text().startswith(_head(folder, lists)):
            yield f"{compiled} wasn't made from today's {' and '.join(lists)}\n  To mend it: make lock"


def _head(folder: Path, lists: Sequence[str]) -> str:
    content = hashlib.sha256(b"\0".join(folder.joinpath(name).read_bytes() for name in lists)).hexdigest()
    return f"# Made by `make lock` from {' and '.join(lists)}, whose SHA-256 is {content}."
