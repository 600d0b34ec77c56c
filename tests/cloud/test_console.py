"""The console page: what it shows, and what it never shows."""

from __future__ import annotations

from collections.abc import Generator
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest

from sandbox.cloud.advisor.scans import SCANNED, Scan
from sandbox.cloud.registry.images import Blob, Image, Tag
from sandbox.cloud.testing import StandIn
from tests.cloud.clients import Robot, allow, clients, make_robot, refused

pytestmark = [pytest.mark.cloud, pytest.mark.sandbox_only]

DIGEST = "sha256:" + "5e" * 32


class Page(HTMLParser):
    """Reads the page: rows of cells, meters, and whether each element is closed where it should be."""

    VOID = ("meta",)

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text = ""
        self.rows: list[list[str]] = []
        self.meters: list[dict[str, str | None]] = []
        self.tags: set[str] = set()
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.tags.add(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        if tag == "meter":
            self.meters.append(dict(attrs))
        if tag not in (*self.VOID, "br"):
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """See that it closes the element that was opened last."""
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Collect text."""
        self.text += data
        if self.rows and {"td", "th"} & set(self._open):
            self.rows[-1][-1] += data


@pytest.fixture
def cloud() -> Generator[StandIn]:
    with StandIn(control=True) as found:
        yield found


def shown(cloud: StandIn) -> Page:
    answer = httpx.get(f"{cloud.control_url}/sandbox/console")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    return Page(answer.text)


def row(page: Page, first: str) -> list[str]:
    return next(cells for cells in page.rows if cells[0] == first)


def push(cloud: StandIn, size: int) -> None:
    place = {"region": "jp-tok", "repository": "my-images/web"}
    with cloud.store.transaction() as session:
        kind = "application/vnd.oci.image.manifest.v1+json"
        image = Image(
            **place, digest=DIGEST, namespace="my-images", media_type=kind, manifest="{}", config="{}",
            config_digest=DIGEST, size=size, built_at=None, pushed_at=1, deleted_at=None, trashed_tags=[],
        )  # fmt: skip
        blob = Blob(**place, image=DIGEST, digest=DIGEST, size=size)
        session.add(image, blob, Tag(**place, name="1.0", digest=DIGEST))


def use(cloud: StandIn) -> tuple[Robot, str]:
    """Let a service ID with one policy list namespaces, and fail to make one; returns it and the policy's id."""
    clients(cloud).registry.create_namespace("my-images")
    robot = make_robot(cloud, "puller <b>")
    policy = allow(cloud, robot, "Reader", region="jp-tok")["id"]
    registry = clients(cloud, robot.key).registry
    registry.list_namespaces()
    with refused(403, "CRG0020E", "not authorized"):
        registry.create_namespace("another")
    return robot, policy


def test_it_shows_identities_with_their_policies_and_keys(cloud: StandIn) -> None:
    robot, policy = use(cloud)
    clients(cloud).identity.disable_api_key(robot.key_id)
    page = shown(cloud)
    assert cloud.account_id in page.text
    _, identifier, policies, keys, state = row(page, "puller <b>")
    assert (identifier, state) == (robot.id, "")
    assert policies == f"Reader on serviceName=container-registry, region=jp-tok [{policy}]"
    assert keys == f"key [{robot.key_id}] (disabled)"
    assert "sandbox-admin" in row(page, "account owner")[3]


def test_it_shows_namespaces_images_sizes_and_quotas(cloud: StandIn) -> None:
    use(cloud)
    clients(cloud).registry.create_namespace("empty-one")
    push(cloud, 3 << 20)
    page = shown(cloud)
    assert row(page, "my-images")[1:5] == ["my-images/web", "1.0", DIGEST[:19], "3.0 MiB"]
    assert row(page, "empty-one")[1:] == [""] * 5
    storage, _traffic = page.meters
    assert (storage["value"], storage["max"]) == (str(3 << 20), str(512 << 20))
    assert "Storage:  3.0 MiB of 512.0 MiB" in page.text


def test_it_shows_what_is_known_of_an_images_weaknesses(cloud: StandIn, tmp_path: Path) -> None:
    use(cloud)
    push(cloud, 1)
    assert row(shown(cloud), "my-images")[5] == "UNSCANNED"
    with cloud.store.transaction() as session:
        place = {"region": "jp-tok", "repository": "my-images/web", "digest": DIGEST}
        now = cloud.clock.millis()
        scan = Scan(**place, outcome=SCANNED, packages={"openssl": "3.0.11-1"}, release={}, scanned_at=now)
        session.add(scan)
    assert row(shown(cloud), "my-images")[5] == "OK"
    file = tmp_path / "known.json"
    file.write_text('[{"cve": "CVE-2024-1", "package": "openssl", "fixed": "3.0.15-1"}]')
    cloud.world.keeper.advisor.advisories.path = file
    assert row(shown(cloud), "my-images")[5] == "FAIL: 1 found, 0 exempt"
    file.write_text("nonsense")
    assert "can't be used" in row(shown(cloud), "my-images")[5]


def test_it_shows_who_was_allowed_or_refused_by_which_policy(cloud: StandIn) -> None:
    robot, policy = use(cloud)
    rows = [cells for cells in shown(cloud).rows if len(cells) == 6 and cells[2] == robot.iam_id]
    made, listed = rows[0], rows[1]
    assert made[1].startswith("PUT /api/v1/namespaces/another")
    assert (made[3], made[4]) == ("403", "container-registry.namespace.create: refused, no policy")
    assert (listed[3], listed[4]) == ("200", f"container-registry.namespace.list: allowed by {policy}")


def test_it_holds_no_value_of_a_key_and_no_script(cloud: StandIn) -> None:
    robot, _ = use(cloud)
    stored = clients(cloud).identity.create_api_key(name="kept", iam_id=robot.iam_id, store_value=True)
    page = httpx.get(f"{cloud.control_url}/sandbox/console").text
    for secret in (cloud.api_key, robot.key, stored.get_result()["apikey"]):
        assert secret not in page
    assert Page(page).tags.isdisjoint({"script", "b", "img", "link", "form", "iframe"})


def test_an_empty_cloud_has_a_page_too(cloud: StandIn) -> None:
    assert "Namespaces and images: none" in shown(cloud).text
