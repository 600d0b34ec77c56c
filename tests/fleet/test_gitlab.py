"""The jobs of .gitlab-ci.yml: a rotation is proposed by a push, here to a real git over HTTP; previews get a note."""

from __future__ import annotations

import os
import re
import subprocess
import threading
from base64 import b64encode
from collections.abc import Iterator
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from base import paths
from base.paths import CHECKOUT
from commands import git_server
from fleet.comment import commit_of
from tests.fleet.fake_hosts import TOKEN, fake_host
from tests.fleet.test_comment import rows
from tests.fleet.workflows import Ran, Repository
from tests.unit.samples import script

pytestmark = [pytest.mark.fleet, pytest.mark.timeout(900)]

PIPELINE: dict[str, Any] = yaml.safe_load((CHECKOUT / ".gitlab-ci.yml").read_text())


class Guarded(git_server.Handler):
    """Wants the token as a password, as GitLab does."""

    def _guard(self) -> None:
        given = self.headers.get("Authorization", "").removeprefix("Basic ")
        if given == b64encode(f"fleet:{TOKEN}".encode()).decode():
            super().do_GET()
            return
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Basic realm="GitLab"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_POST = _guard  # noqa: N815  # the server's


@pytest.fixture
def host(tmp_path: Path) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Guarded, tmp_path / "served")) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_due_rotation_is_pushed_with_what_makes_a_merge_request_and_the_token_is_in_no_argument(
    host: str, tmp_path: Path
) -> None:
    origin, clone = tmp_path / "served/team/delivery.git", tmp_path / "clone"
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "GIT_TERMINAL_PROMPT": "0", "GIT_TRACE": "1"}
    environ |= {"GITLAB_CI": "true", "GITLAB_TOKEN": TOKEN, "CI_DEFAULT_BRANCH": "main"}
    environ |= {"CI_PROJECT_URL": f"{host}/team/delivery"}

    def run(*words: str, folder: Path = clone) -> tuple[str, str]:
        done = subprocess.run(words, cwd=folder, env=environ, check=True, capture_output=True, text=True)
        return done.stdout, done.stderr

    run("git", "init", "--quiet", "--bare", "--initial-branch=main", str(origin), folder=tmp_path)
    for key in ("http.receivepack", "receive.advertisePushOptions"):
        run("git", "config", key, "true", folder=origin)
    run("git", "clone", "--quiet", str(origin), str(clone), folder=tmp_path)
    file = clone / "Pulumi.prod.yaml"
    file.write_text("config:\n  keyEpoch: 1\n")
    run("git", "add", "--all")
    run("git", "-c", "user.name=t", "-c", "user.email=t@localhost", "commit", "--quiet", "--message", "one")
    run("git", "push", "--quiet", "origin", "HEAD:main")
    script(
        origin / "hooks/post-receive",
        f"echo $GIT_PUSH_OPTION_0 $GIT_PUSH_OPTION_1 $GIT_PUSH_OPTION_2 >>{tmp_path}/options",
    )
    (clone / "rotate.patch").write_text("")
    assert run("bash", str(CHECKOUT / ".github/propose.sh"))[0] == "no key is due\n"

    for epoch in (2, 3):
        file.write_text(f"config:\n  keyEpoch: {epoch}\n")
        (clone / "rotate.patch").write_text(run("git", "diff")[0])
        run("git", "checkout", "--", file.name)
        _, traced = run("bash", str(CHECKOUT / ".github/propose.sh"))
        assert "push-option=merge_request.create" in traced
        assert TOKEN not in traced
        run("git", "checkout", "--quiet", "main")
        run("git", "branch", "--quiet", "-D", "rotate-keys")
        assert run("git", "show", f"rotate-keys:{file.name}", folder=origin)[0] == f"config:\n  keyEpoch: {epoch}\n"
    options = "merge_request.create merge_request.target=main merge_request.title=Rotate the keys of prod"
    assert (tmp_path / "options").read_text().splitlines() == [options] * 2


def test_what_writes_to_the_project_runs_outside_the_environments_that_hold_keys_of_the_cloud() -> None:
    jobs = {name: job for name, job in PIPELINE.items() if "script" in job}
    writes = {name for name, job in jobs.items() if re.search("fleet (comment|issues)|propose", str(job["script"]))}
    assert writes == {"note", "issues", "propose"}
    assert not [name for name in writes if "environment" in jobs[name]]


def run(folder: Path, name: str, **variables: str) -> Ran:
    """Run a job's lines in one bash that stops at the first that fails; what jobs leave in the folder stays there."""
    lines = [*PIPELINE["default"]["before_script"], PIPELINE[name]["script"]]
    machine = {"HOME": str(folder), "PATH": os.environ["PATH"], "ICR_SANDBOX_CACHE": str(paths.cache())}
    done = subprocess.run(
        ["bash", "-eo", "pipefail", "-c", "\n".join(lines)],
        cwd=folder,
        env={**machine, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return Ran(done.returncode, done.stdout)


def test_a_merge_requests_preview_is_shown_also_by_a_pipeline_of_merged_results(tmp_path: Path) -> None:
    repository = Repository.make(tmp_path / "repository")
    (repository.folder / "Pulumi.good.yaml").write_text("config: {region: us-south}")
    (repository.folder / "Pulumi.bad.yaml").write_text("config: {regin: us-south}")
    made = run(repository.folder, "preview (open)")
    assert made.status == 1, "a stack file is bad, and the job says so"

    with fake_host() as host:
        known = {"CI_API_V4_URL": host.url, "CI_PROJECT_ID": "1", "CI_MERGE_REQUEST_IID": "7", "GITLAB_TOKEN": TOKEN}
        branch = run(repository.folder, "note", CI_COMMIT_SHA=host.head, **known)
        assert branch.status == 0, made.said + branch.said
        (note,) = host.of("me")
        assert rows(note).keys() == {"good", "bad"}

        host.head = "b" * 40
        merged = {"CI_COMMIT_SHA": "c" * 40, "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA": host.head}
        result = run(repository.folder, "note", **merged, **known)
        assert commit_of(host.of("me")[0]) == host.head, result.said
    assert not any(TOKEN in each.said for each in (made, branch, result))


def test_a_stack_that_cannot_be_looked_at_keeps_no_others_key_from_its_rotation(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    (tmp_path / "Pulumi.one.yaml").write_text("config: {}\n")
    subprocess.run(["git", "-C", str(tmp_path), "add", "Pulumi.one.yaml"], check=True)
    script(tmp_path / "fleet", "echo 'config: {keyEpoch: 2}' >Pulumi.one.yaml; exit 1")
    environ = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    words = ["bash", "-eo", "pipefail", "-c", "\n".join(PIPELINE["due"]["script"])]
    assert subprocess.run(words, cwd=tmp_path, env=environ, check=False).returncode == 1
    assert "+config: {keyEpoch: 2}" in (tmp_path / "rotate.patch").read_text()
    assert (PIPELINE["due"]["artifacts"]["when"], PIPELINE["propose"]["rules"][0]["when"]) == ("always", "always")
