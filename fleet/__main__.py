"""`python -m fleet COMMAND`: many stacks of this project at once.

Exit status: 0 nothing to do or done, 1 failed, 2 there are changes, 130 stopped.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from base.errors import SandboxError
from fleet import outward, table
from fleet.export import export
from fleet.inventory import LAST, StackFile
from fleet.open_preview import open_preview
from fleet.operations import Operations
from fleet.options import AsJson, Cwd, Guard, Jobs, Names, Selection, choose, go, of_stacks
from fleet.waves import jobs_here

app = typer.Typer(
    help="Many stacks of this project at once.", no_args_is_help=True, add_completion=False, rich_markup_mode=None
)


_WAVES = 4


@app.command("list")
@partial(of_stacks, unless_chosen_all=True)
def list_(
    selection: Selection,
    as_json: AsJson = False,
    waves: Annotated[
        bool, typer.Option("--waves", help=f"Print the stacks of each of {_WAVES} waves, as a workflow's outputs.")
    ] = False,
) -> None:
    """List the stacks that have a file: region, wave, tags, where they are."""
    chosen = selection.chosen
    if waves:
        print("\n".join(_waves(chosen)))
        return
    if as_json:
        print(json.dumps([_listed(stack) for stack in chosen], indent=2))
        return
    made = table.headed("STACK", "REGION", "WAVE", "ON", "PROTECTED", "TAGS")
    for stack in chosen:
        tags = " ".join(f"{key}={value}" for key, value in stack.tags.items())
        wave = "-" if stack.wave == LAST else str(stack.wave)
        where = "sandbox" if stack.on_sandbox else "IBM Cloud"
        made.add_row(stack.name, stack.region, wave, where, "yes" if stack.is_protected else "no", Text(tags))
    table.console().print(made)


@app.command()
@partial(of_stacks, unless_chosen_all=True)
def validate(selection: Selection, as_json: AsJson = False) -> None:
    """Check stack files, every one unless some are chosen: no engine, no network, no credential."""
    go(selection, "validate", Operations().validate, 1, as_json=as_json)


def _command(operation: str, told: str, *, ordered: bool = False, waits: bool = False) -> None:
    """Add a command that does one operation on every chosen stack; `ordered` by waves, `waits` mostly for a cloud."""

    def command(selection: Selection, jobs: Jobs = 0, as_json: AsJson = False, guard: Guard = True) -> None:
        work = getattr(Operations(guarded=guard), operation)
        beyond = operation == "drift"
        go(selection, operation, work, jobs or jobs_here(waits=waits), as_json=as_json, ordered=ordered, beyond=beyond)

    app.command(operation, help=told)(of_stacks(command))


_command("up", "Update stacks, wave by wave; where one fails, later waves are left alone.", ordered=True, waits=True)
_command("refresh", "Read what is there into the stacks' states.")
_command("drift", "Tell what is otherwise than the states have it, and what none of them knows; changes nothing.")
_command("rotate", "Raise the key epoch in the stacks' files, and update them.", ordered=True, waits=True)
_command("due", "Raise the key epoch in the files of stacks whose key is too old, for a commit; updates nothing.")
_command("verify", "Look whether the stacks' Pods run and serve the right page.", waits=True)


@app.command()
@of_stacks
def preview(
    selection: Selection,
    as_json: AsJson = False,
    guard: Guard = True,
    is_open: Annotated[
        bool, typer.Option("--open", help="On an empty state, without credential, cluster, account or network.")
    ] = False,
) -> None:
    """Tell what an update would change, held against the policy pack."""
    work = open_preview if is_open else Operations(guarded=guard).preview
    go(selection, "open preview" if is_open else "preview", work, jobs_here(waits=False), as_json=as_json)


@app.command()
@of_stacks
def destroy(
    selection: Selection,
    as_json: AsJson = False,
    guard: Guard = True,
    unprotect: Annotated[bool, typer.Option("--unprotect", help="Also stacks with `protect`.")] = False,
) -> None:
    """Remove all that the stacks made."""
    work = Operations(guarded=guard, unprotect=unprotect).destroy
    go(selection, "destroy", work, jobs_here(waits=True), as_json=as_json)


@app.command()
def unlock(names: Names = None, as_json: AsJson = False, cwd: Cwd = Path()) -> None:
    """Say who holds stacks since when, and release them from runs that have ended."""
    go(choose(cwd, names, None, None, everything=False), "unlock", Operations().unlock, 1, as_json=as_json)


outward.add_to(app)
app.command()(of_stacks(export))


def _waves(chosen: Sequence[StackFile]) -> list[str]:
    """Return the stacks wave by wave, a line each; a workflow has a job for each, and can't make more."""
    waves = [[stack.name for stack in wave] for _, wave in groupby(chosen, key=lambda stack: stack.wave)]
    if len(waves) > _WAVES:
        raise SandboxError(
            f"the stacks are in {len(waves)} waves, and .github/workflows/deliver.yml has {_WAVES}",
            "give stacks of the last waves the same `wave` in pulumi:tags, or add jobs there",
        )
    return [
        f"wave{number}={json.dumps(wave)}" for number, wave in enumerate([*waves, *[[]] * (_WAVES - len(waves))], 1)
    ]


def _listed(stack: StackFile) -> dict[str, Any]:
    return {
        "stack": stack.name,
        "region": stack.region,
        "wave": None if stack.wave == LAST else stack.wave,
        "sandbox": stack.on_sandbox,
        "protected": stack.is_protected,
        "tags": dict(stack.tags),
    }


def main() -> None:
    """Run the command line; an error that a person can mend is shown as text."""
    try:
        app()
    except SandboxError as error:
        table.console().print(Text(f"error: {error}"), soft_wrap=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
