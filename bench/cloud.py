"""How fast the cloud stand-in is, as a process on loopback: `python -m bench.cloud`. Takes about twenty seconds.

Prints operations a second, p50 and p99 of one caller after another and of four at once, start and memory, with the
targets that they are held to; exits 1 if one is missed. The callers share the machine's cores with the stand-in.
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
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psutil

KEY = "an API key of the benchmark, long enough"
SECONDS = 2.0
CALLERS = 4

LOGIN_MILLISECONDS = 5.0
LOGINS_A_SECOND = 300.0
MEMORY_MIB = 120.0
READY_SECONDS = 1.5

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


def measure(port: int, request: Request, callers: int) -> list[float]:
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
    """Start the stand-in; return it and the seconds until it was ready."""
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
        try:
            with socket.create_connection(("127.0.0.1", port)):
                return process, time.perf_counter() - began
        except OSError:
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


def told(what: str, value: float, unit: str, good: Callable[[float], bool], target: str) -> bool:
    """Print a figure with its target, and return whether it is met."""
    met = good(value)
    print(f"{what:<40}{value:>9.1f} {unit:<4} target {target}: {'met' if met else 'MISSED'}", flush=True)
    return met


def main() -> int:
    """Measure everything; return the exit status."""
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        start(folder, port)[0].kill()  # makes the keys, once for all later starts
        port = free_port()
        process, ready = start(folder, port)
        try:
            good = [told("ready", ready, "s", lambda value: value < READY_SECONDS, f"under {READY_SECONDS} s")]
            for name, request in requests(port).items():
                for callers in (1, CALLERS):
                    spans = measure(port, request, callers)
                    rate, middle, slow = len(spans) / SECONDS, spans[len(spans) // 2], spans[len(spans) * 99 // 100]
                    print(f"{name}, {callers} at once: {rate:.0f} a second, p50 {middle:.2f} ms, p99 {slow:.2f} ms")
                    if name == "registry logins" and callers == 1:
                        target = f"under {LOGIN_MILLISECONDS} ms"
                        good.append(told("registry login, p50", middle, "ms", lambda v: v < LOGIN_MILLISECONDS, target))
                    if name == "registry logins" and callers > 1:
                        target = f"{LOGINS_A_SECOND:.0f} a second"
                        good.append(told("registry logins", rate, "/s", lambda v: v >= LOGINS_A_SECOND, target))
            memory = psutil.Process(process.pid).memory_info().rss / (1 << 20)
            good.append(told("memory", memory, "MiB", lambda v: v < MEMORY_MIB, f"under {MEMORY_MIB:.0f} MiB"))
        finally:
            process.kill()
            process.wait()
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
