"""The stand-in as a process: python -m sandbox.cloud. What it acknowledged survives SIGKILL."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Sequence
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from cryptography import x509

from base.paths import CHECKOUT
from sandbox.cloud.core import token_keys

pytestmark = [pytest.mark.cloud, pytest.mark.sandbox_only]

KEY = "a key of the test's own, long enough"


class Cloud:
    """A stand-in in a process of its own."""

    def __init__(self, data: Path, key: str | None = KEY, options: Sequence[str] = ()) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        where = ("--data", str(data), "--port", str(port), "--region", "jp-tok=127.0.0.1:7001")
        self.process = start(*where, *options, key=key)
        wait_until_ready(self.process, socket.AF_INET, ("127.0.0.1", port))

    def kill(self) -> str:
        """End it without a warning, and return what it printed."""
        self.process.send_signal(signal.SIGKILL)
        return "".join(self.process.communicate())

    def bearer(self, key: str = KEY) -> dict[str, str]:
        """Log in, and return the header that says so."""
        form = {"grant_type": "urn:ibm:params:oauth:grant-type:apikey", "apikey": key}
        body = httpx.post(f"{self.url}/identity/token", data=form).json()
        return {"Authorization": f"Bearer {body['access_token']}"}

    def account_id(self, headers: dict[str, str]) -> str:
        """Return the account of the caller."""
        keys = httpx.get(f"{self.url}/v1/apikeys", headers=headers).json()["apikeys"]
        return keys[0]["account_id"]


def start(*arguments: str, key: str | None = None) -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if name != "SANDBOX_ADMIN_APIKEY"}
    environment |= {"SANDBOX_ADMIN_APIKEY": key} if key else {}
    return subprocess.Popen(
        [sys.executable, "-m", "sandbox.cloud", *arguments],
        cwd=CHECKOUT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_until_ready(
    process: subprocess.Popen[str], family: socket.AddressFamily, address: str | tuple[str, int]
) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()
        with socket.socket(family) as attempt:
            try:
                attempt.connect(address)
                attempt.sendall(b"GET /sandbox/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                if b" 200 " in attempt.recv(64):
                    return
            except OSError:
                time.sleep(0.02)
    raise AssertionError("the stand-in did not get ready")


@pytest.fixture
def stopping() -> Generator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def run(stopping: ExitStack, data: Path, key: str | None = KEY, options: Sequence[str] = ()) -> Cloud:
    cloud = Cloud(data, key, options)
    stopping.callback(lambda: cloud.process.poll() is None and cloud.kill())
    return cloud


def test_what_was_acknowledged_survives_a_kill_in_the_middle_of_writes(tmp_path: Path, stopping: ExitStack) -> None:
    cloud = run(stopping, tmp_path)
    headers = cloud.bearer()
    account_id = cloud.account_id(headers)
    acknowledged: list[str] = []
    enough = threading.Event()

    def write() -> None:
        with httpx.Client(base_url=cloud.url, headers=headers) as client:
            try:
                while True:
                    body = {"account_id": account_id, "name": "x", "apikey": {"name": "its key"}}
                    acknowledged.append(client.post("/v1/serviceids/", json=body).json()["id"])
                    if len(acknowledged) == 40:
                        enough.set()
            except httpx.TransportError:
                return

    writers = [threading.Thread(target=write) for _ in range(3)]
    for writer in writers:
        writer.start()
    assert enough.wait(60)
    cloud.kill()
    for writer in writers:
        writer.join()

    again = run(stopping, tmp_path)
    with httpx.Client(base_url=again.url, headers=again.bearer()) as client:
        for identifier in acknowledged:
            assert client.get(f"/v1/serviceids/{identifier}").status_code == 200
            keys = client.get("/v1/apikeys", params={"iam_id": f"iam-{identifier}"}).json()["apikeys"]
            assert len(keys) == 1, "a service ID and the key made with it are one transaction"


def test_tokens_and_keys_outlive_the_process(tmp_path: Path, stopping: ExitStack) -> None:
    first = run(stopping, tmp_path)
    headers = first.bearer()
    first.kill()
    second = run(stopping, tmp_path)
    assert httpx.get(f"{second.url}/v1/apikeys", headers=headers).status_code == 200


def test_a_fresh_accounts_key_is_printed_once(tmp_path: Path, stopping: ExitStack) -> None:
    first = run(stopping, tmp_path, key=None)
    printed = first.kill()
    key = printed.strip().rpartition(" ")[2]
    second = run(stopping, tmp_path, key=None)
    assert second.bearer(key)
    assert "API key" not in second.kill()


def test_the_environments_key_is_the_owners_from_then_on(tmp_path: Path, stopping: ExitStack) -> None:
    run(stopping, tmp_path).kill()
    cloud = run(stopping, tmp_path, key=f"another {KEY}")
    assert cloud.bearer(f"another {KEY}")
    with pytest.raises(KeyError):
        cloud.bearer(KEY)


def test_no_value_of_a_key_is_on_disk_or_in_the_output(tmp_path: Path, stopping: ExitStack) -> None:
    cloud = run(stopping, tmp_path)
    headers = cloud.bearer()
    made = httpx.post(
        f"{cloud.url}/v1/apikeys", headers=headers, json={"name": "k", "iam_id": owner(cloud, headers)}
    ).json()["apikey"]
    login = httpx.get(f"{cloud.url}/oauth/token", auth=("iamapikey", made), params={"scope": "repository:a/b:pull"})
    assert login.status_code == 200
    printed = cloud.kill()
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {"cloud.sqlite3", "iam-token.key", "registry-token.key"} <= {path.name for path in files}
    for secret in (made, KEY):
        assert secret not in printed
        assert all(secret.encode() not in path.read_bytes() for path in files)


def owner(cloud: Cloud, headers: dict[str, str]) -> str:
    return httpx.get(f"{cloud.url}/v1/apikeys", headers=headers).json()["apikeys"][0]["iam_id"]


def test_a_unix_socket_works_and_the_host_header_finds_the_region(tmp_path: Path, stopping: ExitStack) -> None:
    path = str(tmp_path / "cloud.sock")
    for _ in range(2):  # the second time, the killed one's socket file is in the way
        process = start(
            *("--data", str(tmp_path), "--uds", path),
            *("--region", "jp-tok=127.0.0.1:7001", "--region", "us-south=127.0.0.1:7002"),
            key=KEY,
        )
        stopping.callback(process.communicate)
        stopping.callback(process.kill)
        wait_until_ready(process, socket.AF_UNIX, path)
        with httpx.Client(transport=httpx.HTTPTransport(uds=path), base_url="http://x") as client:
            form = {"grant_type": "urn:ibm:params:oauth:grant-type:apikey", "apikey": KEY}
            token = client.post("/identity/token", data=form).json()["access_token"]
            headers = {"Authorization": f"Bearer {token}"}
            account = client.get("/v1/apikeys", headers=headers).json()["apikeys"][0]["account_id"]
            headers["Account"] = account
            client.put("/api/v1/namespaces/mine", headers={**headers, "Host": "us.icr.io"})
            found = {
                host: client.get("/api/v1/namespaces", headers={**headers, "Host": host}).json()
                for host in ("127.0.0.1:7001", "127.0.0.1:7002", "jp.icr.io", "private.us.icr.io", "elsewhere")
            }
        assert found == {
            "127.0.0.1:7001": [],
            "127.0.0.1:7002": ["mine"],
            "jp.icr.io": [],
            "private.us.icr.io": ["mine"],
            "elsewhere": [],
        }
        process.kill()
        process.wait()


def test_the_control_port_serves_the_control_api_and_no_other_port_does(tmp_path: Path, stopping: ExitStack) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    cloud = run(stopping, tmp_path, options=("--control-port", str(port)))
    control = f"http://127.0.0.1:{port}"
    assert httpx.put(f"{control}/sandbox/clock", json={"advance": 3601}).json()["now"] > time.time() + 3600
    assert httpx.get(f"{cloud.url}/v1/apikeys", headers=cloud.bearer()).status_code == 200
    assert [each["path"] for each in httpx.get(f"{control}/sandbox/requests").json()][-1] == "/v1/apikeys"
    assert httpx.get(f"{cloud.url}/sandbox/requests").status_code == 501
    assert httpx.get(f"{control}/v1/apikeys").status_code == 404


def test_the_first_line_says_what_runs_and_the_console_is_there_without_controls(
    tmp_path: Path, stopping: ExitStack
) -> None:
    ready = tmp_path / "ready.json"
    cloud = run(stopping, tmp_path, key=None, options=("--console", "--ready-file", str(ready)))
    assert "IBM Cloud stand-in" in httpx.get(f"{cloud.url}/sandbox/console").text
    assert httpx.get(f"{cloud.url}/sandbox/faults").status_code == 501
    assert json.loads(ready.read_text()) == {
        "address": cloud.url.removeprefix("http://"),
        "control": None,
        "regions": {"jp-tok": "127.0.0.1:7001"},
    }
    cloud.process.send_signal(signal.SIGTERM)
    first, second = cloud.process.communicate(timeout=60)[0].splitlines()
    for part in ("a policy that allows it", "faults and delays off", str(tmp_path), "jp-tok is 127.0.0.1:7001", " ms"):
        assert part in first
    assert second.startswith("API key of the account's owner")
    assert not ready.exists()


def test_a_mistyped_variable_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANDBOX_ADMIN_API_KEY", KEY)
    process = start("--data", str(tmp_path), "--port", "0", "--region", "jp-tok=127.0.0.1:1")
    printed, told = process.communicate(timeout=30)
    assert (process.returncode, printed) == (1, "")
    assert "SANDBOX_ADMIN_API_KEY, which nothing reads" in told
    assert KEY not in told


def test_a_mistyped_or_shortened_option_is_an_error(tmp_path: Path) -> None:
    process = start("--data", str(tmp_path), "--port", "0", "--reg", "jp-tok=127.0.0.1:1", key=KEY)
    told = process.communicate(timeout=30)[1]
    assert process.returncode == 2
    assert "--region" in told


def test_a_reset_takes_back_all_but_the_account_without_a_restart(tmp_path: Path, stopping: ExitStack) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    cloud = run(stopping, tmp_path, options=("--control-port", str(port)))
    headers = cloud.bearer()
    account = cloud.account_id(headers)
    body = {"name": "robot", "account_id": account}
    assert httpx.post(f"{cloud.url}/v1/serviceids", json=body, headers=headers).status_code == 201
    assert httpx.post(f"http://127.0.0.1:{port}/sandbox/reset").status_code == 200
    again = cloud.bearer()
    assert cloud.account_id(again) == account
    listed = httpx.get(f"{cloud.url}/v1/serviceids", params={"account_id": account}, headers=again).json()
    assert listed["serviceids"] == []
    assert httpx.post(f"{cloud.url}/v1/serviceids", json=body, headers=again).status_code == 201


def test_it_stops_quietly_on_a_signal(tmp_path: Path, stopping: ExitStack) -> None:
    cloud = run(stopping, tmp_path)
    cloud.process.send_signal(signal.SIGINT)
    printed, told = cloud.process.communicate(timeout=60)
    assert (len(printed.splitlines()), told) == (1, "")


@pytest.mark.parametrize(
    ("arguments", "key", "message"),
    [
        (["--data", "{data}", "--port", "0", "--region", "mars=x:1"], KEY, "NAME one of"),
        (
            ["--data", "{data}", "--port", "0", "--region", "jp-tok=x:1"],
            "short",
            "SANDBOX_ADMIN_APIKEY has fewer than 32",
        ),
        (["--data", "/dev/null/x", "--port", "0", "--region", "jp-tok=x:1"], KEY, "can't be used"),
        (["--data", "{data}", "--uds", "/nowhere/x", "--region", "jp-tok=x:1"], KEY, "Can't listen on /nowhere/x"),
        (["--data", "{data}", "--port", "99999", "--region", "jp-tok=x:1"], KEY, "Can't listen on 127.0.0.1:99999"),
        (
            ["--data", "{data}", "--port", "0", "--region", "jp-tok=x:1", "--registry-token-key", "/nowhere"],
            KEY,
            "go together",
        ),
    ],
)
def test_bad_arguments_are_told_without_a_traceback(
    tmp_path: Path, arguments: list[str], key: str, message: str
) -> None:
    process = start(*(item.format(data=tmp_path) for item in arguments), key=key)
    printed, told = process.communicate(timeout=30)
    assert process.returncode != 0
    assert printed == ""
    assert message in told
    assert "Traceback" not in told


def test_two_stand_ins_do_not_share_a_folder(tmp_path: Path, stopping: ExitStack) -> None:
    run(stopping, tmp_path)
    second = start("--data", str(tmp_path), "--port", "0", "--region", "jp-tok=x:1", key=KEY)
    _, told = second.communicate(timeout=30)
    assert (second.returncode, "Another stand-in is using" in told) == (1, True)


def test_the_registry_tokens_key_pair_is_made_once(tmp_path: Path) -> None:
    key, certificate = token_keys.ensure(tmp_path)
    before = (key.read_bytes(), certificate.read_bytes())
    assert token_keys.ensure(tmp_path) == (key, certificate)
    assert (key.read_bytes(), certificate.read_bytes()) == before
    assert key.stat().st_mode & 0o777 == 0o600
    assert x509.load_pem_x509_certificate(before[1]).subject.rfc4514_string() == "CN=icr-sandbox"
