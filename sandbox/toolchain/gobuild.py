"""Programs built from Go modules of this checkout; each version is pinned in its module's go.mod, and only there."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from base import paths, progress
from base.errors import SandboxError
from sandbox.toolchain import cache, children, system
from sandbox.toolchain.space import GIB, Need

_FLAGS = "-mod=readonly -buildvcs=false -trimpath"
_VERSION = re.compile(r"go(\d+)\.(\d+)(?:\.(\d+))?")
_NETWORK = (
    "dial tcp",
    "no such host",
    "i/o timeout",
    "proxyconnect",
    "connection refused",
    "Forbidden",
    "TLS handshake",
)


@dataclass(frozen=True)
class Program:
    """One binary: the module's folder, the package in it or required by it, and where its version is written."""

    name: str
    what: str
    folder: Path
    package: str
    pinned_by: str
    """The required module whose version is the program's."""
    version_symbol: str
    """The variable that the linker sets to the version, `{version}` being that without its v."""
    usually: float
    """Seconds that a build takes on two cores with nothing cached, while the other program is built too."""

    @cached_property
    def version(self) -> str:
        """Return the version pinned in go.mod, without its v."""
        match = re.search(rf"^\s*{re.escape(self.pinned_by)} v(\S+)", self._go_mod, re.MULTILINE)
        if match is None:
            go_mod = self.folder / "go.mod"
            raise SandboxError(f"{go_mod} names no version of {self.pinned_by}.", f"git checkout {go_mod}")
        return match[1]

    @cached_property
    def key(self) -> str:
        """Return the cache entry's name: version and a hash of everything that the build reads from this checkout."""
        digest = hashlib.sha256(f"{_FLAGS} {self._linker_flags}".encode())
        for path in sorted([*self.folder.rglob("*.go"), *self.folder.rglob("go.mod"), self.folder / "go.sum"]):
            digest.update(path.read_bytes())
        return f"{self.name}-{self.version}-go-{digest.hexdigest()[:12]}-{system.machine().go}"

    @cached_property
    def _go_mod(self) -> str:
        return self.folder.joinpath("go.mod").read_text()

    @property
    def _linker_flags(self) -> str:
        return f"-s -w -X {self.version_symbol.format(version=self.version)}"

    def find(self) -> Path | None:
        """Return the binary, if it has been built."""
        folder = cache.find(self.key)
        return folder / self.name if folder else None

    def needs(self) -> list[Need]:
        """Return the room that a build takes."""
        settings = _settings(self.folder)
        return [
            Need(self.what, paths.cache(), GIB),
            Need(f"{self.what}: Go's modules", Path(settings["GOMODCACHE"]), GIB),
            Need(f"{self.what}: Go's build cache", Path(settings["GOCACHE"]), 2 * GIB),
        ]

    def require_go(self) -> None:
        """Raise SandboxError unless there is a Go that can build this."""
        wanted = _parse(re.sub(r"(?ms).*^go (\S+)$.*", r"go\1", self._go_mod))
        settings = _settings(self.folder)
        found = _parse(settings["GOVERSION"])
        # From 1.21 on, Go gets the release that go.mod asks for by itself, unless it was told not to.
        if found < wanted and (found < (1, 21, 0) or settings["GOTOOLCHAIN"] == "local"):
            raise SandboxError(
                f"{self.what} needs Go {_text(wanted)} or newer, and the `go` on PATH is {_text(found)}.",
                f"install Go {_text(wanted)} or newer (https://go.dev/doc/install) and put it first on PATH",
            )

    def ensure(self) -> Path:
        """Return the binary, built if need be. Raises SandboxError with the reason if the build fails."""
        return cache.obtain(self.key, self.what, self._build) / self.name

    def _build(self, folder: Path) -> None:
        self.require_go()
        scratch = folder / ".tmp"
        scratch.mkdir()
        command = ["go", "build", "-ldflags", self._linker_flags, "-o", str(folder / self.name), self.package]
        with progress.step(f"build {self.what} {self.version} from its Go module", usually=self.usually):
            result = children.run(command, {**_environ(), "GOTMPDIR": str(scratch)}, self.folder)
        shutil.rmtree(scratch)
        if result.status:
            raise self._failed(result)

    def _failed(self, result: children.Result) -> SandboxError:
        lines = [
            line for line in result.stderr.splitlines() if line.strip() and not line.startswith("go: downloading ")
        ]
        reason = next((line for line in lines if any(sign in line for sign in _NETWORK)), None)
        if "no space left on device" in result.stderr:
            remedy = "free some space, or set GOCACHE, GOMODCACHE and ICR_SANDBOX_CACHE to folders on a larger disk"
            return SandboxError(f"The disk ran full while {self.what} was built.", remedy)
        if reason:
            proxy = _settings(self.folder)["GOPROXY"]
            remedy = f"make Go's module proxy reachable (GOPROXY is {proxy}), then run the command again"
            return SandboxError(f"The Go modules of {self.what} can't be fetched: {reason}", remedy)
        log = paths.cache() / f"{self.name}.log"
        log.write_text(result.stdout + result.stderr)
        return SandboxError(f"{self.what} can't be built: {result.reason()}", f"read {log}, then run the command again")


def _environ() -> dict[str, str]:
    own = {"GOFLAGS": _FLAGS, "GOWORK": "off", "CGO_ENABLED": "0", "GOOS": "linux", "GOARCH": system.machine().go}
    return {**os.environ, **own}


def _settings(folder: Path) -> dict[str, str]:
    if shutil.which("go") is None:
        raise SandboxError(
            "Go is not installed: Kubernetes, and the Pulumi CLI where it can't be downloaded, are built with it.",
            "install Go 1.25.11 or newer (https://go.dev/doc/install) and put it on PATH",
        )
    names = ["GOVERSION", "GOTOOLCHAIN", "GOMODCACHE", "GOCACHE", "GOPROXY"]
    # Above any module, so that an old Go says what it is rather than that it is too old for go.mod.
    result = children.run(["go", "env", "-json", *names], {**_environ(), "GOFLAGS": ""}, Path(folder.anchor))
    if result.status:
        raise SandboxError(f"`go env` fails: {result.reason()}", "make `go version` work on this machine")
    return json.loads(result.stdout)


def _parse(version: str) -> tuple[int, int, int]:
    match = _VERSION.search(version)
    return (int(match[1]), int(match[2]), int(match[3] or 0)) if match else (0, 0, 0)


def _text(version: tuple[int, int, int]) -> str:
    return ".".join(map(str, version))
