"""What the first update lacks, told before it: each thing by name, with its mend, and what is there as there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from fleet.docker_socket import VERSION, answering
from sandbox.cloud.testing import StandIn
from tests.cloud.clients import Json, allow, attributes, clients, make_robot, policy, role
from tests.cloud.test_access_groups import groups_of
from tests.fleet.project import FleetProject, Ran

pytestmark = [pytest.mark.fleet, pytest.mark.timeout(900)]


@pytest.fixture
def cloud() -> Iterator[StandIn]:
    with StandIn(("jp-tok", "us-south")) as stand_in:
        yield stand_in


@pytest.fixture
def project(tmp_path: Path, cloud: StandIn) -> FleetProject:
    made = FleetProject.make(tmp_path, cloud)
    made.add("one", "jp-tok")
    made.add("two", "us-south")
    return made


def told(ran: Ran) -> dict[str, tuple[bool, str, str]]:
    return {
        each["what"].partition(",")[0]: (each["passed"], each["seen"], each["mend"]) for each in json.loads(ran.out)
    }


def test_in_an_empty_shell_each_missing_thing_is_named_with_its_mend(project: FleetProject, tmp_path: Path) -> None:
    environ = {"PATH": str(tmp_path), "HOME": str(tmp_path), "PULUMI_BACKEND_URL": f"file://{tmp_path}/state"}
    project.environ.clear()
    ran = project.run("doctor", "--all", "--json", variables=environ)
    seen = told(ran)
    assert ran.status == 1, ran.err
    assert {what: mend for what, (passed, _, mend) in seen.items() if not passed} == {
        "Pulumi CLI": "for stack dev: make up; for your own: https://www.pulumi.com/docs/install/",
        "language host and plugins": 'export PATH="$(make tools):$PATH"',
        "backend: a state is written and locked": seen["Pulumi CLI"][2],
        "Docker Engine": "start it, or export DOCKER_HOST=...; for the sandbox: make up",
        "cluster sandbox": "install it (https://kubernetes.io/docs/tasks/tools/)",
        f"API key at {project.cloud.url}": 'eval "$(make env)"',
    }
    assert seen["Pulumi.one.yaml"] == (True, "its settings are right", "")
    assert all(f"To mend it: {mend}" in ran.err for _, _, mend in seen.values() if mend)


def test_what_is_there_is_told_as_there_and_what_is_not_is_the_only_thing_named(
    project: FleetProject, cloud: StandIn, tmp_path: Path
) -> None:
    deployer = make_robot(cloud, "deployer")
    allow(cloud, deployer, "Viewer", "role")
    allow(cloud, deployer, "Reader")
    project.change("two", **{"ibm-native:registryEndpoints": {"us-south": "http://127.0.0.1:9"}})
    project.change("one", region="nowhere")
    with answering(tmp_path / "docker.sock") as engine:
        variables = {"DOCKER_HOST": engine, "IBMCLOUD_API_KEY": deployer.key, "KUBECONFIG": str(tmp_path / "none")}
        ran = project.run("doctor", "--all", "--json", variables=variables)
    seen = told(ran)
    assert ran.status == 1
    assert {what for what, (passed, _, _) in seen.items() if passed} == {
        "Pulumi.two.yaml",
        "Pulumi CLI",
        "language host and plugins",
        "backend: a state is written and locked",
        "Docker Engine",
    }
    assert seen["Docker Engine"][1] == f"API {VERSION} at {engine}"
    assert not [*project.folder.glob("Pulumi.doctor*"), *project.folder.glob("state/**/doctor*.json")]
    lacking = "Administrator on container-registry, Manager on container-registry, Operator on iam-identity"
    assert f"has no policy of its own that gives {lacking}" in seen[f"API key at {cloud.url}"][1]
    assert "127.0.0.1:9" in seen["registry of us-south"][1]
    assert "the cluster can't be asked" in seen["cluster sandbox"][1]
    assert "got 'nowhere'" in seen["Pulumi.one.yaml"][1]
    assert deployer.key not in ran.out + ran.err
    assert cloud.api_key not in ran.out + ran.err


def test_roles_that_come_from_access_groups_count_where_they_may_be_seen(project: FleetProject, cloud: StandIn) -> None:
    deployer = make_robot(cloud, "deployer")
    groups = groups_of(cloud)
    who = f"{deployer.iam_id} of account {cloud.account_id}"

    def key() -> tuple[bool, str, str]:
        ran = project.run("doctor", "one", "--json", variables={"IBMCLOUD_API_KEY": deployer.key})
        return told(ran)[f"API key at {cloud.url}"]

    def give(name: str, kind: str, service: str) -> None:
        wanted = policy("", [role(name, kind)], accountId=cloud.account_id, serviceName=service)
        of_group = {"attributes": attributes(access_group_id=group["id"])}
        clients(cloud).policies.create_v2_policy(**wanted | {"subject": of_group})

    assert key()[:2] == (True, f"{who}; it has no policy of its own: by access groups, which it may not list")
    group: Json = {}
    for number in range(101):  # the last one is on a page of its own
        group = groups.create_access_group(account_id=cloud.account_id, name=f"deliver-{number:03}").get_result()
        groups.add_members_to_access_group(group["id"], members=[{"iam_id": deployer.iam_id, "type": "service"}])
    for service in ("iam-groups", "iam-identity"):
        give("Viewer", "role", service)
    give("Manager", "serviceRole", "container-registry")
    give("Administrator", "role", "container-registry")
    lacking = f"{who} has no policy of its own or of an access group that gives Operator on iam-identity"
    assert key() == (False, lacking, "python -m webbrowser https://cloud.ibm.com/iam   gives roles")
    give("Operator", "role", "iam-identity")
    assert key() == (True, f"{who}, with the roles that a delivery takes", "")
