"""Drift that no state can show: five outside changes, each found with the command that mends it, and nothing else."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from fleet.account import Held
from fleet.inventory import StackFile
from fleet.orphans import Known, judge
from fleet.stack import Stack, resources_of
from ibm_native.model.journal import Journal, default_folder
from ibm_native.model.marker import Mark
from sandbox.cloud.testing import StandIn
from tests.cloud.clients import Robot, allow, clients, make_robot, policy, role
from tests.fleet.project import FleetProject

SEES_KEYS = ["iam-identity.apikey.get", "iam-identity.apikey.list"]
pytestmark = [pytest.mark.fleet, pytest.mark.timeout(900)]

DIGESTS = [f"sha256:{digit * 64}" for digit in "0123"]


@pytest.fixture
def cloud() -> Iterator[StandIn]:
    with StandIn(("jp-tok", "us-south")) as stand_in:
        yield stand_in


def make_watcher(cloud: StandIn) -> Robot:
    """Make the reader of docs/fleet.md: it sees all that stacks make, and can change none of it."""
    watcher = make_robot(cloud, "watcher")
    allow(cloud, watcher, "Viewer", "role", serviceName="iam-identity")
    allow(cloud, watcher, "Viewer", "role")
    allow(cloud, watcher, "Reader")
    owner = clients(cloud).policies
    made = owner.create_role("Sees keys", SEES_KEYS, "SeesKeys", cloud.account_id, "iam-identity").get_result()
    wanted = policy(watcher.iam_id, [made["crn"]], accountId=cloud.account_id, serviceName="iam-identity")
    owner.create_v2_policy(**wanted)
    return watcher


def test_what_no_state_knows_is_found_with_a_readers_key_and_removed_by_what_is_printed(
    tmp_path: Path, cloud: StandIn
) -> None:
    project = FleetProject.make(tmp_path, cloud)
    project.add("one", "jp-tok")
    project.add("two", "us-south")
    project.add("never-made", "us-south")
    owner = clients(cloud)
    watcher = make_watcher(cloud)
    reader = {"IBMCLOUD_API_KEY": watcher.key}
    assert project.run("up", "one", "two").status == 0

    state = Stack("two", project.environ, project.folder).export()
    by_name = {each["urn"].rpartition("$")[2]: each for each in resources_of(state)}
    key, identity = by_name["ibm-native:iam:ApiKey::pull-key-1"], by_name["ibm-native:iam:ServiceId::pull"]
    iam_id = identity["outputs"]["iamId"]
    made = {
        "a service ID of a state that was lost": owner.identity.create_service_id(
            account_id=cloud.account_id, name="lost", description=Mark.new("urn:of:nobody").on("Pulls")
        ),
        "a key whose answer was lost": owner.identity.create_api_key(
            "again", iam_id, account_id=cloud.account_id, description=Mark.new(key["urn"]).on(None)
        ),
        "a key by hand": owner.identity.create_api_key("by hand", iam_id, account_id=cloud.account_id),
        "a policy of a state that was lost": owner.policies.create_v2_policy(
            **policy(watcher.iam_id, [role("Writer")], accountId=cloud.account_id, serviceName="container-registry"),
            description=Mark.new("urn:of:nobody").on(None),
        ),
    }
    ids = {what: answer.get_result()["id"] for what, answer in made.items()}
    for space in ("begun-and-killed", "of-other-people"):
        owner.registry.create_namespace(space)
    Journal(default_folder(project.environ)).begin("urn:of:nobody", "jp-tok/begun-and-killed", cloud.account_id)
    ids["a namespace whose update was killed"] = "jp-tok/begun-and-killed"

    (project.folder / "Pulumi.two.yaml").unlink()  # as in a checkout of a branch that doesn't have it yet
    cloud.clear_requests()
    found = project.run("drift", "one", "--json", variables=reader)
    assert found.status == 2, found.err
    told = {next(name for name, each in ids.items() if each in one["what"]): one for one in found.json["findings"]}
    assert len(found.json["findings"]) == 5
    assert told.keys() == ids.keys()
    assert all(one["since"].startswith("20") for one in told.values())
    assert {name: one["stack"] for name, one in told.items() if one["stack"]} == {
        "a key whose answer was lost": "two",
        "a key by hand": "two",
    }
    assert "of a state" not in told["a key by hand"]["what"]
    assert "no stack that this checkout has a state of (one, two) knows it" in told[next(iter(ids))]["what"]
    assert {each.method for each in cloud.requests if each.path != "/identity/token"} <= {"GET", "POST"}
    assert {each.path for each in cloud.requests if each.method == "POST"} <= {
        "/identity/token",
        "/api/v1/images/digests",
    }

    words = [shlex.split(one["mend"], comments=True) for one in told.values()]
    assert {tuple(each[:4]) for each in words} == {(".venv/bin/python", "-m", "fleet", "remove")}
    elsewhere = project.run("remove", watcher.id)
    assert elsewhere.status == 1
    assert "it stays" in elsewhere.err
    gone = project.run("remove", *(each[4] for each in words))
    assert gone.status == 0, gone.err
    assert len(gone.out.splitlines()) == 5
    again = project.run("drift", "one", "--json", variables=reader)
    assert (again.status, again.json["findings"]) == (0, []), again.err
    for value in (watcher.key, cloud.api_key):
        assert value not in found.out + found.err + elsewhere.err + project.written()


def test_an_image_is_named_if_it_is_where_stacks_push_and_neither_a_state_nor_a_pod_names_it(tmp_path: Path) -> None:
    digests = iter(DIGESTS)
    repository = "jp.icr.io/mine/nginx"
    running, pulled, left, part = (f"{repository}@{digest}" for digest in digests)
    known = Known()
    state = {
        "deployment": {
            "resources": [
                {"type": "docker:index/image:Image", "urn": "urn:image", "outputs": {"repoDigest": running}},
                {
                    "type": "ibm-native:registry:Namespace",
                    "urn": "urn:space",
                    "id": "jp-tok/shared",
                    "outputs": {"adopted": True},
                },
            ],
        }
    }
    known.add(StackFile("s", tmp_path, {"region": "jp-tok"}), state)
    known.run(f"docker.io/library/nginx:1 private.{pulled}", [Held("image", running, "v1", parts=(DIGESTS[3],))])
    assert [
        name
        for name in (running, pulled, left, part, f"jp.icr.io/shared/theirs@{DIGESTS[0]}")
        if judge(Held("image", name, "v1", of=f"jp-tok/{name.split('/')[1]}", size=17_000_000), known, {})
    ] == [left]
    told = judge(Held("image", left, "v1", "2026-01-01T00:00:00Z", of="jp-tok/mine", size=17_000_000), known, {})
    assert told == (
        f"image {left} (v1) of 17.0 MB: nothing runs it",
        "2026-01-01T00:00:00Z (built)",
        f".venv/bin/python -m fleet remove {left}",
        "s",
    )
