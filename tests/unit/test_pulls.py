"""The checker of a history of pulls: what it must find, and what it must let pass."""

from __future__ import annotations

import pytest

from tests.e2e.pulls import Pull, Revocation, violations

pytestmark = pytest.mark.unit

GONE = {"old": Revocation(began=10.0, done=12.0)}
DELAY = 3.0


@pytest.mark.parametrize(
    ("pull", "said"),
    [
        (Pull(1, 2, "new"), None),
        (Pull(1, 2, "new", "refused"), "pull 0 failed with a key that nobody revoked: refused"),
        (Pull(8, 9, "old", "refused"), "pull 0 failed with a key that nobody revoked: refused"),
        (Pull(8, 10.5, "old", "refused"), None),
        (Pull(14.9, 16, "old"), None),
        (Pull(15.1, 16, "old"), "pull 0 succeeded with a key that was revoked 3.1 s before"),
        (Pull(15.1, 16, "old", "refused"), None),
    ],
)
def test_a_pull_is_judged_by_when_its_key_was_revoked(pull: Pull, said: str | None) -> None:
    assert violations([pull], GONE, DELAY) == ([said] if said else [])
