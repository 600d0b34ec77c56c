"""The control API over HTTP: what tests in other languages use."""

from __future__ import annotations

from collections.abc import Generator

import httpx
import pytest

from sandbox.cloud.testing import StandIn

pytestmark = [pytest.mark.cloud, pytest.mark.sandbox_only]


@pytest.fixture
def cloud() -> Generator[StandIn]:
    with StandIn(control=True) as found:
        yield found


@pytest.fixture
def control(cloud: StandIn) -> Generator[httpx.Client]:
    with httpx.Client(base_url=f"{cloud.control_url}/sandbox/") as client:
        yield client


def test_the_clock_is_read_set_moved_and_given_back(cloud: StandIn, control: httpx.Client) -> None:
    now = control.get("clock").json()["now"]
    assert control.put("clock", json={"advance": 3600}).json()["now"] >= now + 3600
    assert cloud.clock.now() >= now + 3600
    assert 1000 <= control.put("clock", json={"now": 1000}).json()["now"] < 1010
    assert control.delete("clock").json()["now"] >= now
    assert cloud.clock.now() < now + 60


def test_delays_are_set_one_by_one(cloud: StandIn, control: httpx.Client) -> None:
    control.put("delays", json={"visibility": 5})
    assert control.put("delays", json={"authorization": 7, "removal": 9}).json() == {
        "visibility": 5,
        "authorization": 7,
        "removal": 9,
    }
    assert (cloud.visibility_delay, cloud.authorization_delay, cloud.removal_delay) == (5, 7, 9)


def test_faults_are_set_counted_and_taken_back(cloud: StandIn, control: httpx.Client) -> None:
    fault = {"method": "GET", "path": "/identity/*", "count": 2, "status": 503, "retry_after": 1}
    assert control.post("faults", json=fault).status_code == 200
    answer = httpx.get(f"{cloud.url}/identity/keys")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert [(each["path"], each["hits"]) for each in control.get("faults").json()] == [("/identity/*", 1)]
    control.delete("faults")
    assert httpx.get(f"{cloud.url}/identity/keys").status_code == 200
    assert control.get("faults").json() == []


def test_the_log_is_read_and_emptied(cloud: StandIn, control: httpx.Client) -> None:
    headers = {"Authorization": "Bearer x"}
    httpx.get(f"{cloud.url}/v2/policies?account_id=x", headers=headers)
    (found,) = control.get("requests").json()
    assert {name: found[name] for name in ("method", "path", "query", "status", "caller", "policy")} == {
        "method": "GET",
        "path": "/v2/policies",
        "query": "account_id=x",
        "status": 401,
        "caller": None,
        "policy": None,
    }
    assert control.delete("requests").json() == control.get("requests").json() == []


@pytest.mark.parametrize(
    ("method", "name", "body", "message"),
    [
        ("POST", "faults", '{"status": 42}', "no HTTP status"),
        ("POST", "faults", '{"reset": "never"}', "'never'"),
        ("POST", "faults", '{"pth": "/v1"}', "pth"),
        ("PUT", "delays", "nonsense", "can't be read"),
        ("PUT", "clock", '{"now": 1e300}', "year 9000"),
        ("PUT", "clock", '{"advance": -1e11}', "before 1970"),
    ],
)
def test_what_makes_no_sense_is_told(control: httpx.Client, method: str, name: str, body: str, message: str) -> None:
    answer = control.request(method, name, content=body)
    assert (answer.status_code, message in answer.json()["error"]) == (400, True), answer.text
