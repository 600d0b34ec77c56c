"""Root file systems of images, made of Debian's packages, for machines that can't reach Docker Hub."""

from __future__ import annotations

import shutil
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import IO

from base import progress
from base.errors import SandboxError
from sandbox.host.health import Endpoint
from sandbox.toolchain import cache, children
from sandbox.toolchain.debian import DebianTree

SUITE = "bookworm"
_TAR = "rootfs.tar"


def archive(key: str, what: str, packages: Sequence[str], finish: str, debian: DebianTree) -> Path:
    """Return a root file system as a tar archive, made once for all sandboxes of this user; `key` is of its recipe.

    `finish` is shell code for what the packages' own installation scripts, which don't run, would have made; the root
    is its `$1`. Raises SandboxError if the packages can't be had.
    """

    def make(folder: Path) -> None:
        with progress.step(f"make the {what}", usually=6):
            _bootstrap(folder / _TAR, what, packages, finish, debian)

    return cache.obtain(key, f"the {what}", make) / _TAR


def give(engine: Endpoint, tar: Path, image: str, changes: Sequence[str]) -> str:
    """Import an archive into a Docker Engine as `image`, with `changes` as a Dockerfile has them; returns its words."""
    repository, tag = image.split(":")
    parameters = {"fromSrc": "-", "repo": repository, "tag": tag, "changes": [*changes]}
    with engine.client(timeout=300) as client, tar.open("rb") as file:
        answer = client.post("/images/create", params=parameters, content=chunks(file))
    return answer.text.strip()


def chunks(file: IO[bytes]) -> Generator[bytes]:
    """Yield a file's content piece by piece, as the engine takes it."""
    while chunk := file.read(1 << 20):
        yield chunk


def _bootstrap(tar: Path, what: str, packages: Sequence[str], finish: str, debian: DebianTree) -> None:
    # Below the unfinished entry of the cache, so that what a cancelled run leaves there goes with it.
    temporary = tar.parent / "tmp"
    temporary.mkdir()
    hook = temporary / "hook"
    hook.write_text(f"#!/bin/sh\n{finish}")
    hook.chmod(0o700)
    made = children.run(
        [
            debian.binary("mmdebstrap"),
            "--variant=extract",
            f"--include={','.join(packages)}",
            f"--extract-hook={hook}",
            SUITE,
            tar,
        ],
        debian.environ() | {"TMPDIR": str(temporary)},
    )
    shutil.rmtree(temporary, ignore_errors=True)
    if made.status:
        errors = [line for line in made.stderr.splitlines() if line.startswith("E:")]
        raise SandboxError(
            f"The {what} can't be made: {errors[0] if errors else made.reason()}",
            "make `apt-get update` work on this machine (network, proxy, sources.list), then run the command again",
        )
