"""What the stand-in's tests share: a cloud of their own for each."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from sandbox.cloud.testing import StandIn
from tests.cloud.clients import Clients, clients


@pytest.fixture
def cloud() -> Generator[StandIn]:
    with StandIn(("jp-tok", "us-south")) as found:
        yield found


@pytest.fixture
def owner(cloud: StandIn) -> Clients:
    return clients(cloud)
