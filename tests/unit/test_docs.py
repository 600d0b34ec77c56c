"""What the documentation points at exists: links, decisions, commands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from base.paths import CHECKOUT
from commands.__main__ import COMMANDS

pytestmark = pytest.mark.unit

TARGETS = {*COMMANDS, "bench-quick"}
"""One of them is another with an option."""
PAGES = [CHECKOUT / "README.md", *sorted((CHECKOUT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(CHECKOUT)))
def test_every_link_inside_the_project_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text())
    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert missing == []


def test_every_decision_is_in_the_index() -> None:
    folder = CHECKOUT / "docs/decisions"
    listed = set(re.findall(r"\((\d{4}-[^)]+\.md)\)", (folder / "README.md").read_text()))
    assert listed == {path.name for path in folder.glob("[0-9]*.md")}


def test_every_make_target_that_a_page_names_exists() -> None:
    named = {each for page in PAGES for each in re.findall(r"`make ([a-z-]+)", page.read_text())}
    assert named <= TARGETS


def test_a_page_says_what_each_command_does() -> None:
    told = re.findall(r"make ([a-z-]+)", (CHECKOUT / "docs/commands.md").read_text())
    assert set(told) == TARGETS


def test_the_makefile_names_exactly_the_commands() -> None:
    phony = re.search(r"^\.PHONY: (.*)$", (CHECKOUT / "Makefile").read_text(), re.MULTILINE)
    assert phony is not None
    assert set(phony[1].split()) == TARGETS
