"""Killed at random moments under mixed writes, the stand-in keeps all that it acknowledged, and nothing by halves."""

from __future__ import annotations

import os
import random
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from base.paths import CHECKOUT

pytestmark = [pytest.mark.cloud, pytest.mark.sandbox_only]

KEY = "a key of the test's own, long enough"
KILLS = 100
WRITERS = 3
LONGEST = 0.12
"""Seconds from the first write to the kill, at most."""

NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

Json = dict[str, Any]


@dataclass
class Life:
    """One service ID with a key, a policy and a namespace, through seven writes. `done` of them are acknowledged."""

    name: str
    done: int = 0
    started: int = 0
    ids: dict[str, str] = field(default_factory=dict)

    @property
    def possible(self) -> range:
        """How many writes can have had their effect."""
        return range(self.done, self.started + 1)


class Server:
    """A stand-in that is killed and started again on the same folder and port."""

    def __init__(self, data: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self._data = data
        self._pid = 0
        self._starter = subprocess.Popen(
            [sys.executable, "-m", "tests.cloud.kill_server"],
            cwd=CHECKOUT,
            env={**os.environ, "SANDBOX_ADMIN_APIKEY": KEY},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(self) -> None:
        """Start it, and wait until it answers."""
        assert self._starter.stdin is not None
        assert self._starter.stdout is not None
        self._starter.stdin.write(f"{self._data} {self.port}\n")
        self._starter.stdin.flush()
        self._pid = int(self._starter.stdout.readline())
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                with connect(self.url) as client:
                    if client.get("/sandbox/health").status_code == 200:
                        return
            except httpx.TransportError:
                time.sleep(0.005)
        raise AssertionError("the stand-in did not get ready")

    def kill(self) -> None:
        """Kill it at once."""
        os.kill(self._pid, signal.SIGKILL)

    def close(self) -> None:
        """End everything."""
        self.kill()
        self._starter.communicate(timeout=30)


@pytest.fixture
def server(tmp_path: Path) -> Generator[Server]:
    found = Server(tmp_path)
    found.start()
    yield found
    found.close()


def connect(url: str, headers: dict[str, str] | None = None) -> httpx.Client:
    """Make a client that doesn't load the system's certificates, which takes longer than everything else here."""
    return httpx.Client(base_url=url, headers=headers, verify=NO_CERTIFICATES)


def log_in(server: Server) -> tuple[dict[str, str], str]:
    form = {"grant_type": "urn:ibm:params:oauth:grant-type:apikey", "apikey": KEY}
    token = httpx.post(f"{server.url}/identity/token", data=form).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    account = httpx.get(f"{server.url}/v1/apikeys", headers=headers).json()["apikeys"][0]["account_id"]
    return headers | {"Account": account, "If-Match": "*"}, account


def live(client: httpx.Client, account: str, life: Life) -> None:
    """Make the seven writes, one after another."""
    ids = life.ids

    def policy() -> httpx.Response:
        resource = {"accountId": account, "serviceName": "container-registry"}
        attributes = [{"key": key, "operator": "stringEquals", "value": value} for key, value in resource.items()]
        subject = [{"key": "iam_id", "operator": "stringEquals", "value": f"iam-{ids['service']}"}]
        grant = {"roles": [{"role_id": "crn:v1:bluemix:public:iam::::serviceRole:Reader"}]}
        body = {"type": "access", "subject": {"attributes": subject}, "resource": {"attributes": attributes}}
        return client.post("/v2/policies", json=body | {"control": {"grant": grant}})

    named = {"account_id": account, "name": life.name, "apikey": {"name": "its key"}}
    writes: tuple[tuple[str, Callable[[], httpx.Response]], ...] = (
        ("service", lambda: client.post("/v1/serviceids/", json=named)),
        ("policy", policy),
        ("", lambda: client.put(f"/v1/serviceids/{ids['service']}", json={"description": "changed"})),
        ("", lambda: client.put(f"/api/v1/namespaces/{life.name}")),
        ("", lambda: client.delete(f"/v2/policies/{ids['policy']}")),
        ("", lambda: client.delete(f"/v1/serviceids/{ids['service']}")),
        ("", lambda: client.delete(f"/api/v1/namespaces/{life.name}")),
    )
    for kept, write in writes:
        life.started += 1
        answer = write()
        assert answer.is_success, answer.text
        if kept:
            ids[kept] = answer.json()["id"]
        life.done += 1


def seen(client: httpx.Client, account: str, life: Life, namespaces: list[str]) -> set[int]:
    """Return after how many writes things can look as they look now."""
    query = {"account_id": account, "name": life.name}
    found: list[Json] = client.get("/v1/serviceids/", params=query).json()["serviceids"]
    keys: list[Json] = []
    for each in found:
        keys += client.get("/v1/apikeys", params={"iam_id": each["iam_id"]}).json()["apikeys"]
    assert len(keys) == len(found) <= 1, "a service ID and the key that is made with it come and go together"
    policies: list[Json] = []
    for state in ("active", "deleted"):
        iam_id = f"iam-{life.ids.get('service', found[0]['id'] if found else 'none')}"
        listed = client.get("/v2/policies", params={"account_id": account, "iam_id": iam_id, "state": state})
        policies += listed.json()["policies"]
    state = policies[0]["state"] if policies else None
    picture = (bool(found), state, bool(found) and "description" in found[0], life.name in namespaces)
    pictures = (
        (False, None, False, False),
        (True, None, False, False),
        (True, "active", False, False),
        (True, "active", True, False),
        (True, "active", True, True),
        (True, "deleted", True, True),
        (False, "deleted", False, True),
        (False, "deleted", False, False),
    )
    return {done for done, each in enumerate(pictures) if each == picture}


def work(server: Server, headers: dict[str, str], account: str, lives: list[Life], prefix: str) -> None:
    """Begin one life after another until the stand-in is gone."""
    with connect(server.url, headers) as client:
        try:
            while True:
                lives.append(Life(f"{prefix}-{len(lives)}"))
                live(client, account, lives[-1])
        except httpx.TransportError:
            return


def test_a_hundred_kills_lose_nothing_and_leave_nothing_half_done(server: Server) -> None:
    headers, account = log_in(server)
    chance = random.Random(20261124)  # noqa: S311 (moments, not secrets)
    touched = 0
    for number in range(KILLS):
        lives: list[list[Life]] = [[] for _ in range(WRITERS)]
        threads = [
            threading.Thread(target=work, args=(server, headers, account, lives[writer], f"n{number}-{writer}"))
            for writer in range(WRITERS)
        ]
        for thread in threads:
            thread.start()
        time.sleep(chance.uniform(0, LONGEST))
        server.kill()
        for thread in threads:
            thread.join()
        server.start()
        with connect(server.url, headers) as client:
            namespaces: list[str] = client.get("/api/v1/namespaces").json()
            for life in (life for each in lives for life in each):
                touched += life.started
                assert seen(client, account, life, namespaces) & set(life.possible), (number, life)
            for name in namespaces:
                assert client.delete(f"/api/v1/namespaces/{name}").status_code == 204
    assert touched > KILLS
