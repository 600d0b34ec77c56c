"""What is pushed to a real registry, pulled from it and removed there shows in the API: by its events, or without."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Generator

import httpx
import pytest

from sandbox.cloud.api.registry.events import PATH, SeenEvent
from tests.cloud.clients import Clients, Json, clients
from tests.cloud.real_registry import LIST, MANIFEST, Pushed, RealCloud, layer, until

pytestmark = [pytest.mark.cloud, pytest.mark.sandbox_only]

NAMESPACE = "my-praivate-repo"
REPOSITORY = f"{NAMESPACE}/nginx-custom"


@pytest.fixture
def real() -> Generator[RealCloud]:
    with RealCloud() as found:
        clients(found.cloud).registry.create_namespace(NAMESPACE)
        yield found


@pytest.fixture
def owner(real: RealCloud) -> Clients:
    return clients(real.cloud)


def tags(owner: Clients) -> list[str]:
    images: list[Json] = owner.registry.list_images().get_result()  # type: ignore[assignment]
    return sorted(tag.partition("/")[2] for image in images for tag in image["RepoTags"])


def used(owner: Clients) -> Json:
    return owner.registry.get_quota().get_result()["usage"]


def event(action: str, repository: str, **target: object) -> Json:
    return {
        "id": str(uuid.uuid4()),
        "action": action,
        "target": {"repository": repository, "mediaType": MANIFEST, **target},
        "request": {"method": "GET", "host": "jp.icr.io"},
        "actor": {"name": "somebody"},
        "source": {"instanceID": "one"},
    }


def tell(real: RealCloud, *events: Json, secret: str | None = None) -> httpx.Response:
    login = {"Authorization": f"Bearer {real.events_secret if secret is None else secret}"}
    return httpx.post(f"{real.cloud.url}{PATH}", json={"events": list(events)}, headers=login)


def test_a_push_shows_with_its_digest_and_size(real: RealCloud, owner: Clients) -> None:
    pushed = real.owner.push(f"{REPOSITORY}:1", layer({"a": "1"}), layer({"b": "2"}))
    until(lambda: tags(owner) == [f"{REPOSITORY}:1"])
    found: Json = owner.registry.list_images().get_result()[0]  # type: ignore[index]
    assert found["RepoDigests"] == [f"{real.host}/{REPOSITORY}@{pushed.digest}"]
    assert found["Size"] == pushed.size == used(owner)["storage_bytes"]


def test_a_tag_that_moves_leaves_its_image_untagged(real: RealCloud, owner: Clients) -> None:
    first = real.owner.push(f"{REPOSITORY}:1", layer({"a": "1"}))
    second = real.owner.push(f"{REPOSITORY}:1", layer({"a": "2"}))
    until(lambda: digests(owner) == {first.digest: [], second.digest: ["1"]})
    assert used(owner)["storage_bytes"] == first.size + second.size


def digests(owner: Clients) -> dict[str, list[str]]:
    found: list[Json] = owner.registry.list_image_digests().get_result()  # type: ignore[assignment]
    return {image["id"]: [tag for names in image["repoTags"].values() for tag in names] for image in found}


def test_an_image_that_is_pushed_by_digest_is_listed_without_a_tag(real: RealCloud, owner: Clients) -> None:
    pushed = real.owner.push(REPOSITORY, layer({"a": "1"}))
    until(lambda: digests(owner) == {pushed.digest: []})
    assert tags(owner) == []


def test_shared_layers_are_charged_once(real: RealCloud, owner: Clients) -> None:
    base = layer({"base": "x" * 1000})
    first = real.owner.push(f"{REPOSITORY}:1", base, layer({"a": "1"}))
    second = real.owner.push(f"{NAMESPACE}/other:1", base, layer({"a": "2"}))
    until(lambda: len(tags(owner)) == 2)
    assert used(owner)["storage_bytes"] == first.size + second.size - len(base)


def test_what_is_pulled_counts_as_traffic(real: RealCloud, owner: Clients) -> None:
    pushed = real.owner.push(f"{REPOSITORY}:1", layer({"a": "1"}))
    assert used(owner)["traffic_bytes"] == 0
    assert real.owner.pull(f"{REPOSITORY}:1") == 200
    until(lambda: used(owner)["traffic_bytes"] == pushed.size + len(pushed.manifest))


def test_a_delete_at_the_registry_itself_moves_the_image_to_the_trash(real: RealCloud, owner: Clients) -> None:
    pushed = real.owner.push(f"{REPOSITORY}:1", layer({"a": "1"}))
    until(lambda: tags(owner))
    with real.owner.at(REPOSITORY, "delete") as http:
        assert http.delete(f"/v2/{REPOSITORY}/manifests/{pushed.digest}").status_code == 202
    until(lambda: not tags(owner))
    trash = owner.registry.list_deleted_images().get_result()
    assert list(trash) == [f"{real.host}/{REPOSITORY}@{pushed.digest}"]


def test_a_manifest_list_is_known_as_one(real: RealCloud, owner: Clients) -> None:
    image = real.owner.push(REPOSITORY, layer({"a": "1"}))
    digest = real.owner.push_list(f"{REPOSITORY}:many", image)
    until(lambda: digest in digests(owner))
    assert tags(owner) == []
    found: Json = owner.registry.list_images(include_manifest_lists=True).get_result()[0]  # type: ignore[index]
    assert found["ManifestType"] == LIST
    assert found["RepoTags"] == [f"{real.host}/{REPOSITORY}:many"]


@pytest.mark.parametrize("secret", ["x", "wrong"])
def test_events_without_the_secret_are_refused(real: RealCloud, secret: str) -> None:
    answer = tell(real, event("pull", REPOSITORY, size=1), secret=secret)
    assert (answer.status_code, answer.json()["code"]) == (401, "CRG0014E")


def test_an_event_that_comes_twice_counts_once(real: RealCloud, owner: Clients) -> None:
    pulled = event("pull", REPOSITORY, size=1000, mediaType="application/octet-stream")
    for _ in range(2):
        assert tell(real, pulled, pulled).status_code == 200
    assert used(owner)["traffic_bytes"] == 1000


def test_what_happens_to_blobs_is_no_news_of_images(real: RealCloud, owner: Clients) -> None:
    noise = layer({"a": secrets.token_bytes(5 << 20)})
    pushed = real.owner.push(f"{REPOSITORY}:1", noise)
    other = f"{NAMESPACE}/other"
    query = {"service": "registry", "scope": [f"repository:{REPOSITORY}:pull", f"repository:{other}:pull,push,delete"]}
    token = httpx.get(f"{real.cloud.url}/oauth/token", params=query, auth=("iamapikey", real.cloud.api_key)).json()
    with real.registry.client() as http:
        http.headers.update({"Authorization": f"Bearer {token['token']}"})
        mount = f"/v2/{other}/blobs/uploads/?mount={pushed.layers[0]}&from={REPOSITORY}"
        assert http.post(mount).status_code == 201
        assert http.delete(f"/v2/{other}/blobs/{pushed.layers[0]}").status_code == 202
        assert http.post(mount).status_code == 201
    tell(real, event("push", REPOSITORY, digest=pushed.layers[0]))
    real.owner.push(f"{other}:2", noise)
    until(lambda: tags(owner) == [f"{REPOSITORY}:1", f"{other}:2"])


def test_a_pull_by_a_private_name_is_free(real: RealCloud, owner: Clients) -> None:
    pulled = event("pull", REPOSITORY, size=1000, mediaType="application/octet-stream")
    pulled["request"]["host"] = "private.jp.icr.io"
    tell(real, pulled)
    assert used(owner)["traffic_bytes"] == 0


def test_traffic_is_counted_by_the_month(real: RealCloud) -> None:
    tell(real, event("pull", REPOSITORY, size=1000, mediaType="application/octet-stream"))
    real.cloud.clock.advance(32 * 24 * 3600)
    assert used(clients(real.cloud))["traffic_bytes"] == 0


def test_a_late_event_changes_nothing_that_is_so_no_longer(real: RealCloud, owner: Clients) -> None:
    first = real.owner.push(f"{REPOSITORY}:1", layer({"a": "1"}))
    second = real.owner.push(f"{REPOSITORY}:1", layer({"a": "2"}))
    until(lambda: digests(owner) == {first.digest: [], second.digest: ["1"]})
    tell(real, event("push", REPOSITORY, digest=first.digest, tag="1"))
    assert digests(owner) == {first.digest: [], second.digest: ["1"]}
    tell(real, event("delete", REPOSITORY, digest=first.digest), event("delete", REPOSITORY, tag="1"))
    assert digests(owner) == {first.digest: [], second.digest: ["1"]}
    tell(real, event("push", REPOSITORY, digest=f"sha256:{'0' * 64}", tag="never"))
    assert digests(owner) == {first.digest: [], second.digest: ["1"]}


def test_events_that_were_lost_are_made_up_for_when_the_registry_has_a_new_process(
    real: RealCloud, owner: Clients
) -> None:
    kept = real.owner.push(f"{REPOSITORY}:kept", layer({"a": "1"}))
    until(lambda: tags(owner))
    forget_events(real)
    lost = real.owner.push(f"{REPOSITORY}:lost", layer({"a": "2"}))
    gone(real, kept)
    assert tags(owner) == [f"{REPOSITORY}:kept"]
    real.cloud.clear_faults()
    real.registry.stop()
    real.registry.start()
    seen = real.owner.push(f"{REPOSITORY}:seen", layer({"a": "3"}))
    until(lambda: tags(owner) == [f"{REPOSITORY}:lost", f"{REPOSITORY}:seen"])
    assert digests(owner) == {lost.digest: ["lost"], seen.digest: ["seen"]}


def test_the_registry_is_looked_at_on_demand(real: RealCloud, owner: Clients) -> None:
    assert tags(owner) == [], "it was looked at when it started"
    forget_events(real)
    real.owner.push(f"{REPOSITORY}:1", layer({"a": "1"}))
    assert tags(owner) == []
    login = {"Authorization": f"Bearer {real.events_secret}"}
    assert httpx.post(f"{real.cloud.url}/sandbox/registry-reconcile", headers=login).status_code == 200
    assert tags(owner) == [f"{REPOSITORY}:1"]
    assert httpx.post(f"{real.cloud.url}/sandbox/registry-reconcile").status_code == 401


def test_ids_of_events_are_forgotten_after_a_day(real: RealCloud) -> None:
    tell(real, event("pull", REPOSITORY, size=1, digest="sha256:x"))
    real.cloud.clock.advance(25 * 3600)
    tell(real, event("pull", REPOSITORY, size=1, digest="sha256:x"))
    with real.cloud.store.transaction() as session:
        assert session.count(SeenEvent) == 1


def forget_events(real: RealCloud) -> None:
    """Lose all events: they are answered as if they had arrived."""
    real.cloud.fault("POST", PATH, count=None, status=200)


def gone(real: RealCloud, pushed: Pushed) -> None:
    with real.owner.at(pushed.repository, "delete") as http:
        assert http.delete(f"/v2/{pushed.repository}/manifests/{pushed.digest}").status_code == 202
