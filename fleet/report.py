"""`fleet report`: one HTML file that needs nothing else: no script, no request, readable on a phone and in the dark."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from fleet.survey import FREE_STORAGE, FREE_TRAFFIC, Key, Survey

_TEMPLATE = "report.html.j2"
_YEAR = 365


def page(survey: Survey, drift: Mapping[str, Any], now: datetime | None = None) -> str:
    """Return the page; `drift` is what `fleet drift` told, as its `--json` has it."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    by_stack: Mapping[str, Any] = {each["stack"]: each for each in drift["stacks"]}
    keys = sorted(((seen.file.name, key) for seen in survey.stacks for key in seen.keys), key=lambda each: -each[1].age)
    return environment.get_template(_TEMPLATE).render(
        made=(now or datetime.now(UTC)).strftime("%Y-%m-%d %H:%M UTC"),
        survey=survey,
        regions=sorted({seen.file.region for seen in survey.stacks}),
        drift=by_stack,
        findings=drift["findings"],
        problems=[*survey.problems, *drift["errors"]],
        keys=keys,
        longest=max([_YEAR, *(key.age + max(key.left or 0, 0) for _, key in keys)]),
        free={"storage": FREE_STORAGE, "traffic": FREE_TRAFFIC},
        size=_size,
        picture=_picture,
        is_late=_is_late,
        old_keys=sum(_is_late(key) for _, key in keys),
        changed=sum(each["status"] != "unchanged" for each in drift["stacks"]),
    )


def _is_late(key: Key) -> bool:
    return bool(key.rotate_after) and key.age >= key.rotate_after


def _size(count: int) -> str:
    return f"{count / (1 << 30):.2f} GB" if count >= 1 << 30 else f"{count / (1 << 20):.1f} MB"


def _picture(drawn: str) -> Markup:
    """Return graphviz's SVG as a part of the page: its ids would be there once a stack."""
    body = drawn[drawn.index("<svg") :]
    return Markup(re.sub(r' id="[^"]*"', "", re.sub(r"<!--.*?-->", "", body, flags=re.DOTALL)))  # noqa: S704  # escaped by graphviz
