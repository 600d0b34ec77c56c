"""The stand-in that other tests use: quick to make, nothing shared, nothing left."""

from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from base.errors import SandboxError
from sandbox.cloud.core.clock import Clock
from sandbox.cloud.core.store import Store
from sandbox.cloud.testing import StandIn
from tests.cloud.clients import clients, refused

pytestmark = [pytest.mark.cloud, pytest.mark.sandbox_only]


def test_several_accounts_are_strangers_to_one_another() -> None:
    with StandIn(accounts=2) as cloud:
        first, second = cloud.accounts
        assert (first.account_id, first.api_key) == (cloud.account_id, cloud.api_key)
        mine, theirs = clients(cloud), clients(cloud, second.api_key, account_id=second.account_id)
        mine.registry.create_namespace("my-space")
        assert theirs.registry.list_namespaces().get_result() == []
        made = mine.identity.create_service_id(account_id=first.account_id, name="robot").get_result()
        with refused(404, "not_found", made["id"]):
            theirs.identity.get_service_id(made["id"])
        assert theirs.identity.create_service_id(account_id=second.account_id, name="robot").get_status_code() == 201
        assert first.api_key not in repr(first)


def test_the_signing_keys_are_made_once_a_process() -> None:
    """They are what a stand-in's start costs most; bench/starts.py has the times."""
    with StandIn() as one, StandIn() as other:
        first, second = (httpx.get(f"{cloud.url}/identity/keys").json()["keys"] for cloud in (one, other))
    assert [key["n"] for key in first] == [key["n"] for key in second]


def test_the_store_may_be_used_while_the_stand_in_works() -> None:
    """What the test's thread and the stand-in's write at once doesn't end in each other's transaction."""
    store = Store(None)
    failures: list[Exception] = []

    def use() -> None:
        try:
            for _ in range(300):
                with store.transaction() as session:
                    session.query("CREATE TABLE IF NOT EXISTS scratch (n INTEGER)")
                    session.query("INSERT INTO scratch VALUES (1)")
        except Exception as failure:  # noqa: BLE001 - whatever it is, the test tells it
            failures.append(failure)

    users = [threading.Thread(target=use) for _ in range(3)]
    for user in users:
        user.start()
    for user in users:
        user.join()
    assert failures == []
    with store.transaction() as session:
        assert session.query("SELECT COUNT(*) FROM scratch")[0][0] == 900
    store.close()


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
    before = set(threading.enumerate())
    cloud = StandIn()
    with httpx.Client(base_url=cloud.url) as client:
        assert client.get("/sandbox/health").json() == {"status": "ready"}
        cloud.stop()
        cloud.stop()
        with pytest.raises(httpx.TransportError):
            client.get("/sandbox/health")
    for thread in set(threading.enumerate()) - before:
        thread.join(60)
    assert set(threading.enumerate()) <= before


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


def test_the_clock_runs_on_from_where_it_is_set() -> None:
    clock = Clock()
    clock.set(1_000_000.0)
    clock.advance(60)
    assert 1_000_060 <= clock.now() < 1_000_070
    assert clock.millis() // 1000 in range(1_000_060, 1_000_070)
    clock.reset()
    assert abs(clock.now() - time.time()) < 5


def test_a_file_of_another_schema_is_refused_with_a_remedy(tmp_path: Path) -> None:
    path = tmp_path / "cloud.sqlite3"
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA user_version = 99")
    with pytest.raises(SandboxError, match="make reset"):
        Store(path)


def test_a_file_that_is_no_database_is_refused_with_a_remedy(tmp_path: Path) -> None:
    path = tmp_path / "cloud.sqlite3"
    path.write_text("this is no database, and is longer than the header of one would be " * 8)
    with pytest.raises(SandboxError, match="not a database") as told:
        Store(path)
    assert "--data" in str(told.value)


def test_a_commit_waits_for_the_disk(tmp_path: Path) -> None:
    store = Store(tmp_path / "cloud.sqlite3")
    with store.transaction() as session:
        found = [session.query(f"PRAGMA {name}")[0][0] for name in ("journal_mode", "synchronous")]
    store.close()
    assert found == ["wal", 2]
