"""The stand-in that other tests use: quick to make, nothing shared, nothing left."""

from __future__ import annotations

import threading
import time

import httpx
import pytest

from sandbox.cloud.testing import StandIn
from tests.cloud.clients import clients

pytestmark = pytest.mark.cloud


def test_a_fresh_account_takes_less_than_fifty_milliseconds() -> None:
    StandIn().stop()  # the signing keys are made once a process
    spans: list[float] = []
    for _ in range(5):
        began = time.perf_counter()
        with StandIn():
            spans.append(time.perf_counter() - began)
    assert min(spans) < 0.05, spans


def test_two_clouds_share_nothing() -> None:
    with StandIn() as one, StandIn() as two:
        assert one.account_id != two.account_id
        clients(one).registry.create_namespace("mine")
        assert clients(two).registry.list_namespaces().get_result() == []
        one.clock.advance(3600)
        assert two.clock.now() < one.clock.now() - 3000
        form = {"grant_type": "urn:ibm:params:oauth:grant-type:apikey", "apikey": one.api_key}
        assert httpx.post(f"{two.url}/identity/token", data=form).status_code == 400


def test_stopping_leaves_no_thread_and_no_port() -> None:
    before = threading.active_count()
    cloud = StandIn()
    with httpx.Client(base_url=cloud.url) as client:
        assert client.get("/sandbox/health").json() == {"status": "ready"}
        cloud.stop()
        cloud.stop()
        with pytest.raises(httpx.TransportError):
            client.get("/sandbox/health")
    assert threading.active_count() == before


def test_several_users_at_once_are_served(cloud: StandIn) -> None:
    statuses: list[int] = []

    def use() -> None:
        registry = clients(cloud).registry
        statuses.extend(registry.create_namespace("shared-name").get_status_code() for _ in range(5))

    threads = [threading.Thread(target=use) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200] * 29 + [201]
