"""Images by API: lists, inspection, manifests, tags, and who may do what, over a real registry."""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import pytest
from ibm_cloud_sdk_core import ApiException
from ibm_container_registry import container_registry_v1 as models

from sandbox.cloud.core import unverified
from sandbox.cloud.iam.accounts import create_account
from tests.cloud.clients import Clients, Json, allow, clients, make_robot, parse, refused
from tests.cloud.imaged import (
    BUILT_SECONDS,
    NAMESPACE,
    NO,
    REPOSITORY,
    digests,
    image,
    images,
    names,
    owner,
    push,
    real,
)
from tests.cloud.real_registry import BUILT, LIST, MANIFEST, Pushed, RealCloud, layer, until

__all__ = ["image", "owner", "real"]
pytestmark = [pytest.mark.cloud, pytest.mark.verified]


def test_a_list_has_ibms_shape(real: RealCloud, owner: Clients, image: Pushed) -> None:
    (found,) = images(owner)
    parse(models.RemoteAPIImage, found)
    repository = f"{real.host}/{REPOSITORY}"
    assert found == {
        "Id": image.config,
        "ParentId": "",
        "DigestTags": {f"{repository}@{image.digest}": [f"{repository}:1"]},
        "RepoTags": [f"{repository}:1"],
        "RepoDigests": [f"{repository}@{image.digest}"],
        "Created": BUILT_SECONDS,
        "Size": image.size,
        "VirtualSize": image.size,
        "Labels": {"who": "me"},
        "Vulnerable": "",
        "VulnerabilityCount": 0,
        "ConfigurationIssueCount": 0,
        "IssueCount": 0,
        "ExemptIssueCount": 0,
        "ManifestType": MANIFEST,
    }


def test_a_list_can_be_narrowed(real: RealCloud, owner: Clients, image: Pushed) -> None:
    assert image
    owner.registry.create_namespace("other")
    push(real, owner, "2", "other/base")
    first, second = f"{real.host}/{REPOSITORY}:1", f"{real.host}/other/base:2"
    assert names(owner) == sorted([first, second])
    assert names(owner, namespace="other") == [second]
    assert names(owner, repository=REPOSITORY) == names(owner, repository=f"{real.host}/{REPOSITORY}") == [first]
    assert names(owner, include_ibm=True) == sorted([first, second])
    assert names(owner, include_private=False) == []
    assert names(owner, namespace="absent") == []


@pytest.mark.unknown
def test_a_flag_that_is_neither_true_nor_false_is_refused(owner: Clients) -> None:
    with refused(*unverified.BAD_REQUEST, "true or false"):
        owner.registry.list_images(include_manifest_lists="maybe")


def test_digests_have_ibms_shape_and_show_untagged_images(real: RealCloud, owner: Clients, image: Pushed) -> None:
    untagged = real.owner.push(REPOSITORY, layer({"b": "2"}), built=None)
    until(lambda: len(digests(owner)) == 2)
    found = {each["id"]: each for each in digests(owner)}
    parse(models.ImageDigest, found[image.digest])
    assert found[image.digest]["created"] == BUILT_SECONDS
    assert found[image.digest]["size"] == image.size
    assert found[image.digest]["manifestType"] == "Docker Image Manifest V2, Schema 2"
    assert list(found[image.digest]["repoTags"][f"{real.host}/{REPOSITORY}"]) == ["1"]
    assert found[untagged.digest]["created"] == 0
    assert [each["id"] for each in digests(owner, exclude_tagged=True)] == [untagged.digest]
    assert digests(owner, repositories=[f"{NAMESPACE}/other"]) == []
    assert len(digests(owner, repositories=[f"{real.host}/{REPOSITORY}"], exclude_va=True)) == 2


def test_inspection_shows_what_docker_shows(real: RealCloud, owner: Clients, image: Pushed) -> None:
    found = owner.registry.inspect_image(f"{real.host}/{REPOSITORY}:1").get_result()
    parse(models.ImageInspection, found)
    assert found["Id"] == image.config
    assert (found["Architecture"], found["Os"], found["Created"]) == ("amd64", "linux", BUILT)
    assert found["Config"] == {"Env": ["A=b"], "Labels": {"who": "me"}}
    assert found["RootFS"] == {"Type": "layers", "Layers": list(image.layers)}
    assert found["ManifestType"] == MANIFEST
    by_digest = owner.registry.inspect_image(f"{real.host}/{REPOSITORY}@{image.digest}").get_result()
    assert by_digest == found


def test_a_manifest_comes_byte_for_byte_with_its_own_type(real: RealCloud, owner: Clients, image: Pushed) -> None:
    answer: Any = owner.registry.get_image_manifest(f"{real.host}/{REPOSITORY}:1").get_result()
    assert (answer.content, answer.headers["content-type"]) == (image.manifest, MANIFEST)
    real.owner.push_list(f"{REPOSITORY}:list", image)
    until(lambda: len(digests(owner)) == 2)
    answer = owner.registry.get_image_manifest(f"{real.host}/{REPOSITORY}:list").get_result()
    assert answer.headers["content-type"] == LIST
    with refused(*unverified.LIST_INSPECTED):
        owner.registry.inspect_image(f"{real.host}/{REPOSITORY}:list")


