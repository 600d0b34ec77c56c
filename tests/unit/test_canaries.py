"""The guard that keeps keys out of test reports."""

from __future__ import annotations

from typing import Literal

import pytest

from tests.e2e import canaries

pytestmark = pytest.mark.unit


def report(outcome: Literal["passed", "failed"], longrepr: str | None, printed: str) -> pytest.TestReport:
    sections = [("Captured stdout call", printed)]
    return pytest.TestReport("test_it", ("f.py", 1, "test_it"), {}, outcome, longrepr, "call", sections)


@pytest.mark.parametrize(("longrepr", "printed"), [("assert 'the-key' == ''", ""), (None, "got the-key")])
def test_a_report_with_a_key_fails_and_says_nothing_of_it(
    monkeypatch: pytest.MonkeyPatch, longrepr: str | None, printed: str
) -> None:
    monkeypatch.setattr(canaries, "CANARIES", {"the-key"})
    guarded = canaries.guard(report("failed" if longrepr else "passed", longrepr, printed))
    assert guarded.failed
    assert "the-key" not in guarded.longreprtext + str(guarded.sections)


def test_any_other_report_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canaries, "CANARIES", {"the-key"})
    guarded = canaries.guard(report("passed", None, "fine"))
    assert guarded.passed
    assert guarded.sections == [("Captured stdout call", "fine")]
