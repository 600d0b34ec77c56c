"""A registry namespace that exists: each way out that the refusal names works as printed, and none deletes images."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.project import Project
from tests.e2e.sandbox_account import REGISTRY, Account

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

TYPE = "ibm-native:registry:Namespace"


@pytest.fixture
def account(sandbox_home: Path) -> Iterator[Account]:
    made = Account((sandbox_home / "deployer.key").read_text().strip())
    yield made
    made.clean()


def held(project: Project) -> list[tuple[str, bool]]:
    """Return the id of each namespace in the state, and whether it is only read."""
    return [(each["id"], each.get("external", False)) for each in project.resources() if each["type"] == TYPE]


def destroy(project: Project) -> None:
    ran = project.pulumi("destroy", "--yes", "--skip-preview")
    assert ran.status == 0, ran.text
    assert project.resources() == []


def test_a_namespace_that_exists_is_imported_used_and_adopted_and_never_deleted(
    project: Project, account: Account
) -> None:
    name = account.namespace()
    project.configure(registryNamespace=name)
    refused = project.pulumi("up", "--yes", "--skip-preview")
    assert refused.status != 0
    assert "`pulumi config set registryNamespaceMode adopt`" in refused.text
    printed = re.search(r"`(pulumi import .*)`\.", refused.text)
    assert printed, refused.text
    done = subprocess.run(
        ["bash", "-c", f"{printed[1]} --yes"],
        cwd=project.folder,
        env=dict(project.stack.environ),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert held(project) == [(f"jp-tok/{name}", False)]
    project.up()
    destroy(project)
    assert name in account.namespaces()

    project.configure(registryNamespaceMode="use")
    project.up()
    assert held(project) == [(f"jp-tok/{name}", True)]
    project.configure(registryNamespaceMode="adopt")
    project.up()
    assert held(project) == [(f"jp-tok/{name}", False)]
    assert project.planned() == {}
    destroy(project)
    assert name in account.namespaces()


def test_a_namespace_that_the_stack_made_is_let_go_with_its_images_by_use(project: Project, account: Account) -> None:
    name = f"e2e-{project.suffix}-own"
    project.configure(registryNamespace=name, registryNamespaceMode="create")
    project.up()
    project.configure(registryNamespaceMode="use")
    project.up()
    assert held(project) == [(f"jp-tok/{name}", True)]
    assert project.planned() == {TYPE: "read"}
    destroy(project)
    assert name in account.namespaces()
    project.configure(registryNamespaceMode="create")
    httpx.delete(f"http://{REGISTRY}/api/v1/namespaces/{name}", headers=account.headers, trust_env=False)


def test_a_pull_secret_that_was_edited_is_taken_back(project: Project) -> None:
    project.configure(registryNamespace=f"e2e-{project.suffix}", registryNamespaceMode="create")
    project.up()
    secret = ("secret", f"ibmcr-{project.suffix}")
    key = ("get", *secret, "-o", "jsonpath={.data}")
    made = project.kubectl(*key).text
    project.kubectl("patch", *secret, "-p", '{"data": {".dockerconfigjson": "e30="}}')
    assert project.kubectl(*key).text != made
    ran = project.pulumi("up", "--refresh", "--yes", "--skip-preview")
    assert ran.status == 0, ran.text
    assert project.kubectl(*key).text == made
    project.configure(keyEpoch="2")
    project.kubectl("patch", *secret, "-p", '{"data": {".dockerconfigjson": "e30="}}')
    ran = project.pulumi("up", "--refresh", "--yes", "--skip-preview")
    assert ran.status == 0, ran.text
    assert project.kubectl(*key).text not in {made, '{".dockerconfigjson":"e30="}'}