@pytest.mark.parametrize(
    ("name", "error"),
    [
        (f"{REPOSITORY}:absent", unverified.IMAGE_ABSENT),
        (f"{REPOSITORY}@sha256:{'0' * 64}", unverified.IMAGE_ABSENT),
        (REPOSITORY, unverified.IMAGE_ABSENT),
        ("absent/image:1", unverified.NAMESPACE_ABSENT),
        (f"us.icr.io/{REPOSITORY}:1", unverified.IMAGE_ELSEWHERE),
    ],
)
@pytest.mark.unknown
def test_what_is_not_there_is_not_found(owner: Clients, image: Pushed, name: str, error: tuple[int, str, str]) -> None:
    assert image
    for operation in ("inspect_image", "get_image_manifest", "delete_image", "delete_image_tag"):
        with refused(*error):
            getattr(owner.registry, operation)(name)


@pytest.mark.sandbox_only
def test_the_regions_real_host_names_an_image_too(owner: Clients, image: Pushed) -> None:
    found = owner.registry.inspect_image(f"jp.icr.io/{REPOSITORY}:1").get_result()
    assert found["Id"] == image.config


def test_a_new_tag_in_the_same_repository_can_be_pulled(real: RealCloud, owner: Clients, image: Pushed) -> None:
    assert image
    made = owner.registry.tag_image(f"{real.host}/{REPOSITORY}:1", f"{real.host}/{REPOSITORY}:stable")
    assert made.get_status_code() == 201
    assert real.owner.pull(f"{REPOSITORY}:stable") == 200
    (found,) = images(owner)
    assert found["RepoTags"] == [f"{real.host}/{REPOSITORY}:1", f"{real.host}/{REPOSITORY}:stable"]


def test_a_new_tag_in_another_repository_can_be_pulled_and_costs_nothing(
    real: RealCloud, owner: Clients, image: Pushed
) -> None:
    owner.registry.create_namespace("other")
    real.owner.push_list(f"{REPOSITORY}:list", image)
    until(lambda: len(digests(owner)) == 2)
    owner.registry.tag_image(f"{REPOSITORY}:list", "other/copies/nginx:list")
    assert real.owner.pull(f"other/copies/nginx@{image.digest}") == 200
    with real.owner.at("other/copies/nginx", "pull") as http:
        assert http.get("/v2/other/copies/nginx/manifests/list", headers={"Accept": LIST}).status_code == 200
    assert owner.registry.get_quota().get_result()["usage"]["storage_bytes"] == image.size


def test_tagging_takes_the_right_to_pull_there_and_to_push_here(real: RealCloud, owner: Clients, image: Pushed) -> None:
    assert image
    owner.registry.create_namespace("other")
    robot = make_robot(real.cloud)
    registry = clients(real.cloud, robot.key).registry
    allow(real.cloud, robot, "Writer", resourceType="namespace", resource="other")
    with refused(*NO):
        registry.tag_image(f"{REPOSITORY}:1", "other/nginx:1")
    allow(real.cloud, robot, "Reader", resourceType="namespace", resource=NAMESPACE)
    assert registry.tag_image(f"{REPOSITORY}:1", "other/nginx:1").get_status_code() == 201
    with refused(*NO):
        registry.tag_image("other/nginx:1", f"{REPOSITORY}:2")


ROLES: list[tuple[str, Json, str]] = [
    ("list_images", {}, "Reader Manager"),
    ("list_image_digests", {}, "Reader Manager"),
    ("inspect_image", {"image": f"{REPOSITORY}:1"}, "Reader Manager"),
    ("get_image_manifest", {"image": f"{REPOSITORY}:1"}, "Reader Manager"),
    ("list_deleted_images", {}, "Writer Manager"),
    ("delete_image_tag", {"image": f"{REPOSITORY}:1"}, "Writer Manager"),
    ("delete_image", {"image": f"{REPOSITORY}:1"}, "Writer Manager"),
    ("restore_image", {"image": f"{REPOSITORY}:gone"}, "Writer Manager"),
    ("restore_tags", {"digest": f"{REPOSITORY}@sha256:{'0' * 64}"}, "Writer Manager"),
]


@pytest.mark.parametrize("role", ["Reader", "Writer", "Manager"])
def test_roles_on_the_namespace_decide(real: RealCloud, image: Pushed, role: str) -> None:
    assert image
    robot = make_robot(real.cloud)
    allow(real.cloud, robot, role, region="jp-tok", resourceType="namespace", resource=NAMESPACE)
    registry: Any = clients(real.cloud, robot.key).registry
    for operation, arguments, carriers in ROLES:
        if role in carriers.split():
            with found_or_gone():
                getattr(registry, operation)(**arguments)
        else:
            with refused(*NO):
                getattr(registry, operation)(**arguments)


@contextmanager
def found_or_gone() -> Generator[None]:
    """Take any answer but a refusal: what an earlier operation has removed is gone."""
    try:
        yield
    except ApiException as error:
        if error.status_code != 404:
            raise


@pytest.mark.unknown
def test_another_accounts_images_are_neither_seen_nor_named(real: RealCloud, image: Pushed) -> None:
    assert image
    with real.cloud.store.transaction() as session:
        stranger, key = create_account(session, real.cloud.clock)
    other = clients(real.cloud, key, account_id=stranger.id)
    assert names(other) == []
    for name in (f"{REPOSITORY}:1", f"{REPOSITORY}:absent"):
        with refused(*NO):
            other.registry.inspect_image(name)
    found = other.registry.bulk_delete_images([f"{REPOSITORY}@{image.digest}"]).get_result()
    assert [each["code"] for each in found["error"].values()] == ["CRG0020E"]
    assert json.loads(image.manifest)["config"]["digest"] == image.config
