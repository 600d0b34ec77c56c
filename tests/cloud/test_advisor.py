"""Vulnerability Advisor through IBM's client: scans of real images, reports and statuses."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ibm_container_registry import vulnerability_advisor_v4 as models

from sandbox.cloud.core import unverified
from tests.cloud.advised import (
    DEBIAN,
    KNOWN,
    NAMESPACE,
    REPOSITORY,
    STATUS,
    UNSCANNED,
    image,
    owner,
    real,
    report,
    scanned,
    states,
    status,
)
from tests.cloud.clients import Clients, clients, parse, refused
from tests.cloud.real_registry import Pushed, RealCloud, layer, until

__all__ = ["image", "owner", "real"]
pytestmark = [pytest.mark.cloud, pytest.mark.verified]


def test_a_report_names_each_package_with_the_version_that_mends_it(owner: Clients, image: Pushed) -> None:
    assert image
    found = report(owner)
    assert found["status"] == "FAIL"
    assert found["configuration_issues"] == []
    assert found["os_distribution"] == {
        "distribution_id": "debian",
        "version_id": "12",
        "version_code_name": "bookworm",
    }
    (only,) = found["vulnerabilities"]
    assert {name: only[name] for name in only if name != "security_notices"} == {
        "cve_id": "CVE-2024-0001",
        "cve_exempt": False,
        "exempt_status": "active",
        "summary": "Bad.",
        "exempt_security_notice_count": 0,
        "security_notice_count": 2,
        "total_security_notice_count": 2,
    }
    first, second = only["security_notices"]
    assert (first["notice_id"], first["notice_exempt"], second["notice_id"]) == ("DSA-1", False, "DSA-2")
    assert [each["package_name"] for each in first["vulnerable_packages"]] == ["openssl", "libssl3"]
    assert second["vulnerable_packages"][0]["installed_version"] == "1:1.2.13.dfsg-1"
    assert second["vulnerable_packages"][0]["fix_version"] == "1:1.3-1"


def test_a_status_counts(real: RealCloud, owner: Clients, image: Pushed) -> None:
    assert image
    found = status(owner)
    parse(models.ScanreportSummary, found)
    counts = {name: value for name, value in found.items() if name.endswith("_count")}
    assert counts == {
        "issue_count": 1,
        "vulnerability_count": 1,
        "configuration_issue_count": 0,
        "exempt_issue_count": 0,
        "exempt_vulnerability_count": 0,
        "exempt_configuration_issue_count": 0,
    }
    whole = owner.advisor.account_status_query_path().get_result()
    parse(models.ScanreportImageSummaryList, whole)
    assert [each["name"] for each in whole["images"]] == [f"{real.host}/{REPOSITORY}:1"]
    reports = owner.advisor.account_report_query_path().get_result()
    parse(models.ScanReportList, reports)
    assert list(reports["assessments"]) == [f"{real.host}/{REPOSITORY}:1"]
    other = owner.advisor.account_status_query_path(repository=f"{real.host}/{NAMESPACE}/other").get_result()
    assert other == {"images": []}
    assert owner.advisor.account_status_query_path(include_private="false").get_result() == {"images": []}


def test_images_lists_show_the_status_on_demand(real: RealCloud, owner: Clients, image: Pushed) -> None:
    assert image
    (found,) = _any(owner.registry.list_images(vulnerabilities=True))
    assert (found["Vulnerable"], found["VulnerabilityCount"], found["IssueCount"]) == ("FAIL", 1, 1)
    (found,) = _any(owner.registry.list_image_digests())
    assert found["repoTags"][f"{real.host}/{REPOSITORY}"]["1"]["vulnerable"] == "FAIL"
    (found,) = _any(owner.registry.list_image_digests(exclude_va=True))
    assert found["repoTags"][f"{real.host}/{REPOSITORY}"]["1"] == {}


def _any(answer: Any) -> Any:
    return answer.get_result()


def test_the_result_is_computed_when_it_is_asked_for(real: RealCloud, owner: Clients, image: Pushed) -> None:
    assert image
    real.advisories.write_text("[]")
    assert status(owner)["status"] == "OK"
    real.advisories.write_text(json.dumps(KNOWN[4:]))
    assert status(owner)["status"] == "OK"
    real.advisories.unlink()
    assert status(owner)["status"] == "OK"
    real.advisories.write_text(json.dumps(KNOWN))
    assert status(owner)["status"] == "FAIL"


@pytest.mark.sandbox_only
def test_a_broken_file_of_known_problems_is_told_and_spoils_nothing(
    real: RealCloud, owner: Clients, image: Pushed
) -> None:
    assert image
    real.advisories.write_text('[{"cve": "CVE-2024-0001"}]')
    with refused(503, "SANDBOX", "Object missing required field `package`"):
        status(owner)
    real.advisories.write_text(json.dumps(KNOWN))
    assert status(owner)["status"] == "FAIL"


def test_an_image_is_scanned_some_time_after_its_push(real: RealCloud, owner: Clients) -> None:
    real.advisor.delay = 600
    real.owner.push(f"{REPOSITORY}:1", DEBIAN)
    until(lambda: states(owner))
    assert set(states(owner).values()) == {"UNSCANNED"}
    for operation in (status, report):
        with refused(*UNSCANNED):
            operation(owner)
    assert owner.advisor.account_report_query_path().get_result() == {"assessments": {}}
    real.cloud.clock.advance(601)
    later = clients(real.cloud)
    until(lambda: set(states(later).values()) == {"FAIL"})


@pytest.mark.unknown
def test_an_image_that_is_not_scanned_yet_can_be_told_by_its_status(
    real: RealCloud, owner: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unverified, "UNSCANNED_STATUS", None)
    real.advisor.delay = 600
    real.owner.push(f"{REPOSITORY}:1", DEBIAN)
    until(lambda: states(owner))
    assert (status(owner)["status"], report(owner)["status"]) == ("UNSCANNED", "UNSCANNED")


def test_an_image_without_debians_packages_is_unsupported(real: RealCloud, owner: Clients) -> None:
    scanned(real, owner, f"{REPOSITORY}:1", layer({"bin/app": "x"}))
    assert status(owner)["status"] == "UNSUPPORTED"
    assert report(owner)["vulnerabilities"] == []


@pytest.mark.unknown
def test_an_image_with_a_layer_that_cannot_be_read_is_incomplete(real: RealCloud, owner: Clients) -> None:
    scanned(real, owner, f"{REPOSITORY}:1", b"no archive")
    assert status(owner)["status"] == "INCOMPLETE"


def test_an_upgrade_in_an_upper_layer_mends(real: RealCloud, owner: Clients) -> None:
    mended = STATUS.replace("3.0.9-1", "3.0.15-1~deb12u1").replace("1:1.2.13.dfsg-1", "1:1.3-1")
    scanned(real, owner, f"{REPOSITORY}:1", DEBIAN, layer({"var/lib/dpkg/status": mended}))
    assert status(owner)["status"] == "OK"


def test_untagged_images_are_not_scanned(real: RealCloud, owner: Clients, image: Pushed) -> None:
    untagged = real.owner.push(REPOSITORY, DEBIAN, layer({"a": "untagged"}))
    scanned(real, owner, f"{REPOSITORY}:later", DEBIAN, layer({"a": "later"}))
    assert report(owner, f"{REPOSITORY}@{image.digest}")["status"] == "FAIL"
    with refused(*UNSCANNED):
        status(owner, f"{REPOSITORY}@{untagged.digest}")


def test_a_result_is_kept_for_thirty_days_and_made_anew(real: RealCloud, owner: Clients, image: Pushed) -> None:
    assert image
    first = status(owner)["scan_time"]
    real.cloud.clock.advance(29 * 86400)
    later = clients(real.cloud)
    assert status(later)["scan_time"] == first
    real.advisor.delay = 40 * 86400
    real.cloud.clock.advance(2 * 86400)
    later = clients(real.cloud)
    with refused(*UNSCANNED):
        status(later)
    real.advisor.delay = 0
    until(lambda: set(states(later).values()) == {"FAIL"})
    assert status(later)["scan_time"] > first
