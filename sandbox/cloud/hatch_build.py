"""Gives the modules in the stand-in's wheel a name of its own.

In this checkout they are `sandbox.cloud` and, below it, some of `base`. Beside other people's code those would be names
that a folder of theirs has already: there everything is in `ibm_cloud_stand_in`.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.config import BuilderConfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.builders.wheel import WheelBuilder

_PACKAGE = "ibm_cloud_stand_in"
_BASE = ("__init__.py", "errors.py", "files.py", "progress.py")
_IMPORT_OF_BASE = re.compile(r"^(\s*(?:from|import)) base\b", re.MULTILINE)


class BuildHook(BuildHookInterface[BuilderConfig]):
    """Adds the modules of `base`; in a wheel, replaces each module by a renamed copy."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Tell which files the distribution has besides those of this folder."""
        del version
        self._copies = Path(tempfile.mkdtemp())
        # A source distribution has them inside.
        inside = Path(self.root, "base").is_dir()
        modules = {} if inside else {str(Path(self.root, "../../base", name)): f"base/{name}" for name in _BASE}
        if self.target_name == "wheel":
            for each in WheelBuilder(self.root).recurse_selected_project_files():
                if each.path.endswith(".py"):
                    modules[each.path] = each.relative_path
            modules = {self._renamed(Path(source), target): target for source, target in modules.items()}
        build_data["force_include"].update(modules)

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove the copies."""
        del version, build_data, artifact_path
        shutil.rmtree(self._copies)

    def _renamed(self, source: Path, target: str) -> str:
        text = source.read_text("utf-8").replace("sandbox.cloud", _PACKAGE)
        copy = self._copies / target
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(_IMPORT_OF_BASE.sub(rf"\1 {_PACKAGE}.base", text), "utf-8")
        return str(copy)
