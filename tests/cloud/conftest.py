"""What the stand-in's tests share: a cloud of their own for each."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from sandbox.cloud.testing import StandIn
from tests.cloud.clients import Clients, clients

ORIGINS = ("verified", "sandbox_only", "unknown")
"""Where a test's expectation comes from; the mark of a test goes before that of its file."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """See that every test here says where its expectation comes from."""
    here = Path(__file__).parent
    for item in items:
        if item.path.parent == here and not any(mark.name in ORIGINS for mark in item.iter_markers()):
            raise pytest.UsageError(f"{item.nodeid} must carry one of the marks {', '.join(ORIGINS)}.")


@pytest.fixture
def cloud() -> Generator[StandIn]:
    with StandIn(("jp-tok", "us-south")) as found:
        yield found


@pytest.fixture
def owner(cloud: StandIn) -> Clients:
    return clients(cloud)
