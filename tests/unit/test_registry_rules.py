"""The registry in the graph: what it keeps, whether there is room, which platform an image is for, and the gate."""

from __future__ import annotations

import pulumi
import pytest

import ibm_native
from components.image import PulledImage, listed, roomy
from tests.unit import graph as harness
from tests.unit.test_graph import IMAGE, POD, delivery, graph, parsed

pytestmark = pytest.mark.unit

RETENTION = "ibm-native:registry:RetentionPolicy retention"
GATE = "ibm-native:registry:ScanGate gate"


def test_a_retention_policy_is_set_where_it_is_asked_for_and_keeps_untagged_images() -> None:
    assert RETENTION not in graph()
    kept = graph(retain_images=5)[RETENTION].inputs
    assert (kept["imagesPerRepo"], kept["retainUntagged"], kept["namespace"]) == (5, True, "my-praivate-repo")


def test_an_update_asks_for_room_and_platform_and_a_preview_for_nothing_before_the_image_is_known() -> None:
    assert graph(preview=True).called == []
    asked = dict(graph().called)
    assert asked["ibm-native:registry:getQuota"]["region"] == "jp-tok"
    assert asked["ibm-native:registry:getImage"]["platform"] == "linux/amd64"
    assert asked["ibm-native:registry:getImage"]["digest"] == harness.SAMPLE_DIGEST


def test_a_preview_asks_for_the_size_of_an_image_that_is_known_and_for_no_platform() -> None:
    web = {"image": f"web@{harness.SAMPLE_DIGEST}"}
    for preview, platforms in ((True, []), (False, ["linux/amd64"])):
        seen = harness.run(lambda: delivery("delivery", parsed(workloads={"web": web})), preview=preview)
        assert [asked.get("platform") for name, asked in seen.called if name.endswith("getImage")] == platforms

    def known() -> None:
        digest = pulumi.Output.from_input(harness.SAMPLE_DIGEST)
        known = PulledImage(digest, pulumi.Output.from_input("ns/web"), digest, digest.apply(len))
        listed(known, "linux/amd64", "jp-tok")

    assert [asked.get("platform") for _, asked in harness.run(known, preview=True).called] == [None]


def quota(**changes: int) -> ibm_native.GetQuotaResult:
    free = {"storage_limit_bytes": 512 * 10**6, "storage_used_bytes": 0, "traffic_limit_bytes": 5 * 10**9}
    return ibm_native.GetQuotaResult(**{**free, "traffic_used_bytes": 0, **changes})


@pytest.mark.parametrize(("kind", "limit"), [("storage", 512 * 10**6), ("traffic", 5 * 10**9)])
def test_a_quota_that_is_nearly_used_up_is_told_and_one_that_is_used_up_stops(
    kind: str, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", said.append)
    assert roomy("ns", "jp-tok", quota(**{f"{kind}_used_bytes": limit * 8 // 10 - 1})) == "ns"
    assert said == []
    assert roomy("ns", "jp-tok", quota(**{f"{kind}_used_bytes": limit * 8 // 10})) == "ns"
    assert f"of {limit // 10**6} MB are used; remove images" in said[0]
    with pytest.raises(pulumi.RunError, match="nothing can be pushed or pulled"):
        roomy("ns", "jp-tok", quota(**{f"{kind}_used_bytes": limit}))


def test_an_account_without_a_limit_has_room() -> None:
    assert (
        roomy("ns", "jp-tok", quota(storage_limit_bytes=-1, traffic_limit_bytes=-1, storage_used_bytes=10**12)) == "ns"
    )


def test_a_gate_stands_before_the_pod_and_knows_action_threshold_and_exemptions() -> None:
    assert GATE not in graph()
    given = {"CVE-2024-1": {"reason": "not reachable", "until": "2030-01-31"}}
    gate = {"action": "block", "allowed": 2, "exemptions": given}
    seen = harness.run(lambda: delivery("delivery", parsed(vulnerabilityGate=gate)))
    assert seen[GATE].inputs["exemptions"] == ["CVE-2024-1: not reachable; until 2030-01-31"]
    assert (seen[GATE].inputs["maxIssues"], seen[GATE].inputs["onIssues"]) == (2, "fail")
    assert seen[GATE].edges["digest"] == {IMAGE}
    assert GATE in seen[POD].depends_on


def test_a_workloads_own_gate_goes_before_the_stacks() -> None:
    build = {"build": {"context": "app"}}
    workloads = {"a": build, "b": build | {"gate": {"action": "warn"}}, "c": build | {"gate": {"action": "off"}}}
    chosen = parsed(workloads=workloads, vulnerabilityGate={"action": "block"})
    seen = harness.run(lambda: delivery("delivery", chosen))
    gates = {key.rpartition(" ")[2]: each.inputs["onIssues"] for key, each in seen.items() if "ScanGate" in key}
    assert gates == {"a-gate": "fail", "b-gate": "warn"}
