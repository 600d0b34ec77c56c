"""What the stand-in's tests share: a cloud of their own for each."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from sandbox.cloud.core import token_keys
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


@pytest.fixture(scope="session", autouse=True)
def one_certificate(tmp_path_factory: pytest.TempPathFactory) -> Generator[None]:
    """Let HTTP clients load one certificate, not the system's all: no test here speaks TLS, and a load costs 20 ms."""
    _, certificate = token_keys.ensure(tmp_path_factory.mktemp("certificate"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(certificate))
        yield


@pytest.fixture
def cloud() -> Generator[StandIn]:
    with StandIn(("jp-tok", "us-south")) as found:
        yield found


@pytest.fixture
def owner(cloud: StandIn) -> Clients:
    return clients(cloud)
