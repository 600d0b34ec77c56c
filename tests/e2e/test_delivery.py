"""The whole delivery on real parts, in the order in which a user lives it."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import cast
from xml.etree import ElementTree

import psutil
import pytest

from base import paths
from fleet.graph import resources
from fleet.verify import verify
from sandbox import machine
from sandbox.host.layout import Layout
from tests.e2e.beside import Beside
from tests.e2e.canaries import CANARIES
from tests.e2e.project import PAGE, Project
from tests.e2e.pulls import Node, Pulling, key_in_the_cluster, rotated, violations
from tests.e2e.sandbox_account import Account

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

POLL_SECONDS = 0.02
QUICK_PART = (
    "tests/unit/test_hermetic.py",
    "tests/unit/test_toolchain_environment.py",
    "tests/cloud/test_standin.py",
    "tests/provider/test_regions.py",
    "tests/plugins/kubernetes/test_process.py",
    "tests/e2e/test_sandbox_machine.py::test_status_shows_each_part_up_since_when_its_address_and_its_log",
    "tests/e2e/test_sandbox_regions.py::test_a_region_comes_up_beside_what_runs_and_status_knows_it",
)
"""Something of each tier, and what knows the sandbox's parts."""


class ArgumentWatch(Beside):
    """Collects the arguments of every process that runs meanwhile."""

    def __init__(self) -> None:
        super().__init__(POLL_SECONDS)
        self.seen: set[str] = set()

    def again(self) -> None:
        """Look once more."""
        self.seen.update(" ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"]))


@pytest.fixture(scope="module")
def delivered(project: Project) -> tuple[Project, str]:
    """Return the project after its first up, and everything that was said on the way, arguments included."""
    with ArgumentWatch() as watch:
        said = project.pulumi("preview", "--diff").text + project.up().text
    return project, said + "\n".join(watch.seen)


def test_up_ends_with_the_outputs_and_none_of_them_is_secret(delivered: tuple[Project, str]) -> None:
    project, _ = delivered
    outputs = project.stack.outputs()
    registry = {"registryHost", "registryNamespace", "imageReference"}
    identity = {"serviceId", "accessPolicyId", "apiKeyId"}
    assert set(outputs) == registry | identity | {"pullSecret", "serviceAccount", "pods", "workloads"}
    assert "[secret]" not in outputs.values()
    assert outputs["registryHost"] == "127.0.0.1:7001"
    assert str(outputs["imageReference"]).startswith(f"127.0.0.1:7001/e2e-{project.suffix}/nginx-custom@sha256:")
    name = f"nginx-{project.suffix}"
    place = {"namespace": "default", "name": name}
    assert outputs["pods"] == {name: place}
    workloads = cast("dict[str, dict[str, object]]", outputs["workloads"])
    assert 10**6 < cast("int", workloads[name].pop("sizeBytes")) < 10**8
    assert workloads == {name: place | {"kind": "Pod", "image": outputs["imageReference"]}}


def test_the_pod_serves_the_page_and_is_refused_without_the_secret(delivered: tuple[Project, str]) -> None:
    project, _ = delivered
    checks = verify(project.stack)
    assert [check.passed for check in checks] == [True, True, True], checks
    assert checks[1].seen == PAGE
    assert "ErrImagePull" in checks[2].seen
    assert "ImagePullBackOff" in checks[2].seen
    assert "pull-probe" not in project.kubectl("get", "pods", "--field-selector=metadata.deletionTimestamp=").text


def test_no_secret_is_anywhere_in_clear(delivered: tuple[Project, str], sandbox_home: Path) -> None:
    project, said = delivered
    deployer = (sandbox_home / "deployer.key").read_text().strip()
    everything = {
        "what was said, and every process's arguments": said,
        "a preview of each property": project.pulumi("preview", "--diff", "--refresh").text,
        "outputs": json.dumps(project.stack.outputs()),
        "the Pod, with its events": project.kubectl("get", "pods,events,serviceaccounts", "-o", "yaml").text,
    }
    for folder in (project.folder / "state", sandbox_home / "logs"):
        everything |= {str(path): path.read_text(errors="replace") for path in folder.rglob("*") if path.is_file()}
    assert "pull-key-1" in project.state(), "the state that was searched is the stack's"
    for value in (key_in_the_cluster(project), deployer):
        for encoded in (value, base64.b64encode(f"iamapikey:{value}".encode()).decode()):
            assert len(encoded) > 20
            found = [where for where, text in everything.items() if encoded in text]
            assert found == [], "a secret lies there in clear"


