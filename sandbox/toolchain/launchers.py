"""The checkout's folder of tools, meant to be first on PATH: links to binaries, and short scripts that start them."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
from pathlib import Path

from base import files, paths
from sandbox.toolchain import cache
from sandbox.toolchain.debian import DebianTree

FOLDER = paths.LOCAL / "bin"
_PYTHON = paths.CHECKOUT / ".venv/bin/python"


def link(source: Path, target: Path) -> None:
    """Make `target` the same file as `source`, by a hard link or, across disks, by a copy; nothing if it is already."""
    with cache.writing(target.parent):
        there, wanted = _identity(target), _identity(source)
        if there == wanted:
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        unfinished = target.with_name(f".{target.name}.{os.getpid()}")
        unfinished.unlink(missing_ok=True)
        try:
            try:
                os.link(source, unfinished)
            except OSError:
                shutil.copy2(source, unfinished)
            files.put(unfinished, target)
        finally:
            unfinished.unlink(missing_ok=True)


def _identity(path: Path) -> tuple[int, int] | None:
    with contextlib.suppress(FileNotFoundError):
        stat = path.stat()
        return stat.st_size, stat.st_mtime_ns
    return None


def python_module(path: Path, module: str) -> None:
    """Write a script that runs a module of this checkout under its virtual environment, wherever it is started."""
    # -P: a folder called `sandbox` where the engine happens to start it is not this one.
    environ = f"PYTHONPATH={shlex.quote(str(paths.CHECKOUT))}"
    _script(path, f'{environ} exec {shlex.quote(str(_PYTHON))} -P -u -m {module} "$@"')


def kubectl(node: Path) -> None:
    """Write `kubectl`, which is part of the Kubernetes binary."""
    _script(FOLDER / "kubectl", f'exec {shlex.quote(str(node))} kubectl "$@"')


def docker(tree: DebianTree) -> None:
    """Write `docker` for Debian's client, unless the user has one."""
    script = FOLDER / "docker"
    search = os.pathsep.join(part for part in os.get_exec_path() if Path(part).resolve() != FOLDER.resolve())
    if shutil.which("docker", path=search):
        script.unlink(missing_ok=True)
        return
    libraries = tree.environ({}).get("LD_LIBRARY_PATH")
    prefix = f"LD_LIBRARY_PATH={shlex.quote(libraries)} " if libraries else ""
    _script(script, f'{prefix}exec {shlex.quote(str(tree.binary("docker")))} "$@"')


def _script(path: Path, line: str) -> None:
    cache.write(path, f"#!/bin/sh\n{line}\n", executable=True)
