"""Images deleted by API, the trash and what comes back from it, over a real registry."""

from __future__ import annotations

import pytest
from ibm_container_registry import container_registry_v1 as models

from sandbox.cloud.core import unverified
from tests.cloud.clients import Clients, clients, parse, refused
from tests.cloud.imaged import (
    NAMESPACE,
    REPOSITORY,
    digests,
    image,
    names,
    owner,
    push,
    real,
)
from tests.cloud.real_registry import Pushed, RealCloud, layer, until

__all__ = ["image", "owner", "real"]
pytestmark = [pytest.mark.cloud, pytest.mark.verified]


def test_a_deleted_image_is_gone_from_the_registry_with_all_its_tags(
    real: RealCloud, owner: Clients, image: Pushed
) -> None:
    kept = push(real, owner, "kept")
    owner.registry.tag_image(f"{REPOSITORY}:1", f"{REPOSITORY}:too")
    answer = owner.registry.delete_image(f"{real.host}/{REPOSITORY}:1")
    parse(models.ImageDeleteResult, answer.get_result())
    assert answer.get_result() == {"Untagged": f"{real.host}/{REPOSITORY}:1"}
    assert real.owner.tags(REPOSITORY) == ["kept"]
    assert real.owner.pull(f"{REPOSITORY}@{image.digest}") == 404
    assert names(owner) == [f"{real.host}/{REPOSITORY}:kept"]
    assert owner.registry.get_quota().get_result()["usage"]["storage_bytes"] == kept.size


def test_a_removed_tag_leaves_the_image_and_its_other_tags(real: RealCloud, owner: Clients, image: Pushed) -> None:
    owner.registry.tag_image(f"{REPOSITORY}:1", f"{REPOSITORY}:too")
    assert owner.registry.delete_image_tag(f"{REPOSITORY}:1").get_status_code() == 200
    assert real.owner.tags(REPOSITORY) == ["too"]
    assert real.owner.pull(f"{REPOSITORY}:too") == 200
    owner.registry.delete_image_tag(f"{REPOSITORY}:too")
    assert real.owner.tags(REPOSITORY) == []
    assert real.owner.pull(f"{REPOSITORY}@{image.digest}") == 200
    assert [each["id"] for each in digests(owner)] == [image.digest]
    assert owner.registry.list_deleted_images().get_result() == {}


def test_several_are_deleted_at_once_and_each_failure_is_told(real: RealCloud, owner: Clients, image: Pushed) -> None:
    good, bad = f"{real.host}/{REPOSITORY}@{image.digest}", f"{real.host}/{REPOSITORY}@sha256:{'0' * 64}"
    found = owner.registry.bulk_delete_images([good, bad, f"{REPOSITORY}:1"]).get_result()
    parse(models.ImageBulkDeleteResult, found)
    assert found["success"] == [good]
    assert found["error"][bad] == {"code": unverified.IMAGE_ABSENT[1], "message": unverified.IMAGE_ABSENT[2]}
    assert "names no digest" in found["error"][f"{REPOSITORY}:1"]["message"]
    assert real.owner.tags(REPOSITORY) == []


def test_the_trash_has_ibms_shape_and_keeps_for_thirty_days(real: RealCloud, owner: Clients, image: Pushed) -> None:
    owner.registry.delete_image(f"{REPOSITORY}:1")
    reference = f"{real.host}/{REPOSITORY}@{image.digest}"
    found = owner.registry.list_deleted_images().get_result()
    parse(models.Trash, found[reference])
    assert found == {reference: {"daysUntilExpiry": 30, "tags": [f"{real.host}/{REPOSITORY}:1"]}}
    assert owner.registry.list_deleted_images(namespace="absent").get_result() == {}
    real.cloud.clock.advance(29.5 * 24 * 3600)
    later = clients(real.cloud).registry
    assert later.list_deleted_images().get_result()[reference]["daysUntilExpiry"] == 1
    real.cloud.clock.advance(24 * 3600)
    latest = clients(real.cloud).registry
    assert latest.list_deleted_images().get_result() == {}
    with refused(*unverified.TRASH_ABSENT):
        latest.restore_image(f"{REPOSITORY}:1")


def test_a_restored_image_can_be_pulled_again(real: RealCloud, owner: Clients, image: Pushed) -> None:
    owner.registry.delete_image(f"{REPOSITORY}:1")
    assert owner.registry.restore_image(f"{real.host}/{REPOSITORY}:1").get_status_code() == 200
    assert real.owner.pull(f"{REPOSITORY}:1") == 200
    assert names(owner) == [f"{real.host}/{REPOSITORY}:1"]
    assert owner.registry.list_deleted_images().get_result() == {}
    assert owner.registry.get_quota().get_result()["usage"]["storage_bytes"] == image.size


def test_a_tag_that_names_another_image_by_now_is_not_restored(real: RealCloud, owner: Clients, image: Pushed) -> None:
    owner.registry.tag_image(f"{REPOSITORY}:1", f"{REPOSITORY}:too")
    owner.registry.delete_image(f"{REPOSITORY}:1")
    other = real.owner.push(f"{REPOSITORY}:1", layer({"b": "other"}))
    until(lambda: names(owner))
    with refused(*unverified.TAG_IS_LIVE):
        owner.registry.restore_image(f"{REPOSITORY}:1")
    found = owner.registry.restore_tags(f"{real.host}/{REPOSITORY}@{image.digest}").get_result()
    parse(models.RestoreResult, found)
    place = f"{real.host}/{REPOSITORY}"
    assert found == {"successful": [f"{place}:too"], "unsuccessful": [f"{place}:1"]}
    assert real.owner.tags(REPOSITORY) == ["1", "too"]
    assert {each["id"] for each in digests(owner)} == {image.digest, other.digest}


@pytest.mark.unknown
def test_what_is_pushed_again_leaves_the_trash(real: RealCloud, owner: Clients, image: Pushed) -> None:
    owner.registry.delete_image(f"{REPOSITORY}:1")
    assert push(real, owner, "1").digest == image.digest
    assert owner.registry.list_deleted_images().get_result() == {}


def test_a_deleted_namespace_takes_its_images_along_for_good(real: RealCloud, owner: Clients, image: Pushed) -> None:
    trashed = push(real, owner, "2")
    owner.registry.delete_image(f"{REPOSITORY}:2")
    owner.registry.delete_namespace(NAMESPACE)
    owner.registry.create_namespace(NAMESPACE)
    assert names(owner) == []
    assert owner.registry.list_deleted_images().get_result() == {}
    assert real.owner.pull(f"{REPOSITORY}:1") == 404
    with real.owner.at(REPOSITORY, "pull") as http:
        for digest in (image.config, *image.layers, *trashed.layers):
            assert http.get(f"/v2/{REPOSITORY}/blobs/{digest}").status_code == 404


@pytest.mark.sandbox_only
def test_what_a_registry_that_is_down_could_not_be_told_it_is_told_later(
    real: RealCloud, owner: Clients, image: Pushed
) -> None:
    real.registry.stop()
    assert owner.registry.delete_image(f"{REPOSITORY}:1").get_status_code() == 200
    assert names(owner) == []
    real.registry.start()
    until(lambda: real.owner.pull(f"{REPOSITORY}@{image.digest}") == 404)
