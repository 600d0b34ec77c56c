"""Several workloads of one stack on real parts: a Pod, a Deployment, and one that runs another's image."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from fleet.verify import verify
from tests.e2e.canaries import CANARIES
from tests.e2e.project import Project
from tests.e2e.sandbox_account import Account

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

BASE = "sandbox/nginx:bookworm"


def settings(**more: dict[str, Any]) -> dict[str, Any]:
    web = {
        "build": {"context": "app", "args": {"BASE": BASE}},
        "command": ["sh", "-c", "tail -f /dev/null"],
        "terminationGracePeriodSeconds": 0,
        "probes": {"readiness": {"page": {"text": "test server"}}},
        "securityContext": {"runAsUser": 1000},
        "pullVia": "pod",
    }
    api = {
        "build": {"context": "api", "args": {"BASE": BASE}},
        "kind": "Deployment",
        "replicas": 2,
        "ports": [80],
        "env": {"GREETING": "hello"},
        "resources": {"limits": {"memory": "64Mi"}},
        "probes": {"readiness": {"http": {"port": 80}}},
    }
    return {"web": web, "api": api, **more}


def configure(project: Project, workloads: dict[str, Any]) -> None:
    file = project.folder / f"Pulumi.{project.stack.name}.yaml"
    content = yaml.safe_load(file.read_text())
    content["config"]["icr-private-image:workloads"] = workloads
    file.write_text(yaml.safe_dump(content))


@pytest.fixture(scope="module")
def running(project: Project, sandbox_home: Path) -> Project:
    """Return the project after its first up; the kubeconfig is a secret of the stack."""
    shutil.copytree(project.folder / "app", project.folder / "api")
    project.configure(kubernetesNamespace=f"e2e-{project.suffix}", kubernetesNamespaceMode="create")
    kubeconfig = (sandbox_home / "kubeconfig").read_text()
    project.stack.ask("config", "set", "--secret", "kubeconfig", "--stack", project.stack.name, given=kubeconfig)
    configure(project, settings())
    project.up()
    return project


def test_every_workload_runs_its_own_image_and_all_are_verified(running: Project) -> None:
    checks = verify(running.stack)
    assert [check.passed for check in checks] == [True, True, True], checks
    assert checks[0].seen == "2 of 2 available, 2 up to date"
    namespace = f"e2e-{running.suffix}"
    greeting = running.kubectl("exec", "-n", namespace, "deployment/api", "--", "printenv", "GREETING").text
    user = running.kubectl("exec", "-n", namespace, "web", "--", "id", "-u").text
    assert (greeting, user) == ("hello", "1000")


def test_nothing_drifts_and_nothing_is_left_to_change(running: Project) -> None:
    ran = running.pulumi("refresh", "--yes", "--skip-preview", "--expect-no-changes")
    assert ran.status == 0, ran.text
    assert running.planned() == {}


def test_a_new_page_changes_one_image_and_what_runs_it_and_a_new_workload_only_its_own(running: Project) -> None:
    (running.folder / "api" / "index.html").write_text("another page\n")
    assert running.planned() == {"docker:index/image:Image": "update", "kubernetes:apps/v1:Deployment": "update"}
    running.up()
    assert running.changes() == {"update": 2}
    another = {"image": "web:v1", "command": ["sleep", "1000"], "terminationGracePeriodSeconds": 0}
    configure(running, settings(another=another))
    assert running.planned() == {
        "icr-private-image:delivery:Workload": "create",
        "ibm-native:registry:Access": "create",
        "kubernetes:core/v1:Pod": "create",
    }
    running.up()
    workloads = running.stack.outputs()["workloads"]
    assert isinstance(workloads, dict)
    assert workloads["another"]["image"] == workloads["web"]["image"], "the tag was resolved to the digest"


def test_each_workloads_own_key_and_a_key_made_elsewhere_pull_as_the_stacks_does(
    running: Project, sandbox_home: Path
) -> None:
    identity = ("config", "set", "--path", "pullIdentity.kind")
    assert running.pulumi(*identity, "workload").status == 0
    running.up()
    assert all(check.passed for check in verify(running.stack))
    kinds = [each["type"] for each in running.resources()]
    count = len(cast("dict[str, object]", running.stack.outputs()["workloads"]))
    assert kinds.count("ibm-native:iam:ServiceId") == kinds.count("kubernetes:core/v1:Secret") == count
    account = Account((sandbox_home / "deployer.key").read_text().strip())
    given = account.reader(f"e2e-{running.suffix}")
    CANARIES.add(given.key)
    try:
        secret = ("config", "set", "--path", "--secret", "pullIdentity.apiKey", "--stack", running.stack.name)
        running.stack.ask(*secret, given=given.key)
        assert running.pulumi(*identity, "given").status == 0
        running.up()
        assert all(check.passed for check in verify(running.stack))
        assert not any(each["type"].startswith("ibm-native:iam:") for each in running.resources())
        assert given.key not in running.state()
        ran = running.pulumi("destroy", "--yes", "--skip-preview")
        assert ran.status == 0, ran.text
    finally:
        account.clean()
