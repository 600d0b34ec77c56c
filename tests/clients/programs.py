"""The programs that live one whole life on the stand-in with IBM's SDKs: how each is built, run, and what it used."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from filelock import FileLock

from base import paths
from sandbox.cloud.app import operations
from sandbox.cloud.testing import StandIn

HERE = Path(__file__).parent

_NAME = re.compile(r"\{[^}]+\}")
_COLOUR = re.compile(r"\x1b\[\d*m")


class UnbuiltError(Exception):
    """A program that can't be built here; the text says which command failed, and what it said."""


@dataclass(frozen=True)
class Program:
    """One program, in the folder of its name. `tools` maps each command that it needs to the oldest version that does.

    `build` fills a folder with what the program is run from, and needs the network; what is built is kept until a file
    of the program changes. `command` is how it is run from there.
    """

    title: str
    folder: str
    sdks: tuple[str, ...]
    tools: Mapping[str, int]
    build: Callable[[Path], Sequence[str]] | None
    command: Callable[[Path], Sequence[str]]

    @property
    def source(self) -> Path:
        """The program's folder."""
        return HERE / self.folder

    def missing(self) -> str | None:
        """Return what this machine lacks to run it; None if it lacks nothing."""
        for tool, oldest in self.tools.items():
            if shutil.which(tool) is None:
                return f"{tool} is not installed: the client program in {self.title} needs it"
            said = _run([tool, _VERSION.get(tool, "--version")], self.source)
            found = re.search(r"\d+", _COLOUR.sub("", said))
            if found is None or int(found[0]) < oldest:
                return f"{tool} {oldest} or newer is not installed: the client program in {self.title} needs it"
        return None

    def ready(self) -> Sequence[str]:
        """Return the command, built if it isn't yet.

        Raises:
            UnbuiltError: the build failed.

        """
        if self.build is None:
            return self.command(self.source)
        content = b"".join(path.read_bytes() for path in sorted(self.source.iterdir()) if path.is_file())
        folder = paths.cache() / "clients" / f"{self.folder}-{hashlib.sha256(content).hexdigest()[:12]}"
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{folder}.lock"):
            if not folder.is_dir():
                with tempfile.TemporaryDirectory(dir=folder.parent) as made:
                    built = Path(made, "built")
                    shutil.copytree(self.source, built)
                    _run(self.build(built), built)
                    built.rename(folder)
        return self.command(folder)


@dataclass(frozen=True)
class Used:
    """What a program used of the stand-in: operations that answered with success, and with which errors others did."""

    operations: frozenset[str]
    errors: frozenset[str]


PROGRAMS = (
    Program(
        "Python",
        "python",
        ("ibm-platform-services", "ibm-container-registry"),
        {},
        None,
        lambda folder: [sys.executable, str(folder / "life.py")],
    ),
    Program(
        "Node.js",
        "node",
        ("@ibm-cloud/platform-services", "ibm-cloud-sdk-core"),
        {"node": 20, "npm": 8},
        lambda _: ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        lambda folder: ["node", str(folder / "life.js")],
    ),
    Program(
        "Go",
        "go",
        ("github.com/IBM/go-sdk-core/v5",),
        {"go": 1},
        lambda folder: ["go", "build", "-mod=readonly", "-o", str(folder / "life"), "."],
        lambda folder: [str(folder / "life")],
    ),
    Program(
        "Java",
        "java",
        ("com.ibm.cloud:sdk-core",),
        {"java": 17, "javac": 17, "mvn": 3},
        lambda folder: [
            *("mvn", "--quiet", "--batch-mode", "dependency:copy-dependencies"),
            *("-DincludeScope=runtime", f"-DoutputDirectory={folder / 'jars'}"),
        ],
        lambda folder: ["java", "-cp", str(folder / "jars" / "*"), str(folder / "Life.java")],
    ),
)

_VERSION = {"go": "version"}


def versions(program: Program) -> list[str]:
    """Return the program's SDKs with the versions that are locked for it."""
    if program.folder == "python":
        return [f"{name} {version(name)}" for name in program.sdks]
    locked = "".join(
        path.read_text() for name in ("package.json", "go.mod", "pom.xml") if (path := program.source / name).is_file()
    )
    found: list[str] = []
    for name in program.sdks:
        match = re.search(re.escape(name.rpartition(":")[2]) + r"\D{1,40}?v?(\d+\.\d+\.\d+)", locked)
        if match is None:
            raise LookupError(name)
        found.append(f"{name} {match[1]}")
    return found


def lived(program: Program) -> Used:
    """Run a program against a fresh stand-in, and return what it used.

    Raises:
        UnbuiltError: it couldn't be built, or it ended in an error, which the text holds.

    """
    command = program.ready()
    with StandIn() as cloud:
        variables = {"CLOUD_URL": cloud.url, "CLOUD_API_KEY": cloud.api_key, "CLOUD_ACCOUNT": cloud.account_id}
        _run(command, program.source, variables)
        seen = [(f"{each.method} {_operation(each.method, each.path)}", each.status or 0) for each in cloud.requests]
    used = {name for name, status in seen if status < 400}
    return Used(frozenset(used), frozenset(f"{name} {status}" for name, status in seen if status >= 400))


def _operation(method: str, path: str) -> str:
    """Return the path of the operation that a request was for; the request's own where the stand-in lacks it."""
    for known in operations():
        shape = "[^/]+".join(re.escape(part) for part in _NAME.split(known.path.rstrip("/")))
        if known.method == method and re.fullmatch(shape, path.rstrip("/")):
            return known.path
    return re.sub(r"[0-9a-f]{32}", "{account_id}", path)


def _run(command: Sequence[str], folder: Path, variables: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "GOFLAGS": "", **(variables or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise UnbuiltError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout.strip()[-2000:]}")
    return done.stdout
