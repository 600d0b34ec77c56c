"""A gate on the Vulnerability Advisor's result for one image, before anything runs it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import pulumi

from ibm_native.cloud.errors import ApiError, ProviderError, TimedOutError
from ibm_native.cloud.refusals import Job
from ibm_native.cloud.sdk import Json, objects, text
from ibm_native.model import rules
from ibm_native.model.declare import resource
from ibm_native.model.inputs import Args, In, Known, Outputs, Prop, Texts
from ibm_native.model.lifecycle import Call, Found, LifeCycle
from ibm_native.model.notices import notice

_NEEDS = "the role Reader or Manager on container-registry for the image's namespace"
_NOT_SCANNED = "BXNVA0009E"
_WAITING = {"UNSCANNED", "INCOMPLETE", ""}
_SHOWN = 10
_SHORTEST_WAIT = 2.0
"""Seconds; a scan takes minutes."""


class ScanGateArgs(Args):
    """Inputs of a scan gate."""

    region: In[str] = In("Region of the registry, such as jp-tok.", rule=rules.region)
    repository: In[str] = In("Repository as `namespace/name`.", rule=rules.repository)
    digest: In[str] = In("Digest of the image; only tagged images are scanned.", rule=rules.digest)
    max_issues: In[int] = In(
        "Most vulnerabilities that let the image pass, exempted ones not counted.", rule=rules.max_issues, default=0
    )
    exemptions: Texts = Texts(
        "Vulnerabilities or security notices that don't count, each with its reason, and with the last day on which it "
        "holds if it has one: `CVE-2024-1234: why; until 2030-01-31`.",
        unordered=True,
        rule=rules.finding,
        default=None,
    )
    on_issues: In[str] = In(
        "What too many vulnerabilities do: fail, warn or pass.", rule=rules.scan_action, default="fail"
    )
    on_unsupported: In[str] = In(
        "What an image does that the Advisor can't scan: fail, warn or pass.", rule=rules.scan_action, default="fail"
    )
    timeout_seconds: In[int] = In("How long the result may take.", quiet=True, rule=rules.timeout_seconds, default=600)


class ScanGate(
    resource(ScanGateArgs),
    token="ibm-native:registry:ScanGate",
    refresh="nothing is compared: the image was judged, and is judged again when an input changes",
    needs=_NEEDS,
):
    """Waits for the Vulnerability Advisor's result for an image, and lets the deployment pass, warns, or stops it.

    Exemptions in the account count as IBM says; those given here come on top, each with its reason. What depends on
    `image` runs an image that passed.
    """

    region: pulumi.Output[str]
    repository: pulumi.Output[str]
    digest: pulumi.Output[str]
    max_issues: pulumi.Output[int]
    exemptions: pulumi.Output[Sequence[str] | None]
    on_issues: pulumi.Output[str]
    on_unsupported: pulumi.Output[str]
    image: Annotated[pulumi.Output[str], Prop("The image by digest, `host/namespace/name@sha256:...`.")]
    status: Annotated[pulumi.Output[str], Prop("The Advisor's own verdict: OK, WARN, FAIL or UNSUPPORTED.")]
    passed: Annotated[pulumi.Output[bool], Prop("Whether the image passed; false only where it was let by.")]
    issues: Annotated[pulumi.Output[Sequence[str]], Prop("Ids of the vulnerabilities that count.")]


class ScanGateLife(LifeCycle[ScanGateArgs]):
    """Nothing lies in the cloud: making and updating it is a look, reading and deleting it is nothing."""

    declaration = ScanGate.declaration

    def kept(self, call: Call, old: Known, new: Known) -> frozenset[str]:
        """Keep the image's name where it is of the same image; another look may judge the same one otherwise."""
        same = {"region", "repository", "digest"} <= new.keys() and old.get("image") == _image(
            call, ScanGateArgs.of(new)
        )
        return frozenset({"image"} if same else ())

    async def create(self, call: Call, inputs: ScanGateArgs) -> tuple[str, Outputs]:
        """Wait for the result and judge it."""
        verdict = await self._judge(call, inputs)
        return str(verdict["image"]), verdict

    async def read(self, call: Call, resource_id: str, inputs: ScanGateArgs | None, state: Known) -> Found | None:
        """Return what was found: a judgement doesn't drift."""
        del call
        if inputs is None:
            raise ProviderError(
                f"import scan gate {resource_id}", "a gate is passed, not imported", "Run `pulumi up` to make it."
            )
        return Found(inputs.given(), {name: state.get(name) for name in ("image", "status", "passed", "issues")})

    async def update(self, call: Call, resource_id: str, inputs: ScanGateArgs, state: Known) -> Outputs:
        """Look again."""
        del resource_id, state
        return await self._judge(call, inputs)

    async def delete(self, call: Call, resource_id: str, state: Known) -> None:
        """Do nothing."""

    async def _judge(self, call: Call, inputs: ScanGateArgs) -> Outputs:
        region, image = inputs.region, _image(call, inputs)
        what = f"look at the scan of {image}"
        seconds = inputs.timeout_seconds
        report = await call.pace.until(
            lambda: self._report(call, what, region, image), within=seconds, why=what, shortest=_SHORTEST_WAIT
        )
        if report is None:
            raise TimedOutError(
                what,
                f"the Vulnerability Advisor has no result after {seconds} s",
                "It scans tagged images, some minutes after a push; encrypted ones never. Run the same command again, "
                "or raise timeoutSeconds.",
            )
        status = text(report, "status")
        today = call.pace.today().date()
        ends = {each.partition(":")[0]: rules.exempt_until(each) for each in inputs.exemptions}
        exempt = {name for name, end in ends.items() if end is None or end >= today}
        issues = counted(report, exempt)
        unsupported = status == "UNSUPPORTED"
        passed = not unsupported and len(issues) <= inputs.max_issues
        if not passed:
            action = inputs.on_unsupported if unsupported else inputs.on_issues
            _act(action, what, _why(report, issues, inputs.max_issues))
        return {"image": image, "status": status, "passed": passed, "issues": tuple(issues)}

    async def _report(self, call: Call, what: str, region: str, image: str) -> Json | None:
        try:
            reply = await call.cloud.advisor(region, Job(what, _NEEDS), lambda api: api.image_report_query_path(image))
        except ApiError as error:
            if error.status == 404 or error.code == _NOT_SCANNED:
                return None
            raise
        return None if text(reply.fields, "status") in _WAITING else reply.fields


