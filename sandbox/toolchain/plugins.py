"""Pulumi's plugins for Docker and Kubernetes, in this checkout's Pulumi home: the official ones, else this project's.

What has been chosen stays, so that a stack doesn't change its plugins in mid-life because a site answers again;
removing the checkout's Pulumi home (`make clean`) makes the choice anew.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from importlib.metadata import version
from pathlib import Path

from base import files, paths, progress
from sandbox.toolchain import cache, children, launchers, official, system

HOME = paths.LOCAL / "pulumi-home"
_NAMES = ("docker", "kubernetes")
"""Each has a PyPI package `pulumi-NAME`, whose pinned version is the plugin's."""
_SCRIPT = b"#!"


def ensure(pulumi: Path) -> None:
    """Put every plugin into the Pulumi home."""
    for name in _NAMES:
        plugin = binary(name)
        if _is_stand_in(plugin) or not files.is_there(plugin):
            _put(name, plugin, pulumi)


def stand_ins_used() -> bool:
    """Return whether any plugin is this project's, which means that the official ones can't be had here."""
    return any(_is_stand_in(binary(name)) for name in _NAMES)


def binary(name: str) -> Path:
    """Return where the plugin belongs."""
    return HOME / "plugins" / _folder(name) / f"pulumi-resource-{name}"


def _folder(name: str) -> str:
    return f"resource-{name}-v{version(f'pulumi-{name}')}"


def _is_stand_in(plugin: Path) -> bool:
    if not plugin.is_file():
        return False
    with plugin.open("rb") as file:
        return file.read(len(_SCRIPT)) == _SCRIPT


def _put(name: str, plugin: Path, pulumi: Path) -> None:
    source = None if files.is_there(plugin) else _users(name) or _official(name, pulumi)
    if source:
        for file in source.glob("[!.]*"):
            # The binary last: with it there, the plugin counts as complete.
            if file.is_file() and file.name != plugin.name:
                launchers.link(file, plugin.with_name(file.name))
        launchers.link(source / plugin.name, plugin)
    else:
        launchers.python_module(plugin, f"sandbox.plugins.{name}")


def _users(name: str) -> Path | None:
    """Return the plugin's folder in the user's own Pulumi home, if it has it."""
    set_by_user = Path(os.environ.get("PULUMI_HOME") or HOME)
    home = Path.home() / ".pulumi" if set_by_user.resolve() == HOME.resolve() else set_by_user
    folder = home / "plugins" / _folder(name)
    return folder if folder.joinpath(f"pulumi-resource-{name}").is_file() else None


def _official(name: str, pulumi: Path) -> Path | None:
    number = version(f"pulumi-{name}")
    key = f"pulumi-resource-{name}-{number}-official-{system.machine().go}"
    if found := cache.find(key):
        return found
    if not official.reachable(version("pulumi"), "this project's own plugins are used"):
        return None

    def make(folder: Path) -> None:
        with (
            progress.step(f"download Pulumi's plugin {name} {number}", usually=20),
            tempfile.TemporaryDirectory(dir=folder) as home,
        ):
            environ = {**os.environ, "PULUMI_HOME": home, "PULUMI_SKIP_UPDATE_CHECK": "1"}
            result = children.run([pulumi, "plugin", "install", "resource", name, number], environ)
            if result.status:
                raise official.DownloadError(result.reason())
            for file in Path(home, "plugins", _folder(name)).iterdir():
                shutil.move(file, folder / file.name)

    try:
        return cache.obtain(key, f"Pulumi's plugin {name}", make)
    except official.DownloadError as error:
        progress.say(f"  ... Pulumi's plugin {name} {number} can't be downloaded ({error}): this project's is used")
        return None
