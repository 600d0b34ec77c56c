"""IBM's own SDKs in four languages live one whole life on the stand-in, and the page about them is current."""

from __future__ import annotations

import pytest

from base.paths import CHECKOUT
from tests.clients.page import COMMAND, column
from tests.clients.programs import PROGRAMS, Program, lived, versions

pytestmark = [pytest.mark.cloud, pytest.mark.verified]

_PAGE = CHECKOUT / "docs/cloud-clients.md"


@pytest.mark.parametrize("program", PROGRAMS, ids=[program.folder for program in PROGRAMS])
def test_a_program_lives_its_life_and_the_page_says_what_it_used(program: Program) -> None:
    if missing := program.missing():
        pytest.skip(missing)
    used = lived(program)
    assert column(program, _PAGE.read_text()) == used, f"The page is old. To mend it: {COMMAND}"


@pytest.mark.parametrize("program", PROGRAMS, ids=[program.folder for program in PROGRAMS])
def test_the_page_names_the_sdks_that_are_locked(program: Program) -> None:
    shown = ", ".join(versions(program))
    assert f"| {program.title} | {shown} |" in _PAGE.read_text(), f"The page is old. To mend it: {COMMAND}"
