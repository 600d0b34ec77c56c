"""The workflows themselves, run by act: previews and their comment, drift and its issues, a rotation's pull request."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from base import paths
from fleet.comment import commit_of
from ibm_native.version import VERSION
from sandbox.cloud.testing import StandIn
from sandbox.toolchain import environment
from tests.cloud.clients import clients
from tests.fleet.fake_hosts import TOKEN, FakeHost, fake_host
from tests.fleet.project import PROGRAM, FleetProject
from tests.fleet.test_comment import rows
from tests.fleet.test_orphans import make_watcher
from tests.fleet.workflows import NAME, Ran, Repository
from tests.unit.samples import script

pytestmark = [pytest.mark.fleet, pytest.mark.timeout(900)]
DAY = 86_400
SERVICE_ID = "pulls"
TAGS = {"environment": "production"}


@pytest.fixture
def host() -> Iterator[FakeHost]:
    with fake_host() as served:
        yield served


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository.make(tmp_path / "repository")


def test_a_pull_requests_preview_is_made_and_shown_as_its_workflows_say(repository: Repository, host: FakeHost) -> None:
    (repository.folder / "Pulumi.good.yaml").write_text("config: {region: us-south}")
    (repository.folder / "Pulumi.bad.yaml").write_text("config: {regin: us-south}")
    head = repository.commit("one good stack file, and one with a typing mistake")
    made = repository.run("preview-open.yml", "pull_request", {"pull_request": {"number": 7, "head": {"sha": head}}})
    artifact = repository.artifact("preview") / "preview.json"
    assert artifact.is_file(), made.said
    result = json.loads(artifact.read_text() or made.said)
    stacks = {each["stack"]: each for each in result["stacks"]}
    assert made.status == 1, "a stack file is bad, and the job says so"
    assert "the nearest is region" in "\n".join(stacks["bad"]["errors"])
    assert stacks["good"]["status"] == "done", made.said
    assert stacks["good"]["changes"]["create"] > 10

    run = {"id": 1, "event": "pull_request", "head_sha": head}
    host.head = head
    event = {"action": "completed", "workflow_run": run}
    shown = repository.run("preview-comment.yml", "workflow_run", event, environ=host.known)
    assert shown.status == 0, shown.said
    (comment,) = host.of("me")
    assert rows(comment).keys() == {"good", "bad"}
    assert commit_of(comment) == head
    assert "Open preview" in comment

    host.head = run["head_sha"] = "b" * 40
    event = {"action": "requested", "workflow_run": run}
    marked = repository.run("preview-comment.yml", "workflow_run", event, environ=host.known)
    assert marked.status == 0, marked.said
    assert "**Stale:**" in host.of("me")[0]
    assert not any(TOKEN in each.said for each in (made, shown, marked))


@dataclass(frozen=True)
class Watched:
    """A repository whose stack `well` has been delivered 40 days ago, and `elsewhere` in another account."""

    project: FleetProject
    repository: Repository
    reader: str

    def run(self, workflow: str, event: str = "schedule", payload: Any = None, **environ: str) -> Ran:
        """Run a workflow with the secrets of the environment `preview`."""
        secrets = {
            "IBMCLOUD_READER_API_KEY": self.reader,
            "PULUMI_CONFIG_PASSPHRASE": (paths.CHECKOUT / "sandbox/dev.passphrase").read_text().strip(),
        }
        settings = {"PULUMI_BACKEND_URL": self.project.environ["PULUMI_BACKEND_URL"]}
        self.project.cloud.clear_requests()
        ran = self.repository.run(workflow, event, payload, secrets=secrets, settings=settings, environ=environ)
        assert not any(each in ran.said for each in (self.reader, self.project.cloud.api_key, TOKEN))
        changed = {each.path for each in self.project.cloud.requests if each.method != "GET"}
        assert changed <= {"/identity/token", "/api/v1/images/digests"}, "nothing is changed"
        return ran


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    folder = tmp_path_factory.mktemp("act")
    with StandIn(("jp-tok",), accounts=2) as cloud:
        repository = Repository.make(folder / "repository")
        (repository.folder / "__main__.py").write_text(PROGRAM)
        (folder / "state").mkdir()
        environ = environment.process_environment() | {
            "PULUMI_BACKEND_URL": f"file://{folder}/state",
            "IBMCLOUD_API_KEY": cloud.api_key,
        }
        project = FleetProject(repository.folder, cloud, environ)
        project.add("well", "jp-tok", tags=TAGS, rotateAfterDays=30, serviceIdName=SERVICE_ID)
        project.add("elsewhere", "jp-tok", tags=TAGS)
        cloud.clock.advance(-40 * DAY)
        ups = [
            project.start("up", name, variables={"IBMCLOUD_API_KEY": account.api_key})
            for name, account in zip(("well", "elsewhere"), cloud.accounts, strict=True)
        ]
        assert [(up.communicate(), up.returncode)[1] for up in ups] == [0, 0]
        cloud.clock.reset()
        repository.commit("delivered")
        yield Watched(project, repository, make_watcher(cloud).key)


def test_a_live_preview_is_made_with_a_readers_key_and_shown_by_the_base_branchs_code(
    watched: Watched, host: FakeHost
) -> None:
    repository = watched.repository
    base = repository.git("rev-parse", "HEAD")
    with repository.branch("change"):
        watched.project.change("well", keyEpoch=2)
        with (repository.folder / "fleet/hosts/review.py").open("a") as code:
            code.write("\n\ndef publish(*_: object) -> str:\n    raise SystemExit('code of the pull request')\n")
        host.head = repository.commit("a key more, and another way to comment")
        pull = {"number": 7, "head": {"sha": host.head, "repo": {"full_name": NAME}}, "base": {"sha": base}}
        ran = watched.run("preview-live.yml", "pull_request", {"pull_request": pull}, **host.known)
    (comment,) = host.of("me")
    assert rows(comment) == {"well": ["1", "", "", "", ""], "elsewhere": ["", "", "", "", "1"]}, ran.said
    assert "was made in account" in comment
    assert ran.status == 1, "a stack couldn't be looked at, and the job says so"


def test_a_strangers_pull_request_gets_no_live_preview_and_no_job_fails(watched: Watched) -> None:
    base = watched.repository.git("rev-parse", "HEAD")
    pull = {"number": 7, "head": {"sha": base, "repo": {"full_name": "stranger/name"}}, "base": {"sha": base}}
    ran = watched.run("preview-live.yml", "pull_request", {"pull_request": pull})
    assert ran.status == 0, ran.said
    assert not watched.project.cloud.requests


def test_drift_opens_an_issue_keeps_it_up_to_date_and_closes_it(watched: Watched, host: FakeHost) -> None:
    project, cloud = watched.project, watched.project.cloud
    owner = clients(cloud).identity
    (service_id,) = owner.list_service_ids(account_id=cloud.account_id, name=SERVICE_ID).get_result()["serviceids"]
    by_hand = owner.create_api_key("by hand", service_id["iam_id"]).get_result()["id"]
    opened = watched.run("drift.yml", **host.known)
    assert opened.status == 1, "a stack couldn't be looked at, and the job says so"
    (issue,) = host.issues.values()
    assert issue["title"] == "Drift: well", opened.said
    assert f"fleet remove {by_hand}" in issue["body"]

    changed = {"id": service_id["id"], "if_match": "*", "name": SERVICE_ID}
    owner.update_service_id(**changed, description="by hand")
    updated = watched.run("drift.yml", **host.known)
    assert "=> by hand" in issue["body"], updated.said

    owner.update_service_id(**changed, description=service_id["description"])
    owner.delete_api_key(by_hand)
    with watched.repository.branch("mended"):
        (project.folder / "Pulumi.elsewhere.yaml").unlink()
        watched.repository.commit("only what is in this account")
        closed = watched.run("drift.yml", **host.known)
    assert closed.status == 0, closed.said
    assert [(each["title"], each["state"]) for each in host.issues.values()] == [("Drift: well", "closed")]


def test_a_key_that_is_too_old_makes_a_pull_request_whatever_became_of_other_stacks(
    watched: Watched, tmp_path: Path
) -> None:
    script(tmp_path / "gh", f'echo "$*" >>{tmp_path}/asked')
    ran = watched.run("rotate.yml", PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert ran.status == 1, "a stack couldn't be looked at, and the job says so"
    asked = (tmp_path / "asked").read_text()
    assert "pr create --head rotate-keys --title Rotate the keys of well --body" in asked, ran.said
    changed = watched.repository.git("diff", "--unified=0", "main", "rotate-keys").splitlines()
    assert [line for line in changed if re.match("[-+] ", line)] == ['+  icr-private-image:keyEpoch: "2"']


def test_a_release_hands_both_packages_to_who_publishes_them_if_they_are_of_the_tags_version(
    repository: Repository,
) -> None:
    repository.commit("a release")
    offline = {"UV_NO_BUILD_ISOLATION": "1"}
    ran = repository.run("release.yml", "push", {"ref": f"refs/tags/v{VERSION}"}, environ=offline)
    assert ran.status == 0, ran.said
    packages = ("ibm_cloud_stand_in", "pulumi_ibm_native")
    expected = [f"{name}-{VERSION}{end}" for name in packages for end in ("-py3-none-any.whl", ".tar.gz")]
    assert re.findall(r"\[release/publish\]   \| (\S+)$", ran.said, re.MULTILINE) == expected

    other = repository.run("release.yml", "push", {"ref": "refs/tags/v99.0.0"}, environ=offline)
    assert other.status == 1
    assert "isn't of the version that tag v99.0.0 names, and nothing is published" in other.said
    assert "[release/publish]" not in other.said
