"""Shows how a fleet's runs go: a live table on a terminal, a line a change elsewhere, and what became of each."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from functools import partial

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from fleet.run import OVER, Run, Status

STYLES: dict[Status, str] = {
    "unchanged": "green",
    "done": "green",
    "changes": "yellow",
    "failed": "bold red",
    "stopped": "red",
    "skipped": "dim",
}
_WIDE = 160
"""Where there is no terminal to fit in."""


def console() -> Console:
    """Return the console that people read on: standard error, so that what a program reads stays by itself."""
    made = Console(stderr=True, highlight=False)
    if not made.is_terminal:
        made.width = _WIDE
    return made


class Display:
    """Shows `runs` while they run."""

    def __init__(self, runs: Sequence[Run], screen: Console) -> None:
        self._runs = runs
        self._screen = screen

    @contextmanager
    def live(self) -> Generator[None]:
        """Keep the table fresh while the block runs; where there is no terminal, `changed` prints lines."""
        if not self._screen.is_terminal:
            yield
            return
        show = partial(table, self._runs)
        with Live(get_renderable=show, console=self._screen, refresh_per_second=4, transient=True):
            yield

    def changed(self, run: Run) -> None:
        """Take note that a run began or ended."""
        if self._screen.is_terminal:
            return
        if run.status in OVER:
            words = [run.status, run.counted(), _span(run.seconds), *run.notes[:1]]
        else:
            words = [run.operation, f"(usually {_span(run.usually)})" if run.usually else ""]
        self._screen.print(Text(f"{run.stack.name}: {'  '.join(word for word in words if word)}"))

    def end(self) -> None:
        """Print the table as it ended, and each run's errors and notes in full."""
        self._screen.print(table(self._runs))
        for run in self._runs:
            lines = [*run.errors, *(note for note in run.notes if note not in run.errors)]
            if lines and run.status not in {"done", "unchanged", "changes"}:
                self._screen.print(Text(f"\n{run.stack.name}: {run.status}", style=STYLES.get(run.status, "")))
                self._screen.print(
                    Text("\n".join(f"  {line}" for line in "\n".join(lines).splitlines())), soft_wrap=True
                )
                if run.log.exists():
                    self._screen.print(Text(f"  all that the engine said: {run.log}"))


def headed(*headings: str) -> Table:
    """Return a table without rows."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        made.add_column(heading, no_wrap=True)
    return made


def table(runs: Sequence[Run]) -> Table:
    """Return the table: stack, region, phase, changes, elapsed, typical."""
    made = headed("STACK", "REGION", "PHASE", "CHANGES", "ELAPSED", "USUALLY")
    for run in runs:
        phase = run.status if run.status != "running" else run.phase or run.operation
        counted = run.counted()
        if run.status == "running" and run.changes.resources:
            counted = f"{counted} ({run.changes.resources} looked at)".strip()
        made.add_row(
            run.stack.name,
            run.stack.region,
            Text(phase, style=STYLES.get(run.status, "cyan" if run.status == "running" else "dim")),
            counted,
            _span(run.seconds) if run.began else "",
            _span(run.usually) if run.usually else "",
        )
    return made


def _span(seconds: float | None) -> str:
    minutes, rest = divmod(round(seconds or 0), 60)
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"
