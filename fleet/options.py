"""What the fleet's commands share: how stacks are chosen, and how an operation runs on them all."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from base.errors import SandboxError
from fleet import inventory, runs, table
from fleet.inventory import StackFile
from fleet.orphans import Finding
from fleet.run import SEVERITY, Run, exit_status
from fleet.waves import Waves, Work

Beyond = Callable[[Sequence[StackFile]], Sequence[Finding]]
"""Finds what no state shows, in the accounts of the stacks that an operation went well on."""

Names = Annotated[list[str] | None, typer.Argument(metavar="[STACK]...", help="Stacks by name.")]
Regions = Annotated[list[str] | None, typer.Option("--region", help="Only stacks of this region; repeatable.")]
Tags = Annotated[
    list[str] | None, typer.Option("--tag", help="Only stacks with this tag, KEY or KEY=VALUE; repeatable.")
]
All = Annotated[bool, typer.Option("--all", help="Every stack that has a file.")]
Jobs = Annotated[int, typer.Option("--jobs", min=0, help="How many at once; 0: as many as cores and memory bear.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print what became of each stack as JSON on standard output.")]
Cwd = Annotated[Path, typer.Option("--cwd", "-C", help="Folder of the project.")]
Guard = Annotated[bool, typer.Option("--guard/--no-guard", help="Hold account and cluster against the state first.")]


def choose(
    cwd: Path, names: list[str] | None, regions: list[str] | None, tags: list[str] | None, *, everything: bool
) -> list[StackFile]:
    """Return the stacks that the options mean; raises SandboxError if they mean none."""
    stacks = inventory.found(cwd.absolute())
    return inventory.choose(stacks, names=names or (), regions=regions or (), tags=tags or (), everything=everything)


def go(
    chosen: list[StackFile],
    operation: str,
    work: Work,
    jobs: int,
    *,
    as_json: bool,
    ordered: bool = False,
    beyond: Beyond | None = None,
) -> None:
    """Run `work` on the stacks, then look `beyond` their states, and exit with the status of it all."""
    told = carried_out(chosen, operation, work, jobs, ordered=ordered, beyond=beyond)
    if as_json:
        print(json.dumps(told, indent=2, ensure_ascii=False))
    raise typer.Exit(told["exit"])


def carried_out(
    chosen: list[StackFile],
    operation: str,
    work: Work,
    jobs: int,
    *,
    ordered: bool = False,
    beyond: Beyond | None = None,
) -> dict[str, Any]:
    """Run `work` on the stacks, then look `beyond` their states; returns what `--json` prints."""
    screen = table.console()
    began = datetime.now(UTC)
    records = runs.Records(chosen[0].folder)
    made = [
        Run(stack, operation, records.log(began, operation, stack.name), records.usually(operation, stack.name))
        for stack in chosen
    ]
    display = table.Display(made, screen)
    with display.live():
        Waves(made, work, jobs, display.changed, ordered=ordered).go()
    display.end()
    records.keep(made)
    well = [run.stack for run in made if run.status in {"changes", "unchanged"}]
    found, problem = _looked(beyond, well)
    for each in found:
        screen.print(Text(f"\n{each}"), soft_wrap=True)
    if problem:
        screen.print(Text(f"\nwhat no state knows can't be told: {problem}"), soft_wrap=True)
    status = exit_status(made) if not problem else max(exit_status(made), 1, key=SEVERITY.index)
    status = 2 if found and not status else status
    return {
        "operation": operation,
        "began": began.isoformat(timespec="seconds"),
        "exit": status,
        "stacks": [run.as_json() for run in made],
        "findings": [each.as_json() for each in found],
        "errors": [problem] if problem else [],
    }


def _looked(beyond: Beyond | None, stacks: Sequence[StackFile]) -> tuple[Sequence[Finding], str]:
    if beyond is None or not stacks:
        return (), ""
    try:
        return beyond(stacks), ""
    except SandboxError as error:
        return (), str(error)
