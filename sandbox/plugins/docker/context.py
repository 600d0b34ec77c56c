"""A build context's digest, which the official plugin keeps in the state.

The digest is a SHA-256 over, for the Dockerfile and then each file in walking order: its name, its mode as Go prints
it, the SHA-256 of its content, and a zero byte. The Dockerfile goes in first under the fixed name `Dockerfile` with no
mode, so that one from outside the context counts; a symbolic link counts by where it leads. With it, a state made by
the official plugin shows no change here, and the other way round: the tests hold digests that the official one made.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from posixpath import dirname, isabs, join, normpath

from sandbox.plugins.docker.ignore import Matcher, Pattern, patterns_for
from sandbox.plugins.serving import PluginError

_MODE_LETTERS = ((stat.S_ISUID, "u"), (stat.S_ISGID, "g"))
_TYPE_LETTERS = {
    stat.S_IFDIR: "d",
    stat.S_IFLNK: "L",
    stat.S_IFBLK: "D",
    stat.S_IFIFO: "p",
    stat.S_IFSOCK: "S",
    stat.S_IFCHR: "Dc",
}
_MAX_LINKS = 255
"""Go's own limit on links that lead to links."""


@dataclass(frozen=True)
class Entry:
    """A file or folder of the context: its place, its name relative to the context, and what lstat says."""

    path: str
    name: str
    status: os.stat_result


def digest(context: str, dockerfile: str) -> str:
    """Return the context's digest in hex; both paths are relative to the project, or absolute.

    Raises PluginError when something can't be read.
    """
    total = hashlib.sha256()
    try:
        total.update(_record("Dockerfile", "----------", _content_digest(dockerfile)))
        for entry in _walk(context, patterns_for(context, dockerfile)):
            mode = entry.status.st_mode
            if stat.S_ISLNK(mode):
                content = hashlib.sha256(os.fsencode(_link_target(entry.path))).digest()
            elif stat.S_ISREG(mode):
                content = _content_digest(entry.path)
            elif stat.S_ISDIR(mode):
                continue
            else:
                content = hashlib.sha256().digest()
            total.update(_record(entry.name, go_mode(mode), content))
    except OSError as error:
        raise PluginError(f"unable to hash build context: {error.filename}: {error.strerror}") from None
    return total.hexdigest()


def relative(dockerfile: str, context: str) -> str:
    """Return the Dockerfile's place as seen from the context: `Dockerfile`, `build/Dockerfile`, `../Dockerfile`."""
    return Path(os.path.relpath(dockerfile, context)).as_posix()


def go_mode(mode: int) -> str:
    """Return a mode as Go's FileMode prints it: `-rw-r--r--`, `Lrwxrwxrwx`, `urwxr-xr-x`."""
    letters = _TYPE_LETTERS.get(stat.S_IFMT(mode), "")
    special = "".join(letter for bit, letter in _MODE_LETTERS if mode & bit)
    # Go's order: type letters, setuid, setgid, and the c of a character device before the sticky bit's t.
    first = letters[:1] + special + letters[1:] + ("t" if mode & stat.S_ISVTX else "")
    rights = "".join(letter if mode & (1 << (8 - position)) else "-" for position, letter in enumerate("rwxrwxrwx"))
    return (first or "-") + rights


def _walk(context: str, patterns: Sequence[Pattern]) -> Iterator[Entry]:
    matcher = Matcher(patterns)

    def below(folder: str, prefix: str, above: Sequence[bool] | None) -> Iterator[Entry]:
        for each in sorted(os.scandir(folder), key=lambda entry: os.fsencode(entry.name)):
            name = f"{prefix}{each.name}"
            matches = matcher.matches(name, above)
            ignored = matcher.ignored(matches)
            is_folder = each.is_dir(follow_symlinks=False)
            if not ignored:
                yield Entry(join(context, name), name, each.stat(follow_symlinks=False))
            if is_folder and (not ignored or matcher.may_keep_below(name)):
                yield from below(each.path, f"{name}/", matches)

    return below(context, "", None)


def _record(name: str, mode: str, content: bytes) -> bytes:
    return os.fsencode(name) + mode.encode() + content + b"\0"


def _content_digest(path: str) -> bytes:
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _link_target(path: str) -> str:
    """Resolve every link in `path` and stay relative where the path and the links are, as Go's EvalSymlinks does."""
    done = "/" if isabs(path) else ""
    rest = [part for part in path.split("/") if part]
    links = 0
    while rest:
        part = rest.pop(0)
        if part == ".":
            continue
        done = normpath(join(done, part))
        if not stat.S_ISLNK(os.lstat(done).st_mode):
            continue
        links += 1
        if links > _MAX_LINKS:
            raise PluginError(f"could not evaluate symlink at {path}: too many links")
        target = str(Path(done).readlink())
        done = "/" if isabs(target) else dirname(done)
        rest = [part for part in target.split("/") if part] + rest
    return done or "."
