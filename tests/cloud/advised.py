"""A real registry with one Debian image and what is known to be wrong in it: for the tests of Vulnerability Advisor."""

from __future__ import annotations

import json
from collections.abc import Generator
from typing import Any

import pytest
from ibm_container_registry import vulnerability_advisor_v4 as models

from tests.cloud.clients import Clients, Json, clients, parse
from tests.cloud.real_registry import Pushed, RealCloud, layer, until

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
