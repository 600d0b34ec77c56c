"""Keys that live while the tests run: none of them may come out in a test's report either."""

from __future__ import annotations

import pytest

CANARIES: set[str] = set()
"""Values in clear; whoever reads a key in a test adds it here first."""


def guard(report: pytest.TestReport) -> pytest.TestReport:
    """Fail a report that holds a canary, and take away all that it says."""
    said = report.longreprtext + "".join(text for _, text in report.sections)
    if any(canary in said for canary in CANARIES):
        report.outcome = "failed"
        report.sections = []
        report.longrepr = f"{report.nodeid}: its report held a secret in clear, and was taken away"
    return report
