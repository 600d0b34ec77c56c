"""A machine for tests of the toolchain: a PATH of scripts, a cache and a checkout's folder of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.toolchain import launchers, plugins


class Bench:
    """Folders below one of pytest's, and a PATH with nothing on it but what a test puts there."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.programs = folder / "programs"
        self.programs.mkdir()
        self.cache = folder / "cache"
        self.home = folder / "home"
        monkeypatch.setenv("PATH", str(self.programs))
        monkeypatch.setenv("HOME", str(folder / "user"))
        monkeypatch.delenv("PULUMI_HOME", raising=False)
        monkeypatch.setenv("ICR_SANDBOX_CACHE", str(self.cache))
        monkeypatch.setenv("ICR_SANDBOX_HOME", str(self.home))
        monkeypatch.setattr(launchers, "FOLDER", folder / "checkout/.sandbox/bin")
        monkeypatch.setattr(plugins, "HOME", folder / "checkout/.sandbox/pulumi-home")

    def program(self, name: str, script: str, folder: Path | None = None) -> Path:
        """Put a shell script on the PATH, or into `folder`; it may use the system's own tools."""
        path = (folder or self.programs) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\nPATH=/usr/bin:/bin\n{script}\n")
        path.chmod(0o755)
        return path
