"""The Pulumi CLI in this project's version: from PATH, else from its download site, else built from its Go module."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from pathlib import Path

from base import paths, progress
from sandbox.toolchain import cache, children, launchers, official, system
from sandbox.toolchain.gobuild import Program

PROGRAM = Program(
    name="pulumi",
    what="the Pulumi CLI",
    folder=Path(__file__).parent / "pulumi_cli",
    package="github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
    pinned_by="github.com/pulumi/pulumi/pkg/v3",
    version_symbol="github.com/pulumi/pulumi/sdk/v3/go/common/version.Version={version}",
    usually=340,
)
_LANGUAGE_HOST = "pulumi-language-python"


def find() -> Path | None:
    """Return a CLI of the right version that needs no work, if there is one."""
    fetched = cache.find(_official_key())
    return _on_path() or (fetched / "pulumi/pulumi" if fetched else None) or PROGRAM.find()


def ensure() -> Path:
    """Return the CLI in the checkout's folder of tools, with a language host for Python beside it."""
    return _place(find() or _fetch() or PROGRAM.ensure())


def _official_key() -> str:
    return f"pulumi-{PROGRAM.version}-official-{system.machine().pulumi}"


def _fetch() -> Path | None:
    if not official.reachable(
        PROGRAM.version, "the CLI is built from its Go module, and this project's plugins are used"
    ):
        return None

    def make(folder: Path) -> None:
        with progress.step(f"download the Pulumi CLI {PROGRAM.version}", usually=20):
            official.fetch_cli(PROGRAM.version, system.machine().pulumi, folder)

    try:
        return cache.obtain(_official_key(), PROGRAM.what, make) / "pulumi/pulumi"
    except official.DownloadError as error:
        progress.say(f"  ... {error}: the CLI is built from its Go module instead")
        return None


def _on_path() -> Path | None:
    """Return the user's own CLI, if it is of the right version and has its language host beside it."""
    own = str(launchers.FOLDER)
    search = os.pathsep.join(part for part in os.get_exec_path() if Path(part).resolve() != Path(own).resolve())
    found = shutil.which("pulumi", path=search)
    if found is None:
        return None
    binary = Path(found).resolve()
    if binary.with_name(_LANGUAGE_HOST).is_file() and _version(binary) == PROGRAM.version:
        return binary
    return None


def _version(binary: Path) -> str:
    """Return what `pulumi version` says, without a v; asked once for each file, since asking takes half a second."""
    stat = binary.stat()
    fingerprint = [str(binary), stat.st_size, stat.st_mtime_ns]
    memory = paths.cache() / "pulumi-on-path.json"
    known: dict[str, object] = {}
    with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):
        known = json.loads(memory.read_text())
    if known.get("file") != fingerprint:
        asked = children.run([binary, "version"], {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "1"})
        known = {"file": fingerprint, "version": asked.stdout.strip().removeprefix("v")}
        cache.write(memory, json.dumps(known))
    return str(known["version"])


def _place(binary: Path) -> Path:
    """Put the CLI where it looks for language hosts: beside its own real file, so a symbolic link would not do."""
    official_host = binary.with_name(_LANGUAGE_HOST)
    if official_host.is_file():
        for tool in binary.parent.glob("pulumi*"):
            launchers.link(tool, launchers.FOLDER / tool.name)
    else:
        launchers.link(binary, launchers.FOLDER / "pulumi")
        launchers.python_module(launchers.FOLDER / _LANGUAGE_HOST, "sandbox.plugins.language_host")
    return launchers.FOLDER / "pulumi"
