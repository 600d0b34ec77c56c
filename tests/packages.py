"""Installs a distribution of this checkout as its users do, beside what it declares that it needs and nothing else."""

from __future__ import annotations

import re
import subprocess
import sys
import venv
from collections.abc import Iterable
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement


class Environment:
    """A virtual environment with one wheel; what that needs are links into the one that runs the tests.

    So no index is asked, and what the wheel doesn't declare isn't there.
    """

    def __init__(self, folder: Path, wheel: Path) -> None:
        venv.create(folder, symlinks=True)
        self.folder = folder
        self.programs = folder / "bin"
        self._packages = next(folder.glob("lib/python3*/site-packages"))
        pip("--python", str(self.programs / "python"), "install", "--no-deps", "--no-index", str(wheel))
        (self.installed,) = Distribution.discover(name=wheel.name.split("-")[0], path=[str(self._packages)])
        self.add(*(self.installed.requires or []))

    def add(self, *needs: str) -> None:
        """Link packages and, of those that they need, all."""
        wanted, linked = [Requirement(each) for each in needs], set[str]()
        while wanted:
            need = wanted.pop()
            if need.marker is not None and not need.marker.evaluate({"extra": ""}):
                continue
            found = distribution(need.name)
            assert need.specifier.contains(found.version), f"{need} is declared, and tests run with {found.version}"
            if found.name not in linked:
                linked.add(found.name)
                self._link(found)
                wanted += [Requirement(each) for each in found.requires or []]

    def _link(self, found: Distribution) -> None:
        tops = {path.parts[0] for path in found.files or [] if path.parts[0] not in ("..", "__pycache__")}
        for name in tops:
            link = self._packages / name
            if not link.exists():
                link.symlink_to(Path(str(found.locate_file(name))))


def wheel(source: Path, folder: Path) -> Path:
    """Build the wheel of a folder or a source distribution, with the build tool that its pyproject.toml pins."""
    folder.mkdir()
    options = ("--no-deps", "--no-index", "--no-build-isolation", "--check-build-dependencies")
    pip("wheel", *options, "--wheel-dir", str(folder), str(source))
    (found,) = folder.iterdir()
    return found


def source_distribution(source: Path, folder: Path) -> Path:
    """Build the source distribution of a folder."""
    run([sys.executable, "-m", "hatchling", "build", "--target", "sdist", "--directory", str(folder)], source)
    (found,) = folder.iterdir()
    return found


def python_of(page: Path) -> list[str]:
    """Return the Python examples of a Markdown page."""
    return re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)


def pip(*words: str) -> None:
    """Run pip."""
    run([sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", *words])


def run(command: Iterable[str | Path], folder: Path | None = None) -> str:
    """Run a command that must succeed; return what it said, both streams together."""
    done = subprocess.run(
        [*command], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    return done.stdout
