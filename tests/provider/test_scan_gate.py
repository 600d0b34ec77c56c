"""The gate on the Vulnerability Advisor's result: it waits, and passes, warns or stops the deployment."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.provider.conftest import FastPace
from tests.provider.engine import UNKNOWN, Engine, RefusedError, Resource
from tests.provider.wire import Trouble, Wire

pytestmark = pytest.mark.provider

GATE = "ibm-native:registry:ScanGate"
REPORT = "GET /va/api/v4/report/image/.+"
DIGEST = "sha256:" + "a" * 64
IMAGE = {"region": "jp-tok", "repository": "my-images/nginx", "digest": DIGEST}
NOT_YET = '{"code": "BXNVA0009E", "message": "The image has not been scanned. Try again later."}'


def report(*ids: str, status: str = "FAIL", **more: Any) -> str:
    found = [
        {
            "cve_id": each,
            "cve_exempt": False,
            "security_notices": [{"notice_id": f"DSA-{each}", "notice_exempt": False}],
        }
        for each in ids
    ]
    return json.dumps({"id": "1", "scan_time": 1, "status": status, "vulnerabilities": found, **more})


async def gate(engine: Engine, wire: Wire, body: str, **inputs: Any) -> Resource:
    wire.troubles = [Trouble(REPORT, "answer", status=200, body=body, count=9)]
    return await engine.make(GATE, {**IMAGE, **inputs})


async def test_a_clean_image_passes_and_is_handed_on_by_digest(engine: Engine, wire: Wire) -> None:
    passed = await gate(engine, wire, report(status="OK"))
    assert passed.outputs["passed"] is True
    assert passed.outputs["image"] == f"{wire.url.removeprefix('http://')}/my-images/nginx@{DIGEST}"
    assert await engine.refresh(passed) == passed
    assert not (await engine.diff(passed)).changes
    await engine.delete(passed)


@pytest.mark.parametrize(("status", "body"), [(404, NOT_YET), (400, NOT_YET), (200, '{"status": "UNSCANNED"}')])
async def test_a_scan_that_isn_t_there_yet_is_waited_for(
    engine: Engine, wire: Wire, pace: FastPace, status: int, body: str
) -> None:
    later = Trouble(REPORT, "answer", status=200, body=report(status="OK"))
    wire.troubles = [Trouble(REPORT, "answer", status=status, body=body, count=5), later]
    assert (await engine.make(GATE, IMAGE)).outputs["status"] == "OK"
    assert sum(pace.waits) > 5


async def test_a_scan_that_never_comes_stops_with_the_likely_cause(engine: Engine, wire: Wire) -> None:
    wire.troubles = [Trouble(REPORT, "answer", status=404, body=NOT_YET, count=99)]
    with pytest.raises(RefusedError, match="no result after 60 s\nIt scans tagged images"):
        await engine.make(GATE, {**IMAGE, "timeoutSeconds": 60})


async def test_too_many_vulnerabilities_stop_the_deployment_and_are_named(engine: Engine, wire: Wire) -> None:
    with pytest.raises(RefusedError, match=r"vulnerabilities: 2, allowed: 1 \(CVE-1, CVE-2\)"):
        await gate(engine, wire, report("CVE-2", "CVE-1"), maxIssues=1)


async def test_a_long_list_of_vulnerabilities_is_cut(engine: Engine, wire: Wire) -> None:
    with pytest.raises(RefusedError, match="CVE-19 and 2 more"):
        await gate(engine, wire, report(*(f"CVE-{number}" for number in range(10, 22))))


async def test_a_warning_lets_the_image_by(engine: Engine, wire: Wire, capsys: pytest.CaptureFixture[str]) -> None:
    let_by = await gate(engine, wire, report("CVE-1"), onIssues="warn")
    assert let_by.outputs["passed"] is False
    assert let_by.outputs["issues"] == ["CVE-1"]
    assert "vulnerabilities: 1, allowed: 0" in capsys.readouterr().err


async def test_exemptions_by_cve_or_notice_don_t_count(engine: Engine, wire: Wire) -> None:
    reasons = ["CVE-1: not reachable", "DSA-CVE-2: mended by hand"]
    passed = await gate(engine, wire, report("CVE-1", "CVE-2"), exemptions=reasons)
    assert passed.outputs["passed"] is True
    assert passed.outputs["issues"] == []


async def test_an_exemption_counts_up_to_its_last_day(engine: Engine, wire: Wire, pace: FastPace) -> None:
    until = [f"CVE-1: not reachable; until {pace.today():%Y-%m-%d}"]
    assert (await gate(engine, wire, report("CVE-1"), exemptions=until)).outputs["issues"] == []
    await pace.sleep(86400, "a day goes by")
    with pytest.raises(RefusedError, match=r"allowed: 0 \(CVE-1\)"):
        await gate(engine, wire, report("CVE-1"), exemptions=until)
    _, failures = await engine.check(GATE, {**IMAGE, "exemptions": ["CVE-1: why; until 2030-02-31"]})
    assert set(failures) == {"exemptions[0]"}


async def test_a_refusal_names_finding_package_and_fix(engine: Engine, wire: Wire) -> None:
    package = {"package_name": "openssl", "installed_version": "3.0.1", "fix_version": "3.0.2"}
    notices = [{"notice_id": "DSA-1", "vulnerable_packages": [package]}]
    body = report(vulnerabilities=[{"cve_id": "CVE-1", "security_notices": notices}])
    with pytest.raises(
        RefusedError, match=r"\(CVE-1 in openssl 3\.0\.1, fixed in 3\.0\.2\)\nBuild the image with the fixed"
    ):
        await gate(engine, wire, body)


async def test_what_the_account_exempts_doesn_t_count(engine: Engine, wire: Wire) -> None:
    exempt = [{"cve_id": "CVE-1", "cve_exempt": True}, {"cve_id": "CVE-2", "exempt_status": "exempt"}]
    assert (await gate(engine, wire, report(vulnerabilities=exempt))).outputs["issues"] == []


@pytest.mark.parametrize("action", ["fail", "pass"])
async def test_an_unsupported_distribution_is_a_case_of_its_own(engine: Engine, wire: Wire, action: str) -> None:
    body = report(status="UNSUPPORTED")
    if action == "fail":
        with pytest.raises(RefusedError, match="doesn't support the image's distribution"):
            await gate(engine, wire, body)
    else:
        assert (await gate(engine, wire, body, onUnsupported="pass")).outputs["passed"] is False


async def test_another_image_or_threshold_is_looked_at_anew(engine: Engine, wire: Wire) -> None:
    passed = await gate(engine, wire, report(status="OK"))
    assert (await engine.diff(passed, digest="sha256:" + "b" * 64)).kinds == {"digest": "UPDATE"}
    assert not (await engine.diff(passed, timeoutSeconds=60)).changes
    wire.troubles = [Trouble(REPORT, "answer", status=200, body=report("CVE-1"))]
    with pytest.raises(RefusedError, match="vulnerabilities: 1, allowed: 0"):
        await engine.update(passed, digest="sha256:" + "b" * 64)


async def test_the_preview_of_another_look_promises_nothing_of_the_old_one(engine: Engine, wire: Wire) -> None:
    passed = await gate(engine, wire, report(status="OK"))
    wire.calls.clear()
    other = (await engine.update(passed, preview=True, digest="sha256:" + "b" * 64)).outputs
    assert {name: other[name] for name in ("image", "status", "passed", "issues")} == dict.fromkeys(
        ("image", "status", "passed", "issues"), UNKNOWN
    )
    assert (await engine.update(passed, preview=True, digest=UNKNOWN)).outputs["image"] == UNKNOWN
    stricter = (await engine.update(passed, preview=True, maxIssues=1)).outputs
    assert stricter["image"] == passed.outputs["image"], "the same image has the same name"
    assert stricter["passed"] == UNKNOWN, "another look may judge otherwise"
    assert wire.calls == []


async def test_an_exemption_without_a_reason_is_refused(engine: Engine) -> None:
    _, failures = await engine.check(GATE, {**IMAGE, "exemptions": ["CVE-1"], "onIssues": "burn"})
    assert set(failures) == {"exemptions[0]", "onIssues"}


async def test_a_gate_is_not_imported(engine: Engine) -> None:
    with pytest.raises(RefusedError, match="a gate is passed, not imported"):
        await engine.bring_in(GATE, "an image")
