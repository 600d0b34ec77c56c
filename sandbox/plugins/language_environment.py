"""The Python that a program or plugin asks for in its options, and what is installed there."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import cast

from google.protobuf.json_format import MessageToDict
from pulumi.runtime.proto import language_pb2, plugin_pb2

_TOOLCHAINS = {"pip": "Pip", "poetry": "Poetry", "uv": "Uv"}
_TYPE_CHECKERS = {"mypy": "Mypy", "pyright": "Pyright"}


class NoEnvironmentError(Exception):
    """The virtual environment that the options name isn't there; the text is for the user."""


@dataclass(frozen=True)
class Environment:
    """One Python installation; `virtualenv` is None for the one that runs the language host."""

    virtualenv: Path | None
    toolchain: str
    type_checker: str

    @property
    def executable(self) -> Path:
        """Return its interpreter."""
        return self.virtualenv / "bin/python" if self.virtualenv else Path(sys.executable)

    @property
    def is_own(self) -> bool:
        """Return whether the language host itself runs there."""
        return self.virtualenv is None or self.virtualenv.resolve() == Path(sys.prefix).resolve()

    def require(self) -> None:
        """Raise NoEnvironmentError unless it is there."""
        if not self.executable.is_file():
            raise NoEnvironmentError(
                f"the 'virtualenv' option names {self.virtualenv}, which is no virtual environment; "
                "`pulumi install` makes it"
            )

    def version(self) -> str:
        """Return Python's version."""
        if self.is_own:
            return platform.python_version()
        command = [self.executable, "-c", "import platform; print(platform.python_version())"]
        return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False).stdout.strip()

    def plugins(self) -> list[plugin_pb2.PackageDependency]:
        """Return the plugins that the installed packages say they need, by name."""
        found: dict[str, plugin_pb2.PackageDependency] = {}
        for folder in self._libraries():
            for file in folder.glob("*/pulumi-plugin.json"):
                if plugin := _plugin(file):
                    found[plugin.name] = plugin
        return [found[name] for name in sorted(found)]

    def installed(self) -> Iterator[Distribution]:
        """Return what is installed."""
        yield from distributions(path=[str(folder) for folder in self._libraries()])

    def pip(self) -> str:
        """Return the version of pip, or nothing."""
        return next((each.version for each in self.installed() if each.name == "pip"), "")

    def _libraries(self) -> list[Path]:
        prefix = self.virtualenv or Path(sys.prefix)
        return sorted(prefix.glob("lib/python3*/site-packages"))


def named_by(info: language_pb2.ProgramInfo) -> Environment:
    """Return the installation that a program's or plugin's options name; a relative path starts at its root."""
    options = cast("dict[str, object]", MessageToDict(info.options))
    named = options.get("virtualenv")
    return Environment(
        virtualenv=Path(os.path.normpath(Path(info.root_directory, str(named)))) if named else None,
        toolchain=_TOOLCHAINS.get(str(options.get("toolchain")), "Auto"),
        type_checker=_TYPE_CHECKERS.get(str(options.get("typechecker")), "None"),
    )


def _plugin(file: Path) -> plugin_pb2.PackageDependency | None:
    """Read a package's pulumi-plugin.json: `resource`, `name`, `version`, `server`."""
    declared = cast("dict[str, object]", json.loads(file.read_text()))
    if not declared.get("resource"):
        return None
    version = str(declared.get("version") or "").removeprefix("v")
    return plugin_pb2.PackageDependency(
        name=str(declared.get("name") or file.parent.name.removeprefix("pulumi_")),
        kind="resource",
        version=f"v{version}" if version else "",
        server=str(declared.get("server") or ""),
    )
