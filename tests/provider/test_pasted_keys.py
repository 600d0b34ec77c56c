"""API keys as people paste them: what came along is taken off where that is harmless, and named where it isn't."""

from __future__ import annotations

from pathlib import Path

import pytest

from ibm_native.cloud import credentials
from ibm_native.cloud.connection import Connection
from ibm_native.cloud.errors import scrub
from sandbox.cloud.testing import StandIn
from tests.provider.engine import Engine, RefusedError, Secret
from tests.provider.wire import Wire

pytestmark = pytest.mark.provider

SERVICE_ID = "ibm-native:iam:ServiceId"
AROUND = ["{}\n", "{}\r\n", " {}", '"{}"', "'{}'\n", '" {} "', "\ufeff{}"]


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Leave the process without any credential of its own."""
    monkeypatch.delenv("IBMCLOUD_API_KEY", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.mark.parametrize("around", AROUND[:-1])
@pytest.mark.parametrize("source", ["config", "environment"])
async def test_what_is_harmless_is_taken_off(
    plugin: Engine, cloud: StandIn, monkeypatch: pytest.MonkeyPatch, around: str, source: str
) -> None:
    key = around.format(cloud.api_key)
    config: dict[str, object] = {"iamEndpoint": cloud.url}
    if source == "config":
        config["apiKey"] = Secret(key)
    else:
        monkeypatch.setenv("IBMCLOUD_API_KEY", key)
    assert await plugin.configure(**config) == {}
    assert (await plugin.make(SERVICE_ID, {"name": "puller"})).id.startswith("ServiceId-")


@pytest.mark.parametrize("spoilt", ["{} {}", '{}"', "{{{}}}", "{}\n{}", "\ufeff{}", "“{}”"])
async def test_what_is_not_is_one_line_that_says_so(plugin: Engine, cloud: StandIn, wire: Wire, spoilt: str) -> None:
    await plugin.configure(iamEndpoint=wire.url, apiKey=Secret(spoilt.format(cloud.api_key, cloud.api_key)))
    with pytest.raises(RefusedError, match="ibm-native:apiKey is no API key: it has a blank, a line end") as refused:
        await plugin.make(SERVICE_ID, {"name": "puller"})
    assert len(refused.value.message.splitlines()) == 2
    assert cloud.api_key not in refused.value.message
    assert wire.calls == []


@pytest.mark.parametrize("around", ["{}\n", '"{}"'])
async def test_the_sdk_s_own_variable_is_told_too(
    plugin: Engine, cloud: StandIn, monkeypatch: pytest.MonkeyPatch, around: str
) -> None:
    monkeypatch.setenv("IAM_IDENTITY_APIKEY", around.format(cloud.api_key))
    await plugin.configure(iamEndpoint=cloud.url)
    with pytest.raises(RefusedError, match="IAM_IDENTITY_APIKEY is no API key") as refused:
        await plugin.make(SERVICE_ID, {"name": "puller"})
    assert cloud.api_key not in refused.value.message


@pytest.mark.parametrize("around", ["{}\n", " {}", '"{}"'])
async def test_a_key_that_is_handed_on_is_never_taken_for_a_trimmed_one(engine: Engine, around: str) -> None:
    proof = {"registryHost": "jp.icr.io", "repository": "a/b", "digest": "sha256:" + "a" * 64, "policyId": "p"}
    _, failures = await engine.check(
        "ibm-native:registry:Access", {**proof, "apiKey": Secret(around.format("the-key-of-somebody"))}
    )
    assert set(failures) == {"apiKey"}
    assert "the-key-of-somebody" not in failures["apiKey"]


def test_a_key_that_came_with_quotes_is_told_without_them_no_more_than_with_them() -> None:
    key = "the-canary-between-quotes"
    credentials.authenticator(Connection(api_key=f'"{key}"'), "make it")
    assert key not in scrub(f"the service said: {key}")
