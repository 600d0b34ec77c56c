"""What this machine began to make in places of IBM Cloud that take no mark.

A registry namespace, a quota or a plan has no description. What a create that is killed between IBM's answer and the
engine's save was about is written down here first, one small file each, and struck out once the state has it. It holds
no secret.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from ibm_native.version import PACKAGE


def default_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the folder in Pulumi's home; a user without any home has it where temporary files are."""
    given = environ.get("PULUMI_HOME")
    if given:
        return Path(given) / PACKAGE
    try:
        return Path.home() / ".pulumi" / PACKAGE
    except RuntimeError:
        return Path(tempfile.gettempdir()) / f"{PACKAGE}-{os.getuid()}"


@dataclass(frozen=True)
class Entry:
    """One create that was begun: in which account, and what was there before it."""

    account: str
    before: Mapping[str, object]


class Journal:
    """The creates of this machine that may be unknown to their state; an id is the resource's own, `jp-tok/name`."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or default_folder()
        self._answered: set[tuple[str, str]] = set()

    def begun(self, urn: str, resource_id: str, account: str) -> Entry | None:
        """Return the entry of an earlier create that may have had its effect, or None."""
        try:
            found = cast("dict[str, object]", json.loads(self._file(urn, resource_id).read_text()))
        except (OSError, ValueError):
            return None
        before = cast("Mapping[str, object]", found.get("before") or {})
        return Entry(account, before) if found.get("account") == account else None

    def noted(self, account: str) -> Iterator[tuple[str, str]]:
        """Yield URN and id of each create in an account that may be unknown to its state."""
        for file in self._folder.glob("*.json"):
            try:
                found = cast("dict[str, object]", json.loads(file.read_text()))
            except (OSError, ValueError):
                continue
            if found.get("account") == account:
                yield str(found.get("urn")), str(found.get("id"))

    def begin(self, urn: str, resource_id: str, account: str, before: Mapping[str, object] | None = None) -> None:
        """Write down a create before it is sent; a disk that refuses costs only what a kill would lose."""
        file = self._file(urn, resource_id)
        draft = file.with_suffix(f".{os.getpid()}")
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            draft.write_text(json.dumps({"urn": urn, "id": resource_id, "account": account, "before": before or {}}))
            draft.replace(file)
        except OSError:
            return

    def answered(self, urn: str, resource_id: str) -> None:
        """Note that the engine gets its answer now; it saves the state at once."""
        self._answered.add((urn, resource_id))

    def end(self, urn: str, resource_id: str) -> None:
        """Strike out a create: the state has it, or it had no effect."""
        self._answered.discard((urn, resource_id))
        try:
            self._file(urn, resource_id).unlink(missing_ok=True)
        except OSError:
            return

    def close(self) -> None:
        """Strike out what was answered: an engine that ends the plugin in good order has saved it."""
        for urn, resource_id in tuple(self._answered):
            self.end(urn, resource_id)

    def _file(self, urn: str, resource_id: str) -> Path:
        name = hashlib.sha256(f"{urn}\n{resource_id}".encode()).hexdigest()[:32]
        return self._folder / f"{name}.json"
