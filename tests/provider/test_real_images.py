"""Scan gate, image look-up and retention on images that were pushed to a real registry and scanned."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from ibm_native.cloud.pace import Pace
from ibm_native.model.journal import Journal
from tests.cloud.real_registry import RealCloud, layer, until
from tests.provider.engine import RefusedError, Secret
from tests.provider.stack import Declared, Stack

pytestmark = pytest.mark.provider

PACKAGES = "Package: openssl\nStatus: install ok installed\nVersion: 3.0.9-1\n"
RELEASE = 'ID=debian\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\n'
SYSTEM = layer({"var/lib/dpkg/status": PACKAGES, "usr/lib/os-release": RELEASE})
KNOWN = [{"cve": "CVE-2024-0001", "package": "openssl", "fixed": "3.0.15-1~deb12u1", "notice": "DSA-1"}]
SPACE = Declared("space", "ibm-native:registry:Namespace", lambda _: {"name": "my-images", "region": "jp-tok"})


@pytest.fixture
def real() -> Iterator[RealCloud]:
    with RealCloud() as found:
        found.advisories.write_text(json.dumps(KNOWN))
        yield found


@pytest.fixture
def stack(real: RealCloud, tmp_path: Path) -> Stack:
    cloud = real.cloud
    config = {"apiKey": Secret(cloud.api_key), "iamEndpoint": cloud.url, "registryEndpoint": cloud.url}
    return Stack(config, Journal(tmp_path / "journal"), Pace)


def gate(digest: str, **more: object) -> Declared:
    inputs = {"region": "jp-tok", "repository": "my-images/nginx", "digest": digest, "timeoutSeconds": 30, **more}
    return Declared("gate", "ibm-native:registry:ScanGate", lambda _: inputs)


async def test_a_pushed_image_is_found_judged_and_let_by_with_a_reason(real: RealCloud, stack: Stack) -> None:
    await stack.up([SPACE])
    pushed = real.owner.push("my-images/nginx:1", SYSTEM)
    with pytest.raises(
        RefusedError, match=r"vulnerabilities: 1, allowed: 0 \(CVE-2024-0001 in openssl 3\.0\.9-1, fixed in 3\.0\.15"
    ):
        await stack.up([SPACE, gate(pushed.digest)])
    await stack.up([SPACE, gate(pushed.digest, exemptions=["CVE-2024-0001: no TLS in here"])])
    name = f"{real.host}/my-images/nginx"
    judged = stack.state["gate"].outputs
    assert (judged["status"], judged["passed"], judged["issues"]) == ("FAIL", True, [])
    assert judged["image"] == f"{name}@{pushed.digest}"
    async with stack.plugin() as engine:
        asked = {"region": "jp-tok", "repository": "my-images/nginx", "tag": "1"}
        found, _ = await engine.invoke("ibm-native:registry:getImage", asked)
    assert (found["reference"], found["tags"]) == (judged["image"], ["1"])
    assert found["sizeBytes"] > 0


async def test_a_retention_policy_removes_what_is_too_many(real: RealCloud, stack: Stack) -> None:
    await stack.up([SPACE])
    for number in range(3):
        built = f"2024-05-0{number + 1}T00:00:00Z"
        real.owner.push(f"my-images/nginx:{number}", layer({"page": str(number)}), built=built)
    kept = {"namespace": "my-images", "region": "jp-tok", "imagesPerRepo": 2}
    await stack.up([SPACE, Declared("keep", "ibm-native:registry:RetentionPolicy", lambda _: kept)])
    until(lambda: real.owner.tags("my-images/nginx") == ["1", "2"])
    await stack.refresh()
    assert set(stack.state) == {"space", "keep"}
