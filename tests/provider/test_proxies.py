"""A proxy in the environment is for the world outside: what is on this machine is reached without it."""

from __future__ import annotations

import pytest

from ibm_native.cloud.regions import proxies
from sandbox.cloud.testing import StandIn
from tests.provider.engine import Engine
from tests.provider.registry import Registry
from tests.provider.samples import API_KEY, NAMESPACE, POLICY, SERVICE_ID, inputs_of, owner_of

pytestmark = pytest.mark.provider

DIGEST = "sha256:" + "a" * 64


async def test_loopback_endpoints_are_reached_without_a_proxy(
    engine: Engine, cloud: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    # gRPC, between engine and plugin, is connected by now: it would go by the proxy too.
    await engine.preview(SERVICE_ID, {"name": "x"})
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    owner = await owner_of(engine)
    made = [await engine.make(each, inputs_of(each, owner)) for each in (NAMESPACE, POLICY, API_KEY)]
    with Registry(cloud.url) as registry:
        registry.images.add(f"my-images/nginx@{DIGEST}")
        # The test's own registry asks the stand-in by urllib.
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        await engine.make(
            "ibm-native:registry:Access",
            {
                "registryHost": registry.host,
                "repository": "my-images/nginx",
                "digest": DIGEST,
                "apiKey": made[2].outputs["apiKey"],
                "policyId": made[1].id,
            },
        )


def test_everything_else_goes_by_the_environment() -> None:
    assert proxies("https://iam.cloud.ibm.com") is None
    assert proxies("http://127.0.0.1:7080") == proxies("http://localhost:7001") == {"http": "", "https": ""}
