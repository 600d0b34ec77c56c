"""The page of differences: it is current, and names every open answer."""

from __future__ import annotations

import pytest

from base.paths import CHECKOUT
from sandbox.cloud.core import unverified
from sandbox.cloud.differences import COMMAND, page

pytestmark = [pytest.mark.cloud, pytest.mark.sandbox_only]


def test_the_page_of_differences_is_current() -> None:
    written = CHECKOUT.joinpath("docs/cloud-differences.md").read_text()
    assert written == page(), f"The page is old. To mend it: {COMMAND}"


def test_every_open_answer_is_a_row_with_its_words() -> None:
    rows = [line for line in page().splitlines() if line.startswith("| ")]
    for name in (name for name in vars(unverified) if name.isupper()):
        (row,) = (line for line in rows if f"`{name}` =" in line)
        assert len(row.split(" | ")[0]) > 20, row
