"""Several stacks in two regions, by the fleet's commands: one engine run a stack, real provider, one cloud."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.cloud.testing import StandIn
from tests.fleet.project import EACH, FIRST, FleetProject, keys_of, kill_all

pytestmark = [pytest.mark.fleet, pytest.mark.timeout(900)]
"""A dozen runs of the engine a test take a minute, and many on a machine that has no time."""


@pytest.fixture(scope="module")
def cloud() -> Iterator[StandIn]:
    with StandIn(("jp-tok", "us-south"), accounts=2) as stand_in:
        yield stand_in


@pytest.fixture
def project(tmp_path: Path, cloud: StandIn) -> Iterator[FleetProject]:
    yield FleetProject.make(tmp_path, cloud)
    cloud.clear_faults()


def test_the_life_of_a_small_fleet(project: FleetProject, cloud: StandIn) -> None:
    project.add("canary", "jp-tok", tags={"wave": 1, "environment": "production"}, protect=True)
    project.add("south", "us-south", tags={"environment": "production"})

    first = project.run("up", "--tag", "environment=production", "--json")
    assert first.status == 0, first.err
    assert [(each["stack"], each["status"]) for each in first.json["stacks"]] == [("canary", "done"), ("south", "done")]
    assert [each["changes"] for each in first.json["stacks"]] == [FIRST, FIRST]
    order = first.err.splitlines()
    assert order.index("south: up") > next(i for i, line in enumerate(order) if line.startswith("canary: done"))

    same = project.run("preview", "--all", "--json")
    assert same.status == 0, same.err
    assert {each["status"] for each in same.json["stacks"]} == {"unchanged"}

    project.change("south", keyEpoch=2)
    planned = project.run("preview", "--region", "us-south", "--json")
    assert planned.status == 2, planned.err
    assert [each["name"] for each in planned.stacks["south"]["resources"]] == ["pull-key-2"]
    project.change("south", keyEpoch=None)

    rotated = project.run("rotate", "south", "--json")
    assert rotated.status == 0, rotated.err
    assert rotated.stacks["south"]["changes"]["create"] == 1
    assert "keyEpoch: 2" in (project.folder / "Pulumi.south.yaml").read_text().replace('"', "")

    # What a rotation leaves that was killed before its update.
    project.change("south", **{"icr-private-image:keyEpoch": 3})
    gone_on = project.run("rotate", "south", "--json")
    assert gone_on.status == 0, gone_on.err
    assert gone_on.stacks["south"]["changes"]["create"] == 1
    assert "keyEpoch: 3" in (project.folder / "Pulumi.south.yaml").read_text().replace('"', "")

    refused = project.run("destroy", "canary")
    assert refused.status == 1
    assert "nothing was deleted" in refused.err
    assert "fleet destroy canary --unprotect" in refused.err

    elsewhere = project.run("up", "canary", variables={"IBMCLOUD_API_KEY": cloud.accounts[1].api_key})
    assert elsewhere.status == 1
    assert f"was made in account {cloud.account_id}" in elsewhere.err

    keys = {cloud.api_key, *keys_of(project, "canary", "south")}
    assert len(keys) == 4, "the deployer's and three pull keys"
    for key in keys:
        assert key not in project.written()
        assert not any(key in ran.out + ran.err for ran in (first, same, planned, rotated, refused, elsewhere))

    ended = project.run("destroy", "--all", "--unprotect", "--json")
    assert ended.status == 0, ended.err
    assert [each["changes"]["delete"] for each in ended.json["stacks"]] == [EACH, EACH + 1]


def test_a_stack_that_fails_stops_later_waves_and_nothing_else(project: FleetProject, cloud: StandIn) -> None:
    project.add("bad", "jp-tok", tags={"wave": 1}, registryNamespace="my-praivate-repo-bad")
    project.add("good", "us-south", tags={"wave": 1})
    project.add("later", "us-south")
    cloud.fault("PUT", "/api/v1/namespaces/my-praivate-repo-bad", count=None, status=403)
    ran = project.run("up", "--all", "--json")
    assert ran.status == 1
    assert {name: each["status"] for name, each in ran.stacks.items()} == {
        "bad": "failed",
        "good": "done",
        "later": "skipped",
    }
    assert "my-praivate-repo-bad" in "\n".join(ran.stacks["bad"]["errors"])
    assert "bad of wave 1 didn't end well" in ran.err
    assert not list((project.folder / "state").glob("**/later.json"))


def test_ctrl_c_ends_in_order_and_a_killed_run_goes_on(project: FleetProject, cloud: StandIn) -> None:
    project.add("one", "jp-tok")
    project.add("two", "us-south")
    cloud.fault("POST", "/v1/apikeys", count=None, delay=8)
    kill_all(_started(project, cloud, "/v1/serviceids/", 2))
    process = _started(project, cloud, "/identity/token", 1)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert process.returncode == 130, err
    assert "went on after a run that was killed" in out
    assert '"stopped"' in out
    assert "Go on: .venv/bin/python -m fleet up" in err
    cloud.clear_faults()
    ran = project.run("up", "--all", "--json")
    assert ran.status == 0, ran.err
    assert {each["status"] for each in ran.json["stacks"]} <= {"done", "unchanged"}


def _started(project: FleetProject, cloud: StandIn, path: str, times: int) -> subprocess.Popen[str]:
    """Start an update of two stacks, and return once the cloud was asked to POST to `path` so often."""
    before = len(cloud.requests)
    process = project.start("up", "--all", "--json")
    while sum((each.method, each.path) == ("POST", path) for each in cloud.requests[before:]) < times:
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    return process
