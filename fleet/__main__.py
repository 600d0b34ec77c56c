"""`python -m fleet COMMAND`: many stacks of this project at once.

Exit status: 0 nothing to do or done, 1 failed, 2 there are changes, 130 stopped.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from base.errors import SandboxError
from fleet import comment as comments
from fleet import inventory, result, runs, table
from fleet.hosts import review
from fleet.inventory import LAST, StackFile
from fleet.open_preview import open_preview
from fleet.operations import Operations
from fleet.publishing import merge_request, pull_request, to_summary
from fleet.run import Run, exit_status
from fleet.waves import Waves, Work, jobs_here

app = typer.Typer(
    help="Many stacks of this project at once.", no_args_is_help=True, add_completion=False, rich_markup_mode=None
)

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


@app.command("list")
def list_(
    names: Names = None,
    region: Regions = None,
    tag: Tags = None,
    as_json: AsJson = False,
    cwd: Cwd = Path(),
    waves: Annotated[
        bool, typer.Option("--waves", help="Print the first wave's stacks and the rest's, as a workflow's outputs.")
    ] = False,
) -> None:
    """List the stacks that have a file: region, wave, tags, where they are."""
    chosen = _choose(cwd, names, region, tag, everything=not (names or region or tag))
    if waves:
        first = [stack.name for stack in chosen if stack.wave == chosen[0].wave]
        print(f"first={json.dumps(first)}\nrest={json.dumps([each.name for each in chosen if each.name not in first])}")
        return
    if as_json:
        print(json.dumps([_listed(stack) for stack in chosen], indent=2))
        return
    made = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("STACK", "REGION", "WAVE", "ON", "PROTECTED", "TAGS"):
        made.add_column(heading, no_wrap=True)
    for stack in chosen:
        tags = " ".join(f"{key}={value}" for key, value in stack.tags.items())
        wave = "-" if stack.wave == LAST else str(stack.wave)
        where = "sandbox" if stack.on_sandbox else "IBM Cloud"
        made.add_row(stack.name, stack.region, wave, where, "yes" if stack.is_protected else "no", Text(tags))
    table.console().print(made)


@app.command()
def validate(
    names: Names = None, region: Regions = None, tag: Tags = None, as_json: AsJson = False, cwd: Cwd = Path()
) -> None:
    """Check stack files, every one unless some are chosen: no engine, no network, no credential."""
    chosen = _choose(cwd, names, region, tag, everything=not (names or region or tag))
    _go(chosen, "validate", Operations().validate, 1, as_json=as_json)


def _command(operation: str, told: str, *, ordered: bool = False, waits: bool = False) -> None:
    """Add a command that does one operation on every chosen stack; `ordered` by waves, `waits` mostly for a cloud."""

    def command(
        names: Names = None,
        region: Regions = None,
        tag: Tags = None,
        everything: All = False,
        jobs: Jobs = 0,
        as_json: AsJson = False,
        cwd: Cwd = Path(),
        guard: Guard = True,
    ) -> None:
        chosen = _choose(cwd, names, region, tag, everything=everything)
        work = getattr(Operations(guarded=guard), operation)
        _go(chosen, operation, work, jobs or jobs_here(waits=waits), as_json=as_json, ordered=ordered)

    app.command(operation, help=told)(command)


_command("up", "Update stacks, wave by wave; where one fails, later waves are left alone.", ordered=True, waits=True)
_command("refresh", "Read what is there into the stacks' states.")
_command("drift", "Tell what is otherwise than the states have it; changes nothing.")
_command("rotate", "Raise the key epoch in the stacks' files, and update them.", ordered=True, waits=True)
_command("verify", "Look whether the stacks' Pods run and serve the right page.", waits=True)


@app.command()
def preview(
    names: Names = None,
    region: Regions = None,
    tag: Tags = None,
    everything: All = False,
    as_json: AsJson = False,
    cwd: Cwd = Path(),
    guard: Guard = True,
    is_open: Annotated[
        bool, typer.Option("--open", help="On an empty state, without credential, cluster, account or network.")
    ] = False,
) -> None:
    """Tell what an update would change, held against the policy pack."""
    chosen = _choose(cwd, names, region, tag, everything=everything)
    work = open_preview if is_open else Operations(guarded=guard).preview
    _go(chosen, "open preview" if is_open else "preview", work, jobs_here(waits=False), as_json=as_json)


@app.command()
def destroy(
    names: Names = None,
    region: Regions = None,
    tag: Tags = None,
    everything: All = False,
    as_json: AsJson = False,
    cwd: Cwd = Path(),
    guard: Guard = True,
    unprotect: Annotated[bool, typer.Option("--unprotect", help="Also stacks with `protect`.")] = False,
) -> None:
    """Remove all that the stacks made."""
    chosen = _choose(cwd, names, region, tag, everything=everything)
    work = Operations(guarded=guard, unprotect=unprotect).destroy
    _go(chosen, "destroy", work, jobs_here(waits=True), as_json=as_json)


@app.command()
def unlock(names: Names = None, as_json: AsJson = False, cwd: Cwd = Path()) -> None:
    """Say who holds stacks since when, and release them from runs that have ended."""
    _go(_choose(cwd, names, None, None, everything=False), "unlock", Operations().unlock, 1, as_json=as_json)


@app.command()
def comment(
    results: Annotated[list[Path] | None, typer.Argument(help="Files of `preview --json`.")] = None,
    commit: Annotated[str, typer.Option(help="Commit that was previewed.")] = "",
    github: Annotated[
        str, typer.Option(metavar="NUMBER", help="Show it on this pull request; `commit`: on that of the commit.")
    ] = "",
    gitlab: Annotated[int, typer.Option(metavar="NUMBER", help="Show it on this merge request.")] = 0,
    file: Annotated[Path | None, typer.Option(help="Write it to this file.")] = None,
    summary: Annotated[bool, typer.Option("--summary", help="Add it to the job's summary on GitHub.")] = False,
    stale: Annotated[bool, typer.Option("--stale", help="Only mark one that is about an older commit.")] = False,
) -> None:
    """Show previews as one comment, edited in place: on a pull or merge request, in a job's summary, in a file."""
    reviews = [*([pull_request(github, commit)] if github else []), *([merge_request(gitlab)] if gitlab else [])]
    if stale:
        print("\n".join(review.mark_stale(each) for each in reviews))
        return
    text = comments.body(result.read(results or ()), commit)
    if file:
        file.write_text(text, encoding="utf-8")
    if summary:
        to_summary(text)
    for each in reviews:
        print(review.publish(each, text, commit))
    if not (reviews or file or summary):
        print(text, end="")


def _choose(
    cwd: Path, names: list[str] | None, regions: list[str] | None, tags: list[str] | None, *, everything: bool
) -> list[StackFile]:
    stacks = inventory.found(cwd.absolute())
    return inventory.choose(stacks, names=names or (), regions=regions or (), tags=tags or (), everything=everything)


def _go(
    chosen: list[StackFile], operation: str, work: Work, jobs: int, *, as_json: bool, ordered: bool = False
) -> None:
    """Run `work` on the stacks and exit with the status of them all."""
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
    if as_json:
        print(json.dumps(_told(operation, began, made), indent=2, ensure_ascii=False))
    raise typer.Exit(exit_status(made))


def _told(operation: str, began: datetime, made: list[Run]) -> dict[str, Any]:
    return {
        "operation": operation,
        "began": began.isoformat(timespec="seconds"),
        "exit": exit_status(made),
        "stacks": [run.as_json() for run in made],
    }


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
        table.console().print(Text(f"error: {error}"))
        sys.exit(1)


if __name__ == "__main__":
    main()
