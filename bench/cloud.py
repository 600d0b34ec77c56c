"""IBM Cloud's stand-in, as a process on loopback: `python -m bench cloud`.

Operations a second, p50 and p99 of one caller after another and of four at once, start and memory. The callers share
the machine's processors with the stand-in.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psutil

from bench.figures import Figure, figure, seconds
from sandbox.cloud.app import HEALTH
from sandbox.cloud.testing import StandIn

KEY = "an API key of the benchmark, long enough"
SECONDS = 2.0
CALLERS = 4
STARTS = 5

Json = dict[str, Any]
Request = tuple[str, str, str | None, dict[str, str]]
"""Method, path, body and headers."""


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def send(connection: http.client.HTTPConnection, request: Request) -> Json:
    """Send a request and return the JSON answer; it must be 2xx."""
    method, path, body, headers = request
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    content = answer.read()
    if not 200 <= answer.status < 300:
        raise SystemExit(f"{method} {path} answered {answer.status}: {content.decode()}")
    return json.loads(content) if content.startswith(b"{") else {}


def spans_of(port: int, request: Request, callers: int) -> list[float]:
    """Send a request again and again for some seconds; return how long each took, in milliseconds."""
    spans: list[list[float]] = [[] for _ in range(callers)]
    end = time.perf_counter() + SECONDS

    def call(mine: list[float]) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        while (began := time.perf_counter()) < end:
            send(connection, request)
            mine.append((time.perf_counter() - began) * 1000)
        connection.close()

    threads = [threading.Thread(target=call, args=(mine,)) for mine in spans]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(span for mine in spans for span in mine)


def start(folder: str, port: int) -> tuple[subprocess.Popen[bytes], float]:
    """Start the stand-in; return it and the seconds until it answered."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "sandbox.cloud", "--data", folder, "--port", str(port)),
            *("--region", f"jp-tok=127.0.0.1:{port}"),
        ],
        cwd=Path(__file__).parent.parent,
        env={**os.environ, "SANDBOX_ADMIN_APIKEY": KEY},
    )
    while process.poll() is None:
        with suppress(OSError):
            send(http.client.HTTPConnection("127.0.0.1", port), ("GET", HEALTH, None, {}))
            return process, time.perf_counter() - began
        time.sleep(0.005)
    raise SystemExit("The stand-in did not start.")


def requests(port: int) -> dict[str, Request]:
    """Make a service ID that may pull from one namespace; return what is measured."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    form = {"Content-Type": "application/x-www-form-urlencoded"}

    def grant(key: str) -> Request:
        body = urlencode({"grant_type": "urn:ibm:params:oauth:grant-type:apikey", "apikey": key})
        return "POST", "/identity/token", body, form

    def bearer(key: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {send(connection, grant(key))['access_token']}", **account}

    account: dict[str, str] = {}
    owner = bearer(KEY)
    account_id = str(send(connection, ("GET", "/v1/apikeys", None, owner))["apikeys"][0]["account_id"])
    account["Account"] = account_id
    named = json.dumps({"account_id": account_id, "name": "puller", "apikey": {"name": "key"}})
    made = send(connection, ("POST", "/v1/serviceids/", named, owner))
    send(connection, ("PUT", "/api/v1/namespaces/bench", None, owner | account))
    resource = {"accountId": account_id, "serviceName": "container-registry", "region": "jp-tok"}
    attributes = [{"key": key, "operator": "stringEquals", "value": value} for key, value in resource.items()]
    subject = [{"key": "iam_id", "operator": "stringEquals", "value": made["iam_id"]}]
    grants = {"roles": [{"role_id": "crn:v1:bluemix:public:iam::::serviceRole:Reader"}]}
    body = {"type": "access", "control": {"grant": grants}, "subject": {"attributes": subject}}
    send(connection, ("POST", "/v2/policies", json.dumps(body | {"resource": {"attributes": attributes}}), owner))
    value = str(made["apikey"]["apikey"])
    login = base64.b64encode(f"iamapikey:{value}".encode()).decode()
    scope = urlencode({"service": "registry", "scope": "repository:bench/image:pull"})
    return {
        "tokens": grant(value),
        "policy checks": ("GET", "/api/v1/namespaces", None, bearer(value)),
        "registry logins": ("GET", f"/oauth/token?{scope}", None, {"Authorization": f"Basic {login}"}),
    }


def memory(process: subprocess.Popen[bytes]) -> float:
    """Return how many MiB a process has in memory."""
    return psutil.Process(process.pid).memory_info().rss / (1 << 20)


def ready(folder: str) -> float:
    """Start the stand-in once and return the seconds until it was ready."""
    process, seconds = start(folder, free_port())
    process.kill()
    process.wait()
    return seconds


def fixture() -> None:
    """Do what the pytest fixture does around a test."""
    with StandIn():
        pass


def measure(quick: bool) -> Iterator[Figure]:
    """Measure starts first, then each operation, then memory."""
    rounds = 2 if quick else STARTS
    with tempfile.TemporaryDirectory() as folder:
        ready(folder)  # makes the keys, once for all later starts
        yield figure("process ready", "ms", *(1000 * ready(folder) for _ in range(rounds))).held(most=300)
        fixture()  # imports what the first one of a test run has to
        yield figure("fixture", "ms", *(1000 * seconds(fixture) for _ in range(rounds))).held(most=50)
        port = free_port()
        process, _ = start(folder, port)
        try:
            yield figure("idle memory", "MiB", memory(process)).held(most=120)
            for name, request in requests(port).items():
                for callers in (1, CALLERS):
                    yield from _of_operation(f"{name}, {callers} at once", spans_of(port, request, callers))
            yield figure("memory after that", "MiB", memory(process))
        finally:
            process.kill()
            process.wait()


def _of_operation(what: str, spans: list[float]) -> Iterator[Figure]:
    login = what.startswith("registry login")
    one = what.endswith("1 at once")
    rate = figure(what, "a second", len(spans) / SECONDS)
    yield rate.held(least=300) if login and not one else rate
    median = figure(f"{what}, p50", "ms", spans[len(spans) // 2])
    yield median.held(most=5) if login and one else median
    yield figure(f"{what}, p99", "ms", spans[len(spans) * 99 // 100])
