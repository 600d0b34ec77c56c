"""What a benchmark hands over: figures, each measured in several rounds, and how rounds are taken.

A module that joins `python -m bench` has `measure(quick: bool) -> Iterable[Figure]`, and its docstring's first line is
its heading on the page. It yields each figure as soon as it is known; a plain text among them stands above the figures
on the page, and says what couldn't be measured and why. `quick` asks for the fewest rounds that show anything. The
module is named in `bench.__main__.MODULES`.

A machine that does other work at the same time changes seconds far more than ratios of seconds that were measured in
turns. So what belongs together is measured by `in_turns`, and a target is set on `ratio` or `beyond` of two figures.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Figure:
    """One thing in one unit, measured once in each round.

    Figures of the same name that differ in `at` (how many workloads, stacks, resources) make one line of a plot.
    """

    what: str
    unit: str
    """`s`, `ms`, `MiB`, `calls`, `a second`, or `times` for a ratio."""
    values: tuple[float, ...]
    at: float | None = None
    of: str = ""
    """What `at` counts, such as workloads."""
    most: float | None = None
    """The target: its median is at most this."""
    least: float | None = None
    """The target: its median is at least this."""
    reason: str = ""
    """Why the target is missed, as far as that is known."""

    @property
    def median(self) -> float:
        """Return the middle of all rounds."""
        return statistics.median(self.values)

    @property
    def passes(self) -> bool | None:
        """Return whether the target is met; None without a target."""
        if self.most is None and self.least is None:
            return None
        return (self.most is None or self.median <= self.most) and (self.least is None or self.median >= self.least)

    def held(self, *, most: float | None = None, least: float | None = None, reason: str = "") -> Figure:
        """Return this figure with a target."""
        return replace(self, most=most, least=least, reason=reason)


def figure(what: str, unit: str, *values: float) -> Figure:
    """Return a figure of plain values."""
    return Figure(what, unit, values)


def ratio(what: str, above: Figure, below: Figure) -> Figure:
    """Return round by round how many times `below` `above` is."""
    return Figure(what, "times", tuple(one / other for one, other in zip(above.values, below.values, strict=True)))


def beyond(what: str, above: Figure, below: Figure) -> Figure:
    """Return round by round how much more `above` is than `below`, in their unit."""
    return Figure(what, above.unit, tuple(one - other for one, other in zip(above.values, below.values, strict=True)))


def seconds(work: Callable[[], object]) -> float:
    """Return how long `work` takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def in_turns(rounds: int, works: Mapping[str, Callable[[], object]]) -> dict[str, Figure]:
    """Time each of `works` once a round, and return the figures by name, in seconds.

    Every second round goes backwards, since who comes first gains or loses by what the machine still has to do.
    """
    took: dict[str, list[float]] = {name: [] for name in works}
    for number in range(rounds):
        for name in list(works)[:: -1 if number % 2 else 1]:
            took[name].append(seconds(works[name]))
    return {name: Figure(name, "s", tuple(values)) for name, values in took.items()}
