"""Bad input on the real engine: one clear message, no traceback, nothing half-made."""

from __future__ import annotations

import re

import pytest

from tests.e2e.project import Project, Ran

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


def refused(project: Project, *words: str, **variables: str) -> Ran:
    ran = project.pulumi("up", "--yes", "--skip-preview", variables=variables)
    assert ran.status != 0, ran.text
    assert "Traceback" not in ran.text
    for word in words:
        assert word in ran.text
    return ran


def nothing_made(project: Project) -> bool:
    kinds = {resource["type"] for resource in project.resources()}
    return not {kind for kind in kinds if kind.startswith(("ibm-native:", "docker:", "kubernetes:"))}


@pytest.mark.parametrize(
    ("key", "bad", "expected"),
    [("region", "tokyo", "jp-tok"), ("registryNamespace", "no", "4 to 30"), ("imageContext", "nowhere", "Dockerfile")],
)
def test_a_bad_setting_is_refused_before_anything_is_made(project: Project, key: str, bad: str, expected: str) -> None:
    stack_file = project.folder / "Pulumi.e2e.yaml"
    good = stack_file.read_text()
    project.configure(**{key: bad})
    try:
        refused(project, f"{key}: got '{bad}'", expected, f"pulumi config set {key}")
    finally:
        stack_file.write_text(good)
    assert nothing_made(project)


def test_a_key_that_is_there_twice_is_refused_before_anything_is_made(project: Project) -> None:
    stack_file = project.folder / "Pulumi.e2e.yaml"
    good = stack_file.read_text()
    twice = r"config:\n\1region: us-south\n\1icr-private-image:region: jp-tok\n\1"
    stack_file.write_text(re.sub(r"config:\n( +)", twice, good))
    try:
        refused(project, "(region) and line ", "(icr-private-image:region)', expected one line")
    finally:
        stack_file.write_text(good)
    assert nothing_made(project)


def test_a_wrong_api_key_is_named_as_such(project: Project) -> None:
    ran = refused(project, "BXNIM0415E", IBMCLOUD_API_KEY="not-a-key-of-this-account-000000000000000000")
    assert "not-a-key-of-this-account" not in ran.text
    assert nothing_made(project)


def test_a_missing_api_key_is_refused_before_anything_is_made(project: Project) -> None:
    refused(project, "IBMCLOUD_API_KEY", IBMCLOUD_API_KEY="")
    assert nothing_made(project)


def test_a_cloud_that_does_not_answer_is_named_with_its_address(project: Project) -> None:
    stack_file = project.folder / "Pulumi.e2e.yaml"
    good = stack_file.read_text()
    stack_file.write_text(good.replace("127.0.0.1:7080", "127.0.0.1:9").replace("127.0.0.1:7001", "127.0.0.1:9"))
    try:
        refused(project, "127.0.0.1:9")
    finally:
        stack_file.write_text(good)
    assert nothing_made(project)


def test_no_pod_is_made_of_an_image_that_no_node_or_no_program_would_run(project: Project) -> None:
    (project.folder / "app/Dockerfile").write_text("FROM scratch\nCOPY index.html /\n")
    assert project.pulumi("config", "rm", "imageBase").status == 0
    project.configure(platform="linux/arm64")
    refused(project, "is for linux/arm64, and the cluster's nodes are linux/amd64", "pulumi config set platform")
    project.configure(platform="linux/amd64")
    refused(project, f"workload nginx-{project.suffix} runs sh, and its image has no such program")
    assert "kubernetes:core/v1:Pod" not in {each["type"] for each in project.resources()}
    ran = project.pulumi("destroy", "--yes", "--skip-preview")
    assert ran.status == 0, ran.text
