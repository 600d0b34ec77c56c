"""Exemptions of Vulnerability Advisor through IBM's client, and who may read and write them."""

from __future__ import annotations

from typing import Any

import pytest
from ibm_container_registry import vulnerability_advisor_v4 as models

from sandbox.cloud.core import unverified
from tests.cloud.advised import NAMESPACE, NO, REPOSITORY, image, listed, owner, real, report, status
from tests.cloud.clients import Clients, Json, allow, clients, make_robot, parse, refused
from tests.cloud.real_registry import Pushed, RealCloud

__all__ = ["image", "owner", "real"]
pytestmark = [pytest.mark.cloud, pytest.mark.verified]


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