def _image(call: Call, inputs: ScanGateArgs) -> str:
    host = call.cloud.connection.registry_name(inputs.region, f"look at the scan of {inputs.repository}")
    return f"{host}/{inputs.repository}@{inputs.digest}"


def counted(report: Json, exempt: set[str]) -> list[str]:
    """Return the ids of vulnerabilities that neither the account nor `exempt` (CVEs or notices) takes out."""
    found: list[str] = []
    for each in objects(report.get("vulnerabilities")):
        notices = objects(each.get("security_notices"))
        open_notices = [
            one for one in notices if one.get("notice_exempt") is not True and text(one, "notice_id") not in exempt
        ]
        by_ibm = each.get("cve_exempt") is True or text(each, "exempt_status") == "exempt"
        if not by_ibm and text(each, "cve_id") not in exempt and (open_notices or not notices):
            found.append(text(each, "cve_id"))
    return sorted(found)


def _why(report: Json, issues: Sequence[str], most: int) -> str:
    if text(report, "status") == "UNSUPPORTED":
        return "the Vulnerability Advisor doesn't support the image's distribution"
    rest = f" and {len(issues) - _SHOWN} more" if len(issues) > _SHOWN else ""
    named = {text(each, "cve_id"): _named(each) for each in objects(report.get("vulnerabilities"))}
    shown = ", ".join(named[each] for each in issues[:_SHOWN])
    return f"vulnerabilities: {len(issues)}, allowed: {most} ({shown}{rest})"


def _named(vulnerability: Json) -> str:
    """Return a vulnerability's id, with the packages that have it and the versions that don't."""
    packages = {
        f"{text(each, 'package_name')} {text(each, 'installed_version')}, fixed in {text(each, 'fix_version')}"
        for notice in objects(vulnerability.get("security_notices"))
        for each in objects(notice.get("vulnerable_packages"))
    }
    where = f" in {'; '.join(sorted(packages))}" if packages else ""
    return f"{text(vulnerability, 'cve_id')}{where}"


def _act(action: str, what: str, why: str) -> None:
    if action == "fail":
        raise ProviderError(
            what,
            why,
            "Build the image with the fixed packages, or exempt what can't be reached: "
            "exemptions=['CVE-...: why; until 2030-01-31'].",
        )
    if action == "warn":
        notice(f"{what}: {why}")
