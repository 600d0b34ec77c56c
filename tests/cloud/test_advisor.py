"""Vulnerability Advisor through IBM's client: scans of real images, reports, exemptions, and who may do what."""

from __future__ import annotations

import json
from collections.abc import Generator
from typing import Any

import pytest
from ibm_container_registry import vulnerability_advisor_v4 as models

from sandbox.cloud import unverified
from tests.cloud.clients import Clients, Json, allow, clients, make_robot, parse, refused
from tests.cloud.real_registry import Pushed, RealCloud, layer, until

pytestmark = [pytest.mark.cloud, pytest.mark.verified]

NAMESPACE = "my-praivate-repo"
REPOSITORY = f"{NAMESPACE}/nginx-custom"
NO = (403, "CRG0020E", "You are not authorized to access the specified resource.")
UNSCANNED = (404, "BXNVA0009E", "has not been scanned. Try again later.")

STATUS = """Package: openssl
Status: install ok installed
Version: 3.0.9-1

Package: libssl3
Status: install ok installed
Version: 3.0.9-1

Package: zlib1g
Status: install ok installed
Version: 1:1.2.13.dfsg-1
"""
RELEASE = 'ID=debian\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\n'
DEBIAN = layer({"var/lib/dpkg/status": STATUS, "usr/lib/os-release": RELEASE})

KNOWN = [
    {"cve": "CVE-2024-0001", "package": "openssl", "fixed": "3.0.15-1~deb12u1", "notice": "DSA-1", "summary": "Bad."},
    {"cve": "CVE-2024-0001", "package": "libssl3", "fixed": "3.0.15-1~deb12u1", "notice": "DSA-1"},
    {"cve": "CVE-2024-0001", "package": "zlib1g", "fixed": "1:1.3-1", "notice": "DSA-2"},
    {"cve": "CVE-2024-0002", "package": "zlib1g", "fixed": "1:1.2.13.dfsg-1"},
    {"cve": "CVE-2024-0003", "package": "not-installed", "fixed": "9"},
]


@pytest.fixture
def real() -> Generator[RealCloud]:
    with RealCloud() as found:
        clients(found.cloud).registry.create_namespace(NAMESPACE)
        found.advisories.write_text(json.dumps(KNOWN))
        yield found


@pytest.fixture
def owner(real: RealCloud) -> Clients:
    return clients(real.cloud)


@pytest.fixture
def image(real: RealCloud, owner: Clients) -> Pushed:
    return scanned(real, owner, f"{REPOSITORY}:1", DEBIAN)


def scanned(real: RealCloud, owner: Clients, name: str, *layers: bytes) -> Pushed:
    pushed = real.owner.push(name, *layers)
    until(lambda: states(owner).get(f"{real.host}/{name}", "UNSCANNED") != "UNSCANNED")
    return pushed


def states(owner: Clients) -> dict[str, str]:
    found = owner.advisor.account_status_query_path().get_result()
    return {each["name"]: each["status"] for each in found["images"]}


def status(owner: Clients, name: str = f"{REPOSITORY}:1") -> Json:
    return owner.advisor.image_status_query_path(name).get_result()


def report(owner: Clients, name: str = f"{REPOSITORY}:1") -> Json:
    found = owner.advisor.image_report_query_path(name).get_result()
    parse(models.ScanReport, found)
    return found


def listed(answer: Any) -> list[Json]:
    found: list[Json] = answer.get_result()
    for each in found:
        parse(models.Exemption, each)
    return found


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


RESOURCES = [
    (None, {"scope_type": "account"}),
    (NAMESPACE, {"scope_type": "namespace", "namespace": NAMESPACE}),
    (REPOSITORY, {"scope_type": "repository", "namespace": NAMESPACE, "repository": "nginx-custom"}),
    (
        f"{REPOSITORY}:1",
        {"scope_type": "image", "namespace": NAMESPACE, "repository": "nginx-custom", "tag": "1"},
    ),
]


@pytest.mark.parametrize(("resource", "scope"), RESOURCES)
def test_an_exemption_holds_for_its_scope(
    owner: Clients, image: Pushed, resource: str | None, scope: dict[str, str]
) -> None:
    assert image
    advisor: Any = owner.advisor
    place, where = ("account", ()) if resource is None else ("resource", (resource,))
    made = getattr(advisor, f"create_exemption_{place}")(*where, "cve", "CVE-2024-0001")
    assert made.get_status_code() == 201
    wanted = {"account_id": made.get_result()["account_id"], "issue_id": "CVE-2024-0001", "issue_type": "cve"}
    wanted |= {"scope": scope}
    assert made.get_result() == wanted
    assert getattr(advisor, f"get_exemption_{place}")(*where, "cve", "CVE-2024-0001").get_result() == wanted
    assert listed(getattr(advisor, f"list_exemption_{place}")(*where)) == [wanted]
    found = report(owner)
    assert found["status"] == unverified.ALL_EXEMPT_STATUS
    assert (found["vulnerabilities"][0]["cve_exempt"], found["vulnerabilities"][0]["exempt_status"]) == (True, "exempt")
    assert (status(owner)["issue_count"], status(owner)["exempt_issue_count"]) == (1, 1)
    assert getattr(advisor, f"delete_exemption_{place}")(*where, "cve", "CVE-2024-0001").get_status_code() == 200
    assert status(owner)["status"] == "FAIL"
    with refused(*unverified.EXEMPTION_ABSENT):
        getattr(advisor, f"get_exemption_{place}")(*where, "cve", "CVE-2024-0001")


