"""Pulumi's download site, used where it can be reached; that it can't is remembered for an hour."""

from __future__ import annotations

import hashlib
import shutil
import tarfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

from base import paths, progress
from base.errors import SandboxError
from sandbox.toolchain import cache, children

SITE = "https://get.pulumi.com"
PATIENCE = 2.5
"""Seconds that the site may take to answer the first question."""
_STALLED = 30.0
"""Seconds without a byte after which a download has broken off."""
_REMEMBERED = 3600.0
_CHUNK = 1 << 20
_lock = threading.Lock()


class DownloadError(Exception):
    """A download that broke off."""


def reachable(version: str, instead: str) -> bool:
    """Return whether the release can be downloaded; if not, say once an hour what is used `instead`."""
    memory = paths.cache() / "pulumi-site-refused"
    with _lock:
        if memory.is_file() and time.time() - memory.stat().st_mtime < _REMEMBERED:
            return False
        problem = _probe(_checksums(version))
        if problem is None:
            return True
        progress.say(f"  ... {SITE} can't be used ({problem}): {instead}")
        cache.write(memory, f"{problem}\n")
        memory.touch()
        return False


def fetch_cli(version: str, architecture: str, folder: Path) -> None:
    """Unpack the CLI's release, its archive checked against the release's checksums, into `folder`."""
    name = f"pulumi-v{version}-linux-{architecture}.tar.gz"
    url = f"{SITE}/releases/sdk/{name}"
    archive = folder / name
    listed = folder / "checksums.txt"
    _download(_checksums(version), listed)
    wanted = next((line.split()[0] for line in listed.read_text().splitlines() if line.split()[1:] == [name]), None)
    if wanted is None:
        raise DownloadError(f"{_checksums(version)} doesn't name {name}")
    found = _download(url, archive)
    if found != wanted:
        raise SandboxError(
            f"{url} has the SHA-256 {found}, and its release says {wanted}.",
            "find out what changes that file on its way (a proxy, perhaps), then run the command again",
        )
    _unpack(archive, folder)
    archive.unlink()


def _unpack(archive: Path, folder: Path) -> None:
    """Unpack an archive that holds plain files only, none of them outside of `folder`; raises DownloadError for others.

    By hand, because the safe filters of `extractall` came with Python 3.11.4.
    """
    with tarfile.open(archive) as tar:
        for entry in tar:
            if entry.isdir():
                continue
            target = folder / entry.name
            body = tar.extractfile(entry) if entry.isreg() else None
            if body is None or not target.resolve().is_relative_to(folder.resolve()):
                raise DownloadError(f"{archive.name} holds {entry.name}, which is no plain file of its own folder")
            target.parent.mkdir(parents=True, exist_ok=True)
            with body, target.open("wb") as file:
                shutil.copyfileobj(body, file)
            target.chmod(entry.mode & 0o755)


def _checksums(version: str) -> str:
    return f"{SITE}/releases/sdk/pulumi-{version}-checksums.txt"


def _probe(url: str) -> str | None:
    """Return None if the address answers, else why not."""
    answers: list[str | None] = []

    def ask() -> None:
        try:
            with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=PATIENCE):
                answers.append(None)
        except urllib.error.HTTPError as error:
            with error:
                answers.append(str(error.reason))
        except urllib.error.URLError as error:
            answers.append(str(error.reason))
        except OSError as error:
            answers.append(str(error))

    # A thread, because looking up a host's name has no time limit of its own.
    thread = threading.Thread(target=ask, name="probe", daemon=True)
    thread.start()
    thread.join(PATIENCE)
    return answers[0] if answers else f"no answer in {PATIENCE} s"


def _download(url: str, target: Path) -> str:
    """Download to a file and return the SHA-256 of what came."""
    digest = hashlib.sha256()
    try:
        with urllib.request.urlopen(url, timeout=_STALLED) as response, target.open("wb") as file:
            while chunk := response.read(_CHUNK):
                children.go_on()
                digest.update(chunk)
                file.write(chunk)
    except urllib.error.HTTPError as error:
        with error:
            raise DownloadError(f"{url}: {error}") from error
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        raise DownloadError(f"{url}: {error}") from error
    return digest.hexdigest()
