"""The pytest plugin of the installed stand-in: the fixture `ibm_cloud`."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from sandbox.cloud.testing import StandIn


@pytest.fixture
def ibm_cloud() -> Generator[StandIn]:
    """IBM Cloud on a loopback port, with a fresh account: a cloud of its own for each test."""
    from sandbox.cloud.testing import StandIn  # noqa: PLC0415  # slow to load, and pytest loads plugins for every run

    with StandIn() as found:
        yield found
