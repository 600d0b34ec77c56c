"""A real registry with one image in a namespace, and the lists of it: for the tests of images by API."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

from tests.cloud.clients import Clients, Json, clients
from tests.cloud.real_registry import Pushed, RealCloud, layer, until

NAMESPACE = "my-praivate-repo"
REPOSITORY = f"{NAMESPACE}/nginx-custom"
BUILT_SECONDS = 1714979289
NO = (403, "CRG0020E", "You are not authorized to access the specified resource.")


@pytest.fixture
def real() -> Generator[RealCloud]:
    with RealCloud() as found:
        clients(found.cloud).registry.create_namespace(NAMESPACE)
        yield found


@pytest.fixture
def owner(real: RealCloud) -> Clients:
    return clients(real.cloud)


@pytest.fixture
def image(real: RealCloud, owner: Clients) -> Pushed:
    return push(real, owner, "1")


def push(real: RealCloud, owner: Clients, tag: str, repository: str = REPOSITORY, **how: Any) -> Pushed:
    pushed = real.owner.push(f"{repository}:{tag}", layer({"a": f"{repository}:{tag}"}), **how)
    until(lambda: f"{real.host}/{repository}:{tag}" in names(owner))
    return pushed


def images(owner: Clients, **query: object) -> list[Json]:
    found: Any = owner.registry.list_images(**query).get_result()
    return found


def names(owner: Clients, **query: object) -> list[str]:
    return sorted(tag for found in images(owner, **query) for tag in found["RepoTags"])


def digests(owner: Clients, **wanted: object) -> list[Json]:
    found: Any = owner.registry.list_image_digests(**wanted).get_result()
    return found
