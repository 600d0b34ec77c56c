"""What the fleet's commands share: how stacks are chosen, and how an operation runs on them all."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import update_wrapper
from inspect import Signature, signature
from pathlib import Path
from typing import Annotated, Any, Concatenate, ParamSpec

import typer
from rich.text import Text

from base.errors import SandboxError
from fleet import inventory, orphans, runs, table
from fleet.inventory import StackFile
from fleet.orphans import Finding
from fleet.run import SEVERITY, Run, exit_status
from fleet.waves import Waves, Work

_Own = ParamSpec("_Own")
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


@dataclass(frozen=True)
class Selection:
    """The stacks that a command line chooses, by wave and name, out of all that the project has."""

    chosen: Sequence[StackFile]
    project: Sequence[StackFile]


def of_stacks(
    command: Callable[Concatenate[Selection, _Own], None], *, unless_chosen_all: bool = False
) -> Callable[..., None]:
    """Return a command that has, before its own options, those by which stacks are chosen, and gives `command` these.

    Typer reads the options from the signature. With `unless_chosen_all` there is no --all: it is what nothing chooses.
    """

    def choosing(
        names: Names = None,
        region: Regions = None,
        tag: Tags = None,
        everything: All = False,
        cwd: Cwd = Path(),
        **own: Any,  # noqa: ANN401 - what `command` takes
    ) -> None:
        everything = not (names or region or tag) if unless_chosen_all else everything
        command(choose(cwd, names, region, tag, everything=everything), **own)  # pyright: ignore[reportCallIssue]

    shared = [*signature(choosing, eval_str=True).parameters.values()][:-1]
    own = [*signature(command, eval_str=True).parameters.values()][1:]
    made = update_wrapper(choosing, command)
    without = {"everything"} if unless_chosen_all else set[str]()
    made.__signature__ = Signature([each for each in shared if each.name not in without] + own)  # pyright: ignore[reportAttributeAccessIssue]
    return made


def choose(
    cwd: Path, names: list[str] | None, regions: list[str] | None, tags: list[str] | None, *, everything: bool
) -> Selection:
    """Return the stacks that the options mean; raises SandboxError if they mean none."""
    stacks = inventory.found(cwd.absolute())
    chosen = inventory.choose(stacks, names=names or (), regions=regions or (), tags=tags or (), everything=everything)
    return Selection(chosen, stacks)


def go(
    selection: Selection,
    operation: str,
    work: Work,
    jobs: int,
    *,
    as_json: bool,
    ordered: bool = False,
    beyond: bool = False,
) -> None:
    """Run `work` on the stacks, then look `beyond` their states, and exit with the status of it all."""
    told = carried_out(selection, operation, work, jobs, ordered=ordered, beyond=beyond)
    if as_json:
        print(json.dumps(told, indent=2, ensure_ascii=False))
    raise typer.Exit(told["exit"])


def carried_out(
    selection: Selection, operation: str, work: Work, jobs: int, *, ordered: bool = False, beyond: bool = False
) -> dict[str, Any]:
    """Run `work` on the stacks, then look beyond the states of those that went well; returns what `--json` prints."""
    screen = table.console()
    began = datetime.now(UTC)
    records = runs.Records(selection.chosen[0].folder)
    made = [
        Run(stack, operation, records.log(began, operation, stack.name), records.usually(operation, stack.name))
        for stack in selection.chosen
    ]
    display = table.Display(made, screen)
    with display.live():
        Waves(made, work, jobs, display.changed, ordered=ordered).go()
    display.end()
    records.keep(made)
    well = [run.stack for run in made if run.status in {"changes", "unchanged"}]
    found, problem = _looked(selection.project, well) if beyond and well else ((), "")
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


def _looked(project: Sequence[StackFile], stacks: Sequence[StackFile]) -> tuple[Sequence[Finding], str]:
    try:
        return orphans.find(project, stacks), ""
    except SandboxError as error:
        return (), str(error)
