"""The page of results: a line for each target, ratios first, then every figure, and plots as SVG."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pygal
from pygal.style import LightColorizedStyle

from bench.figures import Figure

HEAD = """# Benchmarks

What it costs to deliver with this project, beside the engine's own floor and beside the same steps by hand. Written by
`make bench`, never by hand; `make bench-quick` shows the same with few rounds. Medians, with the least and the most of
all rounds in brackets. What is compared was measured in turns in one run: ratios hold on a busier or slower machine,
seconds don't.

"""


def figure(kept: dict[str, Any]) -> Figure:
    """Return a figure as it was before it was kept as JSON."""
    fields: dict[str, Any] = {**kept, "values": tuple(kept["values"])}
    return Figure(**fields)


def told(each: Figure) -> str:
    """Return a figure in one line."""
    target = f", target {_target(each)}: {_verdict(each)}" if each.passes is not None else ""
    return f"{each.what}{_at(each)}: {_value(each)}{target}"


def write(folder: Path, results: dict[str, Any]) -> None:
    """Write `benchmarks.md` and its plots into `folder`."""
    sections = {name: [figure(each) for each in kept["figures"]] for name, kept in results.items()}
    page = [HEAD, *_targets(itertools.chain(*sections.values()))]
    for name, kept in results.items():
        part = [f"\n## {kept['title']}\n\n", f"`python -m bench {name}`, {kept['took']} s, commit {kept['commit']}, "]
        part += [
            f"{kept['at']}, on {kept['machine']}; load {kept['load']}{'; few rounds' if kept['quick'] else ''}.\n\n"
        ]
        part += [f"{note}\n\n" for note in kept.get("notes", ())]
        part += [f"![{title}](benchmarks/{file})\n\n" for title, file in _plots(name, sections[name], folder)]
        part += _table(sections[name])
        page += ["".join(part).rstrip(), "\n"]
    (folder / "benchmarks.md").write_text("".join(page))


def _targets(figures: Iterable[Figure]) -> Iterator[str]:
    held = sorted((each for each in figures if each.passes is not None), key=lambda each: each.unit != "times")
    if not held:
        return
    yield "## Targets\n\n| what | target | measured | |\n|---|---|---|---|\n"
    for each in held:
        yield f"| {each.what}{_at(each)} | {_target(each)} | {_value(each)} | {_verdict(each)} |\n"


def _table(figures: list[Figure]) -> Iterator[str]:
    if not figures:
        return
    yield "| what | measured |\n|---|---|\n"
    for each in sorted(figures, key=lambda each: each.unit != "times"):
        yield f"| {each.what}{_at(each)} | {_value(each)} |\n"


def _plots(name: str, figures: list[Figure], folder: Path) -> Iterator[tuple[str, str]]:
    """Draw a bar for each figure without `at`, a line for those with it; yields title and file of each plot."""
    for unit in dict.fromkeys(each.unit for each in figures):
        bars = [each for each in figures if each.unit == unit and each.at is None]
        if len(bars) > 1:
            chart = _chart(pygal.HorizontalBar, unit, height=90 + 26 * len(bars), show_legend=False)
            chart.x_labels = [each.what for each in reversed(bars)]
            chart.add(unit, [each.median for each in reversed(bars)])
            yield unit, _draw(chart, folder, f"{name}-{unit}")
        lines = [each for each in figures if each.unit == unit and each.at is not None]
        if lines:
            chart = _chart(pygal.XY, unit, x_title=lines[0].of, height=320, truncate_legend=-1)
            for what, points in itertools.groupby(sorted(lines, key=lambda each: each.what), lambda each: each.what):
                chart.add(what, [(each.at, each.median) for each in points])
            yield f"{unit} by {lines[0].of}", _draw(chart, folder, f"{name}-{unit}-by-{lines[0].of}")


def _chart(kind: type[Any], unit: str, **options: Any) -> Any:  # noqa: ANN401 - pygal has no types
    style = LightColorizedStyle(background="white", plot_background="white")
    return kind(js=[], no_prefix=True, title=unit, width=900, style=style, margin=12, **options)


def _draw(chart: Any, folder: Path, name: str) -> str:  # noqa: ANN401 - pygal has no types
    file = f"{name.replace(' ', '-')}.svg"
    (folder / "benchmarks" / file).write_bytes(chart.render())
    return file


def _value(each: Figure) -> str:
    low, high = min(each.values), max(each.values)
    spread = f" ({_number(low)} to {_number(high)}, {len(each.values)} rounds)" if len(each.values) > 1 else ""
    return f"{_number(each.median)} {each.unit}{spread}"


def _number(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.2f}"


def _at(each: Figure) -> str:
    return "" if each.at is None else f", {each.at:.0f} {each.of}"


def _target(each: Figure) -> str:
    limits = [(each.most, "at most"), (each.least, "at least")]
    return " and ".join(f"{words} {_number(limit)} {each.unit}" for limit, words in limits if limit is not None)


def _verdict(each: Figure) -> str:
    return "pass" if each.passes else f"**miss**{f': {each.reason}' if each.reason else ''}"
