"""Debian's packages in an image: reading its lists of them, and the order of their versions. Pure.

Sources: Debian Policy on control files and on versions; dpkg's own comparison; the distroless images' status.d folder.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cmp_to_key
from itertools import zip_longest

STATUS = "var/lib/dpkg/status"
PARTS = "var/lib/dpkg/status.d/"
RELEASES = ("usr/lib/os-release", "etc/os-release")
"""The one in /etc counts where both are there; there it is often a link."""

_PIECES = re.compile(r"(\D*)(\d*)")


def is_wanted(path: str) -> bool:
    """Tell whether this file of an image says what is installed or which system it is."""
    return path in (STATUS, *RELEASES) or (path.startswith(PARTS) and not path.endswith(".md5sums"))


def installed(files: Mapping[str, str]) -> dict[str, str] | None:
    """Return package -> version from an image's files (path -> text), or None if it has no list of packages."""
    lists = [text for path, text in files.items() if path == STATUS or path.startswith(PARTS)]
    if not lists:
        return None
    found: dict[str, str] = {}
    for text in lists:
        for paragraph in text.split("\n\n"):
            fields = _fields(paragraph.splitlines())
            # A distroless image's parts have no Status; a removed package's paragraph stays in dpkg's list.
            state = fields.get("Status", "install ok installed")
            if "Package" in fields and "Version" in fields and state.endswith(" installed"):
                found[fields["Package"]] = fields["Version"]
    return found


def release(files: Mapping[str, str]) -> dict[str, str]:
    """Return the values of the image's os-release file."""
    found: dict[str, str] = {}
    for path in RELEASES:
        for line in files.get(path, "").splitlines():
            name, _, value = line.partition("=")
            found[name.strip()] = value.strip().strip("\"'")
    return found


def is_older(version: str, other: str) -> bool:
    """Tell whether a Debian version comes before another one."""
    return _compare(version, other) < 0


def newest(versions: Iterable[str]) -> str:
    """Return the last version of several."""
    return max(versions, key=cmp_to_key(_compare))


def _fields(lines: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if colon and not line.startswith((" ", "\t")):
            found[name] = value.strip()
    return found


def _compare(one: str, other: str) -> int:
    """Return a negative number, 0 or a positive one: epoch first, then upstream version, then revision."""
    for left, right in zip(_parts(one), _parts(other), strict=True):
        if found := _compare_part(left, right):
            return found
    return 0


def _parts(version: str) -> tuple[str, str, str]:
    epoch, colon, rest = version.partition(":")
    if not colon:
        epoch, rest = "0", version
    upstream, dash, revision = rest.rpartition("-")
    return epoch, upstream if dash else rest, revision if dash else "0"


def _compare_part(one: str, other: str) -> int:
    pieces = zip_longest(_PIECES.findall(one), _PIECES.findall(other), fillvalue=("", ""))
    for (text, number), (other_text, other_number) in pieces:
        for left, right in zip_longest(text, other_text, fillvalue=""):
            if found := _rank(left) - _rank(right):
                return found
        if found := int(number or 0) - int(other_number or 0):
            return found
    return 0


def _rank(char: str) -> int:
    """Order characters as dpkg does: tilde, then the end, then letters, then all others."""
    if char == "~":
        return -1
    if not char:
        return 0
    return ord(char) if char.isalpha() else ord(char) + 256