def test_an_exemption_elsewhere_changes_nothing(owner: Clients, image: Pushed) -> None:
    assert image
    for resource in ("other", f"{NAMESPACE}/other", f"{REPOSITORY}:2", f"{REPOSITORY}@sha256:{'0' * 64}"):
        owner.advisor.create_exemption_resource(resource, "cve", "CVE-2024-0001")
    assert status(owner)["status"] == "FAIL"


def test_exempt_notices_add_up(owner: Clients, image: Pushed) -> None:
    assert image
    owner.advisor.create_exemption_account("sn", "DSA-1")
    (found,) = report(owner)["vulnerabilities"]
    counts = [found[f"{name}security_notice_count"] for name in ("", "exempt_", "total_")]
    assert (found["exempt_status"], found["cve_exempt"], counts) == ("partial", False, [1, 1, 2])
    assert status(owner)["status"] == "FAIL"
    owner.advisor.create_exemption_resource(REPOSITORY, "sn", "DSA-2")
    assert report(owner)["vulnerabilities"][0]["exempt_status"] == "exempt"


def test_exemptions_are_listed_by_what_they_hold_for(real: RealCloud, owner: Clients) -> None:
    advisor = owner.advisor
    advisor.create_exemption_account("cve", "CVE-2024-0001")
    advisor.create_exemption_resource(NAMESPACE, "cve", "CVE-2024-0002")
    advisor.create_exemption_resource(f"{real.host}/{REPOSITORY}:1", "sn", "DSA-3")
    advisor.create_exemption_resource(f"{REPOSITORY}:1", "sn", "DSA-3")
    advisor.create_exemption_resource(f"{REPOSITORY}:2", "sn", "DSA-4")
    every = ["CVE-2024-0001", "CVE-2024-0002", "DSA-3", "DSA-4"]
    assert [each["issue_id"] for each in listed(advisor.list_account_exemptions())] == every
    found = listed(advisor.list_image_exemptions(f"{REPOSITORY}:1", include_scope=True))
    assert [each["issue_id"] for each in found] == every[:3]
    assert [each["scope"]["scope_type"] for each in found] == ["account", "namespace", "image"]
    assert all("scope" not in each for each in listed(advisor.list_image_exemptions(f"{REPOSITORY}:1")))
    bulk = advisor.list_bulk_image_exemptions([f"{REPOSITORY}:1", f"{REPOSITORY}:2"]).get_result()
    assert {name: len(held) for name, held in bulk.items()} == {f"{REPOSITORY}:1": 3, f"{REPOSITORY}:2": 3}
    deleted = advisor.exemptions_account_delete_handler().get_result()
    parse(models.ExemptionDeletionInfo, deleted)
    assert deleted == {"number_of_exemptions_deleted": 4}
    assert listed(advisor.list_account_exemptions()) == []


def test_types_tell_the_form_of_their_ids(owner: Clients) -> None:
    found: Any = owner.advisor.exempt_handler().get_result()
    for each in found:
        parse(models.ExemptionTypeInfo, each)
    assert [each["identifier"] for each in found] == ["cve", "sn", "configuration"]


@pytest.mark.unknown
@pytest.mark.parametrize(("kind", "issue"), [("cve", "2024-1"), ("bug", "x"), ("sn", "")])
def test_an_issue_must_have_its_types_form(owner: Clients, kind: str, issue: str) -> None:
    if not issue:
        issue = " "
    with refused(*unverified.BAD_REQUEST, "" if kind != "bug" else "one of cve, sn, configuration"):
        owner.advisor.create_exemption_account(kind, issue)


CALLS: list[tuple[str, Json, str]] = [
    ("account_status_query_path", {}, "Reader Manager"),
    ("account_report_query_path", {}, "Reader Manager"),
    ("image_status_query_path", {"name": f"{REPOSITORY}:1"}, "Reader Manager"),
    ("image_report_query_path", {"name": f"{REPOSITORY}:1"}, "Reader Manager"),
    ("list_exemption_resource", {"resource": REPOSITORY}, "Reader Manager"),
    ("list_image_exemptions", {"resource": REPOSITORY}, "Reader Manager"),
    ("list_bulk_image_exemptions", {"body": [f"{REPOSITORY}:1"]}, "Reader Manager"),
    ("exempt_handler", {}, "Reader Writer Manager"),
]
ACCOUNT_CALLS: list[tuple[str, Json, str]] = [
    ("list_exemption_account", {}, "Reader Manager"),
    ("list_account_exemptions", {}, "Reader Manager"),
    ("create_exemption_account", {"issue_type": "cve", "issue_id": "CVE-2024-0001"}, "Manager"),
    ("create_exemption_resource", {"resource": REPOSITORY, "issue_type": "sn", "issue_id": "DSA-1"}, "Manager"),
    ("exemptions_account_delete_handler", {}, "Manager"),
]


@pytest.mark.parametrize("role", ["Reader", "Writer", "Manager"])
def test_roles_decide_and_exemptions_are_written_for_the_account_only(
    real: RealCloud, image: Pushed, role: str
) -> None:
    assert image
    robot = make_robot(real.cloud)
    advisor: Any = clients(real.cloud, robot.key).advisor
    allow(real.cloud, robot, role, resourceType="namespace", resource=NAMESPACE)
    expect(advisor, CALLS, role)
    expect(advisor, ACCOUNT_CALLS, "nobody")
    allow(real.cloud, robot, role, region="jp-tok")
    expect(advisor, ACCOUNT_CALLS, role)


def expect(advisor: Any, calls: list[tuple[str, Json, str]], role: str) -> None:
    for operation, arguments, carriers in calls:
        if role in carriers.split():
            assert getattr(advisor, operation)(**arguments).get_status_code() in (200, 201)
        else:
            with refused(*NO):
                getattr(advisor, operation)(**arguments)
