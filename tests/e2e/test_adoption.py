"""What somebody made by the manual procedure goes on as a stack: nothing of it is made anew, or lost."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from base.errors import SandboxError
from fleet.adoption import adopt
from sandbox import addresses
from tests.e2e.canaries import CANARIES
from tests.e2e.project import STACK, Project
from tests.e2e.sandbox_account import REGISTRY, Account, Docker

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

BY_HAND = {"ServiceId", "AccessPolicy", "ApiKey", "Namespace", "Secret", "ServiceAccount", "Pod"}


@pytest.fixture(scope="module")
def account(sandbox_home: Path) -> Iterator[Account]:
    made = Account((sandbox_home / "deployer.key").read_text().strip())
    yield made
    made.clean()


@pytest.fixture(scope="module")
def by_hand(project: Project, account: Account, sandbox_home: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Do what the manual procedure says, with its tools; returns the namespace, which is the service ID's name too."""
    space = account.namespace()
    reader = account.reader(space)
    CANARIES.add(reader.key)
    docker = Docker(sandbox_home, tmp_path_factory.mktemp("logins"))
    docker.login(account.key)
    image = f"{REGISTRY}/{space}/nginx-custom:v1"
    built = ["build", "--tag", image, "--build-arg", f"BASE={addresses.BASE_IMAGE}", str(project.folder / "app")]
    for words in (built, ["push", image]):
        status, said = docker(*words)
        assert status == 0, said
    names = {"pullSecretName": f"{space}-secret", "serviceAccountName": f"{space}-pull", "podName": f"{space}-pod"}
    login = {"username": "iamapikey", "password": reader.key}
    objects = [
        _manifest("Secret", names["pullSecretName"], type="kubernetes.io/dockerconfigjson")
        | {"stringData": {".dockerconfigjson": json.dumps({"auths": {REGISTRY: login}})}},
        _manifest("ServiceAccount", names["serviceAccountName"], imagePullSecrets=[{"name": names["pullSecretName"]}]),
        _manifest("Pod", names["podName"])
        | {
            "spec": {
                "serviceAccountName": names["serviceAccountName"],
                "containers": [{"name": "app", "image": image, "command": ["sh", "-c", "tail -f /dev/null"]}],
            }
        },
    ]
    for each in objects:
        given = json.dumps(each)
        subprocess.run(
            ["kubectl", "create", "-f", "-"], env=dict(project.stack.environ), input=given, text=True, check=True
        )
    ready = project.kubectl("wait", "--for=condition=Ready", "--timeout=120s", f"pod/{names['podName']}")
    assert ready.status == 0, ready.text
    project.configure(registryNamespace=space, serviceIdName=space, apiKeyName="pull", **names)
    return space


def _manifest(kind: str, name: str, **more: object) -> dict[str, object]:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, **more}


def uids(project: Project, space: str) -> list[str]:
    """Return the cluster's ids of what was made by hand and is to stay the same object."""
    objects = [f"secret/{space}-secret", f"serviceaccount/{space}-pull"]
    return [project.kubectl("get", each, "-o", "jsonpath={.metadata.uid}").text for each in objects]


def test_it_is_imported_as_printed_and_updated_and_nothing_is_left_to_change(
    project: Project, by_hand: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = uids(project, by_hand)
    assert adopt(project.stack) == 0
    said = capsys.readouterr().err
    assert set(re.findall(r"found (\w+) ", said)) == BY_HAND
    for printed in re.findall(r"^    pulumi (import|up) (.*)$", said, re.MULTILINE):
        ran = project.pulumi(*" ".join(printed).replace(f"--stack {STACK}", "").split(), "--yes")
        assert ran.status == 0, ran.text
        if printed[0] == "import":
            assert f"= {len(BY_HAND)} imported" in ran.text
    assert project.planned() == {}
    assert uids(project, by_hand) == before
    ids = {each["id"] for each in project.resources() if each["type"] == "ibm-native:iam:ServiceId"}
    assert len(ids) == 1
    assert ids.pop() in said


def test_it_is_told_what_an_import_file_is_for(project: Project, by_hand: str) -> None:
    del by_hand
    with pytest.raises(SandboxError, match="has resources already"):
        adopt(project.stack)


def test_a_destroy_is_refused_until_it_is_asked_for_in_words(project: Project, by_hand: str, account: Account) -> None:
    before = uids(project, by_hand)
    refused = project.pulumi("destroy", "--yes")
    assert refused.status != 0
    assert "protect" in refused.text
    assert uids(project, by_hand) == before
    project.configure(protect="false")
    project.up()
    ran = project.pulumi("destroy", "--yes")
    assert ran.status == 0, ran.text
    assert by_hand in account.namespaces(), "its images were there before the stack"
