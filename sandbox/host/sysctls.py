"""Kernel settings that a kubelet changes for the whole machine: noted before, and put back by `down`."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from base import files
from sandbox.host.layout import Layout

_ROOT = Path("/proc/sys")
_CHANGED = (
    "kernel/keys/root_maxbytes",
    "kernel/keys/root_maxkeys",
    "kernel/panic",
    "kernel/panic_on_oops",
    "net/ipv4/ip_forward",
    "vm/overcommit_memory",
    "vm/panic_on_oom",
)
"""What kubelet sets when it starts, and what programs that make container networks are known to set."""


def note(layout: Layout) -> None:
    """Write down the present values, unless that has been done since the machine started or `down` put them back."""
    file = _file(layout)
    if not file.exists():
        values = {name: path.read_text() for name in _CHANGED if (path := _ROOT / name).exists()}
        files.write(file, json.dumps(values, indent=1))


def restore(layout: Layout) -> None:
    """Put the noted values back, and forget them."""
    file = _file(layout)
    if file.exists():
        for name, value in json.loads(file.read_text()).items():
            path = _ROOT / name
            with suppress(OSError):
                if path.read_text() != value:
                    path.write_text(value)
        file.unlink()


def noted(layout: Layout) -> Path | None:
    """Return the note, as long as there is one."""
    return file if (file := _file(layout)).exists() else None


def _file(layout: Layout) -> Path:
    # Among the things that do not outlive the machine's run: after a restart Linux has its own values again.
    return layout.run / "sysctls.json"
