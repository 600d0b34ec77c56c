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


def config_lines(region: str) -> list[str]:
    """Return the commands that set up a new stack of the program on a region that runs here."""
    return [
        f"pulumi config set region {region}",
        f"pulumi config set ibm-native:iamEndpoint http://{addresses.IAM_ADDRESS}",
        f"pulumi config set --path ibm-native:registryEndpoints.{region} http://{addresses.REGISTRY_ADDRESSES[region]}",
        f"pulumi config set imageBase {addresses.BASE_IMAGE}",
        "pulumi config set kubernetesContext sandbox",
        "pulumi config set clusterIdentifier sandbox",
    ]


def tell_regions(regions: Sequence[str]) -> None:
    """Print, for each region but the one that stack dev is in, its address and what a stack there needs."""
    for region in regions:
        if region != addresses.REGION:
            print(f"\nRegion {region} answers at {addresses.REGISTRY_ADDRESSES[region]}. A new stack there needs:")
            print("".join(f"    {line}\n" for line in config_lines(region)), end="")
            print("and other values for pullSecretName, serviceAccountName and podName than stacks beside it have.")
