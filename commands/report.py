"""What a person reads at the end of `make up`: the table of what now exists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from rich.console import Console
from rich.table import Table

from fleet.stack import Stack
from fleet.verify import Check

LOG_COLUMNS = 150
"""Width where there is no terminal: an image reference with its digest fits in one line."""


def show_table(stack: Stack, checks: Sequence[Check], cloud: str) -> None:
    """Print what the stack made, by the names of its outputs, and what comes next.

    `checks` are those that passed; `cloud` is the address of the page that shows what the sandbox's cloud holds.
    """
    outputs = stack.outputs()
    workloads = cast("dict[str, dict[str, str | int]]", outputs["workloads"])
    rows = {
        "registry namespace": f"{outputs['registryHost']}/{outputs['registryNamespace']}",
        **{f"image of {name}": _image(each) for name, each in workloads.items()},
        "service ID": outputs["serviceId"],
        "access policy": outputs["accessPolicyId"],
        "API key id": outputs["apiKeyId"],
        "pull Secret": outputs["pullSecret"],
        "ServiceAccount": outputs["serviceAccount"],
    }
    table = Table(title=f"stack {stack.name}", show_header=False, title_justify="left")
    table.add_column("what")
    table.add_column("value", overflow="fold")
    for what, value in rows.items():
        table.add_row(what, str(value))
    for check in checks[:-1]:
        table.add_row(check.what, check.seen)
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = LOG_COLUMNS
    console.print(table)
    console.print(
        'What next:\n  eval "$(make env)"     then pulumi, kubectl and docker work here: kubectl get pods\n'
        "  make verify            checks it again\n"
        "  make down              destroys the stack and stops the sandbox\n"
        f"  {cloud}   shows what the sandbox's cloud holds, and why it refused what it refused"
    )


def _image(workload: Mapping[str, str | int]) -> str:
    """Return digest, size and security status, as IBM Cloud's own list of images has them."""
    size = f"{int(workload['sizeBytes']) / 1e6:.1f} MB"
    return "\n".join([str(workload["image"]), ", ".join([size, *filter(None, [str(workload.get("security") or "")])])])
