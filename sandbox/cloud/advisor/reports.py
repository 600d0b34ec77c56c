"""Reports: what an image's packages, the known problems and the exemptions come to, at the time of asking."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from sandbox.cloud.advisor.advisories import Advisory
from sandbox.cloud.advisor.scans import CVE, NOTICE, SCANNED, Exemption, Scan, exemptions_of, scan_of, scopes_of
from sandbox.cloud.core import unverified
from sandbox.cloud.core.store import Session
from sandbox.cloud.registry.images import Image

OK, FAIL, UNSCANNED = "OK", "FAIL", "UNSCANNED"


@dataclass(frozen=True)
class Finding:
    """One CVE in an image: its advisories by security notice, and what of it is exempt."""

    cve: str
    notices: dict[str, list[Advisory]]
    is_exempt: bool
    exempt_notices: frozenset[str]

    @property
    def status(self) -> str:
        """`exempt` as a whole, `partial` for some of its notices, else `active`."""
        if self.is_exempt or self.exempt_notices == self.notices.keys():
            return "exempt"
        return "partial" if self.exempt_notices else "active"


@dataclass(frozen=True)
class Report:
    """What is wrong with one image; `scan` is None while it hasn't been scanned."""

    scan: Scan | None
    findings: list[Finding] = field(default_factory=list[Finding])

    @property
    def status(self) -> str:
        """IBM's word for the whole."""
        if self.scan is None:
            return UNSCANNED
        if self.scan.outcome != SCANNED:
            return self.scan.outcome
        if any(finding.status != "exempt" for finding in self.findings):
            return FAIL
        return unverified.ALL_EXEMPT_STATUS if self.findings else OK

    @property
    def exempt_count(self) -> int:
        """How many of the findings are exempt."""
        return sum(finding.status == "exempt" for finding in self.findings)

    def summary(self) -> dict[str, object]:
        """Write it as status calls do. Configuration issues are no longer looked for."""
        return {
            "status": self.status,
            "issue_count": len(self.findings),
            "vulnerability_count": len(self.findings),
            "configuration_issue_count": 0,
            "exempt_issue_count": self.exempt_count,
            "exempt_vulnerability_count": self.exempt_count,
            "exempt_configuration_issue_count": 0,
            "scan_time": self._scan_time,
        }

    def document(self, name: str) -> dict[str, object]:
        """Write it as report calls do; `name` is the image's."""
        scan = self.scan
        release = scan.release if scan else {}
        return {
            "id": f"{scan.digest if scan else ''}-{name}",
            "status": self.status,
            "scan_time": self._scan_time,
            "os_distribution": {
                "distribution_id": release.get("ID", ""),
                "version_id": release.get("VERSION_ID", ""),
                "version_code_name": release.get("VERSION_CODENAME", ""),
            },
            "configuration_issues": [],
            "vulnerabilities": [self._shown(finding) for finding in self.findings],
        }

    @property
    def _scan_time(self) -> int:
        return self.scan.scanned_at // 1000 if self.scan else 0

    def _shown(self, finding: Finding) -> dict[str, object]:
        exempt = len(finding.exempt_notices)
        advisories = [advisory for held in finding.notices.values() for advisory in held]
        return {
            "cve_id": finding.cve,
            "cve_exempt": finding.is_exempt,
            "exempt_status": finding.status,
            "summary": advisories[0].summary,
            "exempt_security_notice_count": exempt,
            "security_notice_count": len(finding.notices) - exempt,
            "total_security_notice_count": len(finding.notices),
            "security_notices": [
                {
                    "notice_id": notice,
                    "notice": notice,
                    "notice_exempt": notice in finding.exempt_notices,
                    "summary": held[0].summary,
                    "vulnerable_packages": [self._package(advisory) for advisory in held],
                }
                for notice, held in finding.notices.items()
            ],
        }

    def _package(self, advisory: Advisory) -> dict[str, object]:
        return {
            "package_name": advisory.package,
            "installed_version": (self.scan.packages if self.scan else {}).get(advisory.package, ""),
            "fix_version": advisory.fixed,
            "corrective_action": f"Upgrade {advisory.package} to version {advisory.fixed} or later.",
            "description": advisory.summary,
        }


def report_on(session: Session, account_id: str, image: Image, tag: str | None, known: Iterable[Advisory]) -> Report:
    """Say what is wrong with an image under this tag, by the problems that are known."""
    exemptions = exemptions_of(session, image.region, account_id, scopes_of(image, tag))
    return assess(scan_of(session, image), known, exemptions)


def assess(scan: Scan | None, known: Iterable[Advisory], exemptions: Iterable[Exemption]) -> Report:
    """Say what is wrong with an image; the exemptions are those that hold for it."""
    if scan is None or scan.outcome != SCANNED:
        return Report(scan)
    exempt = {(each.issue_type, each.issue_id) for each in exemptions}
    packages = {name: str(version) for name, version in scan.packages.items()}
    found: dict[str, dict[str, list[Advisory]]] = {}
    for advisory in known:
        if advisory.applies(packages):
            found.setdefault(advisory.cve, {}).setdefault(advisory.notice_id, []).append(advisory)
    return Report(
        scan,
        [
            Finding(cve, notices, (CVE, cve) in exempt, frozenset(name for name in notices if (NOTICE, name) in exempt))
            for cve, notices in sorted(found.items())
        ],
    )
