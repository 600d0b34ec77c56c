"""Retention policies: what they keep, when they run, and that what they remove is gone from the registry."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest
from ibm_container_registry import container_registry_v1 as models

from sandbox.cloud.core import unverified
from tests.cloud.clients import Clients, Json, allow, clients, make_robot, parse, refused
from tests.cloud.real_registry import Pushed, RealCloud, layer, until

pytestmark = [pytest.mark.cloud, pytest.mark.verified]

NAMESPACE = "my-praivate-repo"
REPOSITORY = f"{NAMESPACE}/nginx-custom"
DAY = 24 * 3600
NO = (403, "CRG0020E", "You are not authorized to access the specified resource.")


@pytest.fixture
def real() -> Generator[RealCloud]:
    with RealCloud() as found:
        clients(found.cloud).registry.create_namespace(NAMESPACE)
        yield found


@pytest.fixture
def owner(real: RealCloud) -> Clients:
    return clients(real.cloud)


def push(real: RealCloud, tag: str, built: str | None, repository: str = REPOSITORY) -> Pushed:
    name = f"{repository}:{tag}" if tag else repository
    pushed = real.owner.push(name, layer({"a": f"{name} {built}"}), built=built)
    until(lambda: pushed.digest in held(clients(real.cloud)))
    return pushed


def held(owner: Clients) -> set[str]:
    found: Any = owner.registry.list_image_digests().get_result()
    return {image["id"] for image in found}


def analyze(owner: Clients, keep: int, **how: object) -> dict[str, list[str]]:
    return owner.registry.analyze_retention_policy(NAMESPACE, images_per_repo=keep, **how).get_result()


def test_without_a_policy_everything_is_kept(owner: Clients) -> None:
    found = owner.registry.get_retention_policy(NAMESPACE).get_result()
    parse(models.RetentionPolicy, found)
    assert found == {"namespace": NAMESPACE, "images_per_repo": -1, "retain_untagged": True}
    assert owner.registry.list_retention_policies().get_result() == {}


def test_a_policy_is_kept_replaced_and_removed_by_one_that_keeps_everything(owner: Clients) -> None:
    answer = owner.registry.set_retention_policy(NAMESPACE, images_per_repo=20)
    assert answer.get_status_code() == 201
    wanted = {"namespace": NAMESPACE, "images_per_repo": 20, "retain_untagged": False}
    assert owner.registry.get_retention_policy(NAMESPACE).get_result() == wanted
    assert owner.registry.list_retention_policies().get_result() == {NAMESPACE: wanted}
    owner.registry.set_retention_policy(NAMESPACE, images_per_repo=10, retain_untagged=True)
    found = owner.registry.get_retention_policy(NAMESPACE).get_result()
    assert found == {"namespace": NAMESPACE, "images_per_repo": 10, "retain_untagged": True}
    owner.registry.set_retention_policy(NAMESPACE, images_per_repo=-1, retain_untagged=True)
    assert owner.registry.list_retention_policies().get_result() == {}


@pytest.mark.unknown
def test_a_policy_takes_a_namespace_and_a_number(owner: Clients) -> None:
    with refused(*unverified.NAMESPACE_ABSENT):
        owner.registry.set_retention_policy("absent", images_per_repo=1)
    with refused(*unverified.BAD_REQUEST, "-1 for all"):
        owner.registry.set_retention_policy(NAMESPACE, images_per_repo=-2)


def test_the_newest_by_build_date_are_kept_in_each_repository(real: RealCloud, owner: Clients) -> None:
    middle = push(real, "a", "2024-02-01T00:00:00Z")
    newest = push(real, "b", "2024-03-01T00:00:00Z")
    oldest = push(real, "c", "2024-01-01T00:00:00Z")
    other = push(real, "a", "2020-01-01T00:00:00Z", f"{NAMESPACE}/other")
    owner.registry.tag_image(f"{REPOSITORY}:b", f"{REPOSITORY}:again")
    assert analyze(owner, 1) == {f"{real.host}/{REPOSITORY}": [middle.digest, oldest.digest]}
    assert analyze(owner, 2) == {f"{real.host}/{REPOSITORY}": [oldest.digest]}
    assert held(owner) == {middle.digest, newest.digest, oldest.digest, other.digest}
    owner.registry.set_retention_policy(NAMESPACE, images_per_repo=1)
    assert held(owner) == {newest.digest, other.digest}
    assert real.owner.tags(REPOSITORY) == ["again", "b"]
    trash = owner.registry.list_deleted_images().get_result()
    assert {name.partition("@")[2] for name in trash} == {middle.digest, oldest.digest}


def test_untagged_images_go_unless_they_are_retained(real: RealCloud, owner: Clients) -> None:
    untagged = push(real, "", "2024-02-01T00:00:00Z")
    tagged = push(real, "a", "2024-01-01T00:00:00Z")
    assert analyze(owner, 1, retain_untagged=True) == {}
    assert analyze(owner, -1) == {f"{real.host}/{REPOSITORY}": [untagged.digest]}
    owner.registry.set_retention_policy(NAMESPACE, images_per_repo=1)
    assert held(owner) == {tagged.digest}


@pytest.mark.parametrize("built", [None, "2013-01-19T00:13:38Z", "1970-01-01T00:00:00Z", "no date"])
def test_images_without_a_believable_build_date_stay(real: RealCloud, owner: Clients, built: str | None) -> None:
    strange = push(real, "strange", built)
    assert analyze(owner, 0) == {}
    assert held(owner) == {strange.digest}


@pytest.mark.unknown
def test_what_a_manifest_list_is_made_of_stays(real: RealCloud, owner: Clients) -> None:
    part = push(real, "", "2024-02-01T00:00:00Z")
    whole = real.owner.push_list(f"{REPOSITORY}:list", part)
    until(lambda: whole in held(owner))
    assert analyze(owner, 0) == {}


def test_a_policy_runs_once_a_day(real: RealCloud, owner: Clients) -> None:
    owner.registry.set_retention_policy(NAMESPACE, images_per_repo=1)
    first = push(real, "a", "2024-01-01T00:00:00Z")
    second = push(real, "b", "2024-02-01T00:00:00Z")
    real.cloud.clock.advance(DAY - 60)
    assert held(clients(real.cloud)) == {first.digest, second.digest}
    real.cloud.clock.advance(120)
    assert held(clients(real.cloud)) == {second.digest}
    assert real.owner.tags(REPOSITORY) == ["b"]


CALLS: list[tuple[str, Json, str]] = [
    ("list_retention_policies", {}, "Reader Manager"),
    ("get_retention_policy", {"namespace": NAMESPACE}, "Reader Manager"),
    ("analyze_retention_policy", {"namespace": NAMESPACE, "images_per_repo": 1}, "Reader Manager"),
    ("set_retention_policy", {"namespace": NAMESPACE, "images_per_repo": 1}, "Writer Manager"),
]


@pytest.mark.parametrize("role", ["Reader", "Writer", "Manager"])
def test_roles_on_the_namespace_decide(real: RealCloud, role: str) -> None:
    robot = make_robot(real.cloud)
    allow(real.cloud, robot, role, region="jp-tok", resourceType="namespace", resource=NAMESPACE)
    registry: Any = clients(real.cloud, robot.key).registry
    for operation, arguments, carriers in CALLS:
        if role in carriers.split():
            assert getattr(registry, operation)(**arguments).get_status_code() in (200, 201)
        else:
            with refused(*NO):
                getattr(registry, operation)(**arguments)
