"""What a patch release of the oldest Python brought is not used: the first release of 3.11 must do, and has none of it.

Type checkers and vermin know minor versions only, so that these pass both.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from base import paths

pytestmark = pytest.mark.unit

KEYWORDS = {
    ("extract", "filter"): "3.11.4",
    ("extractall", "filter"): "3.11.4",
    ("unpack_archive", "filter"): "3.11.4",
    ("getaddresses", "strict"): "3.11.10",
    ("parseaddr", "strict"): "3.11.10",
}
"""Keyword arguments by function, and the release that they came with."""

NAMES = {
    "extraction_filter": "3.11.4",
    "data_filter": "3.11.4",
    "tar_filter": "3.11.4",
    "fully_trusted_filter": "3.11.4",
    "FilterError": "3.11.4",
    "SetReparseDeferralEnabled": "3.11.9",
    "verify_generated_headers": "3.11.10",
    "ALLOW_MISSING": "3.11.13",
}


def uses(text: str) -> Iterator[str]:
    """Yield what a file uses that 3.11.0 lacks, with its line."""
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Call(func=ast.Attribute(attr=name) | ast.Name(id=name), keywords=keywords):
                found = [(f"{name}({word.arg}=)", KEYWORDS.get((name, str(word.arg)))) for word in keywords]
            case ast.Attribute(attr=name) | ast.Name(id=name) | ast.alias(name=name):
                found = [(name, NAMES.get(name))]
            case _:
                continue
        yield from (f"line {getattr(node, 'lineno', '?')}: {what} came with {since}" for what, since in found if since)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("tar.extractall(folder, filter='data')", ["line 1: extractall(filter=) came with 3.11.4"]),
        ("from tarfile import data_filter", ["line 1: data_filter came with 3.11.4"]),
        ("tar.add(folder, filter=keep)", []),
    ],
)
def test_a_use_is_found_by_keyword_or_by_name(text: str, found: list[str]) -> None:
    assert list(uses(text)) == found


def test_nothing_is_used_that_the_first_release_of_the_oldest_python_lacks() -> None:
    names = [file.relative_to(paths.CHECKOUT) for file in paths.CHECKOUT.rglob("*.py")]
    found = {
        str(name): list(uses(paths.CHECKOUT.joinpath(name).read_text(encoding="utf-8")))
        for name in names
        if not any(part.startswith(".") for part in name.parts)
    }

    assert "sandbox/toolchain/official.py" in found
    assert not {name: lines for name, lines in found.items() if lines}
