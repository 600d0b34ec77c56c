"""A second region of the registry beside the one that always runs: other images, other rights, and Docker's words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from sandbox import addresses, machine
from tests.e2e.sandbox_account import REGISTRY, Account, Docker

pytestmark = pytest.mark.e2e

REGION = "us-south"
ELSEWHERE = addresses.REGISTRY_ADDRESSES[REGION]


@dataclass(frozen=True)
class Regions:
    """The owner of a namespace that is only in the first region."""

    account: Account
    owner: Docker
    namespace: str

    def api(self, host: str, path: str, method: str = "GET", **body: object) -> httpx.Response:
        """Call a region's API as the owner."""
        return httpx.request(
            method, f"http://{host}/api/v1/{path}", json=body or None, headers=self.account.headers, trust_env=False
        )


@pytest.fixture(scope="module")
def regions(sandbox_home: Path, second_region: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Regions]:
    assert second_region == REGION
    account = Account((sandbox_home / "deployer.key").read_text().strip())
    docker = Docker(sandbox_home, tmp_path_factory.mktemp("owner"))
    docker.login(account.key)
    docker.login(account.key, ELSEWHERE)
    yield Regions(account, docker, account.namespace())
    account.clean()


def test_a_region_comes_up_beside_what_runs_and_status_knows_it(regions: Regions) -> None:
    assert regions
    parts = {part.name: part for part in machine.status()}
    assert parts[f"registry-{REGION}"].up
    assert parts[f"front-{REGION}"].address == ELSEWHERE
    assert all(part.up for part in parts.values())


def test_a_namespace_of_one_region_is_unknown_in_another(regions: Regions) -> None:
    image = f"{ELSEWHERE}/{regions.namespace}/nginx:1"
    assert regions.owner("tag", addresses.BASE_IMAGE, image)[0] == 0
    status, text = regions.owner("push", image)
    regions.owner("rmi", image)
    assert status != 0
    assert "denied: You are not authorized to access the specified resource." in text


def test_what_docker_pushes_shows_in_its_own_region_only(regions: Regions) -> None:
    assert regions.api(ELSEWHERE, f"namespaces/{regions.namespace}", "PUT").status_code == 201
    image = f"{ELSEWHERE}/{regions.namespace}/nginx:1"
    try:
        assert regions.owner("tag", addresses.BASE_IMAGE, image)[0] == 0
        status, text = regions.owner("push", image)
        assert status == 0, text
        found: list[str] = []
        while image not in found:
            listed = regions.api(ELSEWHERE, f"images?namespace={regions.namespace}").raise_for_status().json()
            found = [tag for each in listed for tag in each["RepoTags"]]
        assert regions.api(REGISTRY, f"images?namespace={regions.namespace}").json() == []
        regions.owner("rmi", image)
        assert regions.owner("pull", image)[0] == 0
    finally:
        regions.owner("rmi", image)
        regions.api(ELSEWHERE, f"namespaces/{regions.namespace}", "DELETE")


def test_docker_tells_that_the_storage_quota_is_crossed(regions: Regions) -> None:
    regions.api(ELSEWHERE, f"namespaces/{regions.namespace}", "PUT")
    image = f"{ELSEWHERE}/{regions.namespace}/nginx:1"
    limit = regions.api(ELSEWHERE, "quotas").json()["limit"]["storage_bytes"]
    try:
        assert regions.owner("tag", addresses.BASE_IMAGE, image)[0] == 0
        assert regions.owner("push", image)[0] == 0
        while not regions.api(ELSEWHERE, "quotas").json()["usage"]["storage_bytes"]:
            pass
        regions.api(ELSEWHERE, "quotas", "PATCH", storage_megabytes=0)
        status, text = regions.owner("push", image)
        assert status != 0
        assert "denied: Your account has exceeded its image storage quota for the current month." in text
    finally:
        regions.api(ELSEWHERE, "quotas", "PATCH", storage_megabytes=limit >> 20 if limit > 0 else -1)
        regions.owner("rmi", image)
        regions.api(ELSEWHERE, f"namespaces/{regions.namespace}", "DELETE")