def test_the_picture_in_docs_shows_what_was_made(delivered: tuple[Project, str]) -> None:
    project, _ = delivered
    made = list(resources(project.stack.export()))
    shown = {each.urn: each.urn.split("::", 2)[-1] for each in made if not each.component}
    edges = {
        f"{shown[urn]}->{shown[each.urn]}" for each in made for urn in each.needs if {urn, each.urn} <= shown.keys()
    }
    svg = ElementTree.parse(paths.CHECKOUT / "docs/graph.svg").getroot()  # noqa: S314 - it is this project's own file
    groups = svg.iterfind(".//{*}g[{*}title]")
    drawn = {kind: set[str]() for kind in ("graph", "cluster", "node", "edge")}
    for group in groups:
        drawn[group.attrib["class"]].add(group.findtext("{*}title") or "")
    assert drawn["node"] == set(shown.values()), "make up; make graph OUT=docs/graph.svg"
    assert drawn["edge"] == edges, "make up; make graph OUT=docs/graph.svg"


def test_the_suite_is_green_in_a_prepared_shell_beside_a_second_region_and_leaves_what_is_there(
    delivered: tuple[Project, str], sandbox_home: Path, second_region: str
) -> None:
    """What the suite starts here is a quick part of itself, as a user does who works on the sandbox meanwhile."""
    project, _ = delivered
    stacks = {path: path.read_bytes() for path in (sandbox_home / "pulumi").rglob("*") if path.is_file()}
    parts = {each.name: each.since for each in machine.status()}
    assert f"front-{second_region}" in parts
    ran = subprocess.run(
        ["sh", "-c", 'eval "$(make env)"; exec "$@"', "sh", sys.executable, "-m", "pytest", "-q", *QUICK_PART],
        cwd=paths.CHECKOUT,
        env={**os.environ, "STACK": "dev", "PYTEST_ADDOPTS": "-p no:cacheprovider"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout
    assert {each.name: each.since for each in machine.status()} == parts
    assert {path: path.read_bytes() for path in stacks} == stacks
    assert project.planned() == {}


def test_a_second_up_changes_nothing(delivered: tuple[Project, str]) -> None:
    project, _ = delivered
    project.up()
    assert project.changes() == {}
    assert project.planned() == {}


def test_refresh_sees_no_drift(delivered: tuple[Project, str]) -> None:
    project, _ = delivered
    ran = project.pulumi("refresh", "--yes", "--skip-preview", "--expect-no-changes")
    assert ran.status == 0, ran.text


def test_a_new_page_changes_exactly_image_and_pod(delivered: tuple[Project, str]) -> None:
    project, _ = delivered
    (project.folder / "app" / "index.html").write_text("another page\n")
    assert project.planned() == {"docker:index/image:Image": "update", "kubernetes:core/v1:Pod": "delete-replaced"} or (
        set(project.planned()) == {"docker:index/image:Image", "kubernetes:core/v1:Pod"}
    )
    project.up()
    assert project.changes() == {"update": 1, "replace": 1}
    assert verify(project.stack)[1].seen == "another page"


@pytest.fixture
def known_vulnerability(sandbox_home: Path) -> Iterator[str]:
    """Let the Vulnerability Advisor know one that every image of Debian has; returns its name."""
    advisories = sandbox_home / "advisories.json"
    before = advisories.read_text() if advisories.exists() else "[]"
    one = {"cve": "CVE-2099-0001", "package": "libc6", "fixed": "99.9"}
    advisories.write_text(json.dumps([one]))
    yield one["cve"]
    advisories.write_text(before)


def test_a_finding_that_blocks_never_reaches_the_pod_until_it_is_exempt(
    delivered: tuple[Project, str], known_vulnerability: str
) -> None:
    project, _ = delivered
    pod = ("get", "pod", f"nginx-{project.suffix}", "-o", "jsonpath={.metadata.uid}")
    before = project.kubectl(*pod)
    gate = ("config", "set", "--path")
    assert project.pulumi(*gate, "vulnerabilityGate.action", "block").status == 0
    (project.folder / "app" / "index.html").write_text("a page with a finding\n")
    stopped = project.pulumi("up", "--yes", "--skip-preview")
    assert stopped.status != 0
    assert "Traceback" not in stopped.text
    assert re.search(rf"{known_vulnerability} in libc6 \S+, fixed in 99\.9", stopped.text), stopped.text
    assert project.kubectl(*pod) == before
    for key, value in {"reason": "it is a test", "until": "2098-12-31"}.items():
        exemption = f"vulnerabilityGate.exemptions.{known_vulnerability}.{key}"
        assert project.pulumi(*gate, exemption, value).status == 0
    project.up()
    assert verify(project.stack)[1].seen == "a page with a finding"
    assert project.pulumi("config", "rm", "vulnerabilityGate").status == 0
    project.up()


def test_a_rotation_changes_the_secret_in_place_and_leaves_pod_and_pulls_alone(
    delivered: tuple[Project, str], sandbox_home: Path
) -> None:
    project, _ = delivered
    pod = ("get", "pod", f"nginx-{project.suffix}", "-o", "jsonpath={.metadata.uid}")
    secret = ("get", "secret", f"ibmcr-{project.suffix}", "-o", "jsonpath={.metadata.uid}")
    before = (project.kubectl(*pod).text, project.kubectl(*secret).text)
    first = key_in_the_cluster(project)
    image = str(project.stack.outputs()["imageReference"])
    with closing(Node(Layout(sandbox_home).socket("containerd"))) as node:
        with Pulling(project, node, image) as pulling:
            rotated(project, 2)
            assert project.changes() == {"create": 1, "update": 2}, "one new key; Access and Secret updated"
            second = key_in_the_cluster(project)
            project.configure(keyEpoch="3")
            assert sorted(project.steps()) == [
                ("ibm-native:iam:ApiKey", "create"),
                ("ibm-native:iam:ApiKey", "delete"),
                ("ibm-native:registry:Access", "update"),
                ("kubernetes:core/v1:Secret", "update"),
            ]
            revoked = {first: rotated(project, 3)}
            assert project.changes() == {"create": 1, "delete": 1, "update": 2}
            pulling.until(len(pulling.pulls) + 3)
        dead = node.pull(image, first)
    assert dead.problem is not None
    assert "failed to authorize" in dead.problem
    assert violations([*pulling.pulls, dead], revoked, delay=0) == []
    assert len({first, second, key_in_the_cluster(project)}) == 3
    assert (project.kubectl(*pod).text, project.kubectl(*secret).text) == before


def test_nothing_needs_a_push_key_that_was_rotated_and_is_dead(
    delivered: tuple[Project, str], sandbox_home: Path
) -> None:
    """What was pushed with the old key is refreshed, updated, and by the next test destroyed."""
    project, _ = delivered
    account = Account((sandbox_home / "deployer.key").read_text().strip())
    keys = [account.key_of_its_own() for _ in range(2)]
    CANARIES.update(value for value, _ in keys)
    for number, (value, key_id) in enumerate(keys):
        project.stack.ask("config", "set", "--secret", "pushApiKey", "--stack", "e2e", given=value)
        if number:
            account.delete_key(keys[0][1])
            ran = project.pulumi("up", "--refresh", "--yes", "--skip-preview")
            assert ran.status == 0, ran.text
            assert project.changes() == {}, f"{key_id} is no new image"
        (project.folder / "app" / "index.html").write_text(f"pushed with key {number}\n")
        project.up()
    account.delete_key(keys[1][1])


def test_destroy_leaves_nothing(delivered: tuple[Project, str]) -> None:
    project, _ = delivered
    ran = project.pulumi("destroy", "--yes", "--skip-preview")
    assert ran.status == 0, ran.text
    assert project.resources() == []
    assert project.suffix not in project.kubectl("get", "pods,secrets,serviceaccounts", "-o", "name").text
