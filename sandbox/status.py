"""Shows how the sandbox's parts are, as a table, and what a stack of another region needs."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from sandbox import addresses
from sandbox.machine import PartStatus

_WIDE = 220


def show(parts: Sequence[PartStatus], console: Console | None = None) -> None:
    """Print one line a part: up or why not, since when, its address, its log."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("PART", "STATE", "SINCE", "ADDRESS", "LOG"):
        table.add_column(heading, no_wrap=True)
    for part in parts:
        table.add_row(
            part.name,
            "[green]up[/green]" if part.up else f"[red]down[/red]: {part.problem}",
            f"{part.since:%Y-%m-%d %H:%M:%S}" if part.since else "-",
            part.address,
            str(part.log) if part.log else "(the user's own)",
        )
    # Paths are for copying: a narrow terminal wraps the line, nothing is cut or folded inside a column.
    (console or Console(width=_WIDE)).print(table)


def tell_regions(regions: Sequence[str]) -> None:
    """Print, for each region but the one that stack dev is in, its address and how a stack gets there."""
    for region in regions:
        if region != addresses.REGION:
            print(f"Region {region} answers at {addresses.REGISTRY_ADDRESSES[region]}. For a stack there:")
            print(f"    make stack NAME=... REGION={region}")
