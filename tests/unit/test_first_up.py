"""What the first `make up` writes down of itself, and when a run is the first."""

from __future__ import annotations

from pathlib import Path

import pytest

from base import progress
from sandbox.toolchain import first_up

pytestmark = pytest.mark.unit


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("ICR_SANDBOX_CACHE", str(folder))
    return folder


def test_a_run_is_the_first_until_there_is_any_tool(cache: Path) -> None:
    assert first_up.is_due()
    cache.mkdir()
    assert first_up.is_due()
    (cache / "node-1.34.4").mkdir()
    assert not first_up.is_due()


def test_what_the_run_took_can_be_read_with_each_of_its_steps() -> None:
    assert first_up.read() is None
    with progress.step("fetch everything", usually=1):
        pass
    first_up.note()
    took = first_up.read()
    assert took
    assert 0 < took.parts["fetch everything"] < took.seconds
    assert took.processor > 0


def test_a_step_that_failed_is_no_part_of_it() -> None:
    with pytest.raises(OSError, match="gone"), progress.step("fetch nothing", usually=1):
        raise OSError("gone")
    first_up.note()
    took = first_up.read()
    assert took
    assert "fetch nothing" not in took.parts
