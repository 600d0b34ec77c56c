"""The fleet's commands that run no operation on stacks: they tell others, or see to what no stack knows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from base import files
from fleet import comment as comments
from fleet import inventory, orphans, publishing, result, table
from fleet.doctor import Check, examine
from fleet.hosts import review
from fleet.hosts.issues import show
from fleet.operations import Operations
from fleet.options import AsJson, Cwd, Guard, Selection, carried_out, of_stacks
from fleet.publishing import merge_request, pull_request, to_summary
from fleet.report import page
from fleet.survey import survey
from fleet.waves import jobs_here


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (comment, doctor, issues, remove, report):
        app.command()(command)


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


@of_stacks
def doctor(selection: Selection, as_json: AsJson = False) -> None:
    """Look whether all is there that an update needs: tools, engine, cluster, key, backend, regions."""
    screen = table.console()
    seen: list[Check] = []
    for each in examine(selection.chosen):
        seen.append(each)
        screen.print(Text(str(each)), soft_wrap=True)
    if as_json:
        print(json.dumps([each.as_json() for each in seen], indent=2))
    raise typer.Exit(0 if all(each.passed for each in seen) else 1)


def issues(
    results: Annotated[list[Path], typer.Argument(help="Files of `drift --json`.")],
    gitlab: Annotated[bool, typer.Option("--gitlab", help="On GitLab, in the pipeline's project.")] = False,
) -> None:
    """Open, update and close one issue a stack on GitHub or GitLab, after what `drift` found."""
    for line in show(publishing.issues(on_gitlab=gitlab), result.read(results)):
        print(line)


def remove(
    ids: Annotated[list[str], typer.Argument(metavar="ID...", help="As `drift` names it.")], cwd: Cwd = Path()
) -> None:
    """Remove from the account what no stack knows; what `drift` doesn't find is never touched."""
    files = inventory.found(cwd.absolute())
    for line in orphans.drop(orphans.find(files, files), ids):
        print(line)


@of_stacks
def report(
    selection: Selection,
    guard: Guard = True,
    out: Annotated[Path, typer.Option("--out", help="The file to write.")] = Path("report.html"),
) -> None:
    """Write one HTML file: stacks by region, Pods, images, keys, quota, drift, graphs."""
    drift = carried_out(selection, "drift", Operations(guarded=guard).drift, jobs_here(waits=False), beyond=True)
    files.write(out.absolute(), page(survey(selection.chosen), drift), 0o644)
    print(out)
