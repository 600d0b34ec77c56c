"""The report of a real small fleet, and of a made-up one, in a browser: what it shows, on which screens."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By

from fleet.account import Held
from fleet.comment import body
from fleet.graph import resources, svg
from fleet.inventory import StackFile
from fleet.report import page
from fleet.result import read
from fleet.stack import Stack, resources_of
from fleet.survey import Key, Pod, Registry, Seen, Survey
from ibm_native.registry.get_quota import GetQuotaResult
from sandbox.cloud.testing import StandIn
from tests.cloud.clients import clients
from tests.fleet.browser import asked_for, chromium, complaints, look
from tests.fleet.project import FleetProject, keys_of

pytestmark = [pytest.mark.fleet, pytest.mark.timeout(900)]

HOSTILE = "<script>document.title='hacked'</script><img src='http://127.0.0.1:1/leak'>"
IMAGE = f"jp.icr.io/mine/nginx@sha256:{'a' * 64}"
STATE: dict[str, object] = {
    "deployment": {
        "resources": [
            {"urn": "urn:a", "type": "ibm-native:iam:ServiceId", "custom": True, "inputs": {"name": HOSTILE}},
            {"urn": "urn:b", "type": "ibm-native:iam:ApiKey", "custom": True, "dependencies": ["urn:a"]},
        ]
    }
}


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    with chromium(tmp_path_factory.mktemp("chromium")) as driver:
        yield driver


def text(browser: webdriver.Chrome) -> str:
    return browser.find_element(By.TAG_NAME, "body").text


def script(browser: webdriver.Chrome, code: str) -> Any:
    return browser.execute_script(f"return {code}")  # pyright: ignore[reportUnknownMemberType]


def test_the_report_of_a_real_fleet(tmp_path: Path, browser: webdriver.Chrome) -> None:
    with StandIn(("jp-tok", "us-south")) as cloud:
        (tmp_path / "project").mkdir()
        project = FleetProject.make(tmp_path / "project", cloud)
        project.add("one", "jp-tok", tags={"environment": "production"})
        project.add("two", "us-south")
        project.add("three", "us-south")
        assert project.run("up", "one", "two").status == 0
        found = {name: _resources(project, name) for name in ("one", "two")}
        owner = clients(cloud)
        owner.identity.delete_api_key(found["one"]["ApiKey"]["id"])
        iam_id = found["two"]["ServiceId"]["outputs"]["iamId"]
        by_hand = owner.identity.create_api_key("by hand", iam_id, account_id=cloud.account_id).get_result()["id"]
        ran = project.run("report", "--all", "--out", str(tmp_path / "report.html"))
        assert (ran.status, ran.out) == (0, f"{tmp_path}/report.html\n"), ran.err
        doctor = project.run("doctor", "--all", "--json")
        drift = project.run("drift", "--all", "--json")
        (tmp_path / "drift.json").write_text(drift.out)
        comment = body(read([tmp_path / "drift.json"]))
        assert f"python -m fleet remove {by_hand}" in comment
        html = (tmp_path / "report.html").read_text()
        keys = {cloud.api_key, *keys_of(project, "one", "two")}
        assert len(keys) == 3, "the deployer's and two pull keys"
        said = [each.out + each.err for each in (ran, doctor, drift)]
        for text_of_it in (html, comment, project.written(), *said):
            assert not any(key in text_of_it for key in keys)
    look(browser, tmp_path / "report.html", 1200)
    shown = text(browser)
    for expected in (
        "environment=production",
        "pull-key-1 (ibm-native:iam:ApiKey): delete",
        "All is as its state has it.",
        "it has no state yet",
        f"python -m fleet remove {by_hand}",
        "0.0 MB of 512.0 MB",
        "0.0 MB of 5.00 GB",
        "0 days old, ends in 365 days",
    ):
        assert expected in shown


def _resources(project: FleetProject, name: str) -> dict[str, dict[str, Any]]:
    state = Stack(name, project.environ, project.folder).export()
    return {each["type"].rpartition(":")[2]: each for each in resources_of(state)}


def test_it_reads_on_a_phone_and_in_the_dark_asks_for_nothing_and_shows_names_as_names(
    tmp_path: Path, browser: webdriver.Chrome
) -> None:
    file = StackFile("s", tmp_path, {"region": "jp-tok"}, {"owner": HOSTILE})
    drawn = svg([*resources(STATE)], "s").decode()
    late = Key("old-key", "ApiKey-1", "2026-01-01T00:00+0000", "2026-12-31T00:00+0000", 200, 20, 90)
    ended = Key("ended-key", "ApiKey-2", "2025-10-01T00:00+0000", "2026-11-24T00:00+0000", 400, -3, 90)
    seen = Seen(file, "2026-11-27T21:35:44Z", 2, drawn, True, [Pod("default/web", HOSTILE, IMAGE, "")], [late, ended])
    quota = GetQuotaResult(
        storage_limit_bytes=512 << 20,
        storage_used_bytes=256 << 20,
        traffic_limit_bytes=-1,
        traffic_used_bytes=5 << 30,
    )
    image = Held("image", IMAGE, "v1", "2026-11-27T21:35:47+00:00", of="jp-tok/mine", size=17 << 20)
    registry = Registry("jp-tok", "https://jp.icr.io", ["s"], quota, [(image, True)])
    properties = [{"path": "labels.team", "old": None, "new": '"shop"'}]
    changed = {"name": "web", "type": "kubernetes:core/v1:Pod", "operation": "update", "properties": properties}
    stack = {"stack": "s", "status": "changes", "resources": [changed], "errors": [], "notes": []}
    finding = {"what": f"image {IMAGE}: {HOSTILE}", "since": "", "mend": f"python -m fleet remove {IMAGE}"}
    drift = {"stacks": [stack], "findings": [finding]}
    path = tmp_path / "report.html"
    path.write_text(page(Survey([seen], [registry], [HOSTILE]), {**drift, "errors": []}), encoding="utf-8")
    asked_for(browser)

    backgrounds: dict[bool, str] = {}
    for width, dark in ((390, False), (390, True), (1200, False)):
        look(browser, path, width, dark=dark)
        for each in browser.find_elements(By.TAG_NAME, "summary"):
            each.click()
        assert script(browser, "document.documentElement.scrollWidth") <= width, "nothing is beside the screen"
        backgrounds[dark] = script(browser, "getComputedStyle(document.body).backgroundColor")
    light, dark = (sum(map(int, backgrounds[each].strip("rgba() ").split(",")[:3])) for each in (False, True))
    assert light > 600
    assert dark < 100
    shown = text(browser)
    assert shown.count(HOSTILE) >= 4
    for expected in (IMAGE, "256.0 MB of 512.0 MB", "5.00 GB of 5.00 GB (no limit set; the free plan's)", "17.0 MB"):
        assert expected in shown
    assert "python -m fleet rotate s" in shown
    assert 'labels.team (nothing) \N{RIGHTWARDS ARROW} "shop"' in shown
    right = "getBoundingClientRect().right"
    assert script(
        browser, f"[...document.querySelectorAll('.row rect')].every(x => x.{right} < x.parentNode.{right} + 1)"
    )
    assert script(browser, "document.title").startswith("Stacks")
    assert script(browser, "document.scripts.length") == 0
    bars = "document.querySelectorAll('svg[aria-label*=\" of \"] rect:nth-of-type(2)')"
    half, full = script(browser, f"[...{bars}].map(bar => bar.getBoundingClientRect().width)")
    assert half * 2 == pytest.approx(full, rel=0.02)
    assert len(browser.find_elements(By.CSS_SELECTOR, ".graph svg polygon")) > 1
    assert asked_for(browser) == {path.as_uri()}
    assert complaints(browser) == []
