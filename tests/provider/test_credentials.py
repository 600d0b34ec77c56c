"""Where the provider's credential comes from: config, environment, or the SDK's own names."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs

import pytest
import requests

from ibm_native.cloud import credentials
from ibm_native.cloud.connection import Connection
from ibm_native.cloud.errors import ConfigurationError, scrub
from sandbox.cloud.testing import StandIn
from tests.provider.engine import Engine, RefusedError
from tests.provider.wire import Trouble, Wire

pytestmark = pytest.mark.provider

SERVICE_ID = "ibm-native:iam:ServiceId"


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Leave the process without any credential of its own."""
    monkeypatch.delenv("IBMCLOUD_API_KEY", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


async def test_the_sdk_s_own_api_key_works_at_the_configured_endpoint(
    plugin: Engine, cloud: StandIn, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IAM_IDENTITY_APIKEY", cloud.api_key)
    await plugin.configure(iamEndpoint=wire.url)
    assert (await plugin.make(SERVICE_ID, {"name": "puller"})).id.startswith("ServiceId-")
    assert wire.count("POST /identity/token") == 1


async def test_a_credentials_file_works_too(
    plugin: Engine, cloud: StandIn, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "credentials.env"
    file.write_text(f"IAM_IDENTITY_APIKEY={cloud.api_key}\n")
    monkeypatch.setenv("IBM_CREDENTIALS_FILE", str(file))
    await plugin.configure(iamEndpoint=cloud.url)
    assert (await plugin.make(SERVICE_ID, {"name": "puller"})).id.startswith("ServiceId-")


async def test_a_trusted_profile_logs_in_with_the_compute_resource_s_token(
    plugin: Engine, wire: Wire, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("the-compute-token")
    monkeypatch.setenv("IAM_IDENTITY_AUTH_TYPE", "container")
    monkeypatch.setenv("IAM_IDENTITY_CR_TOKEN_FILENAME", str(tmp_path / "token"))
    monkeypatch.setenv("IAM_IDENTITY_IAM_PROFILE_ID", "Profile-1")
    refusal = '{"errorCode": "BXNIM0439E", "errorMessage": "Selected trusted profile not eligible for CR token"}'
    wire.troubles = [Trouble("POST /identity/token", "answer", status=400, body=refusal)]
    await plugin.configure(iamEndpoint=wire.url)
    with pytest.raises(RefusedError, match="BXNIM0439E") as refused:
        await plugin.make(SERVICE_ID, {"name": "puller"})
    assert "the-compute-token" not in refused.value.message
    asked = parse_qs(wire.bodies[-1].decode())
    assert asked["grant_type"] == ["urn:ibm:params:oauth:grant-type:cr-token"]
    assert asked["cr_token"] == ["the-compute-token"]
    assert asked["profile_id"] == ["Profile-1"]


def granted(cloud: StandIn) -> str:
    """Return IAM's answer to a login of the account's owner: the stand-in itself has no trusted profiles."""
    grant = {"grant_type": "urn:ibm:params:oauth:grant-type:apikey", "apikey": cloud.api_key}
    return requests.post(f"{cloud.url}/identity/token", data=grant, timeout=10).text


async def test_what_a_trusted_profile_logged_in_for_is_made(
    plugin: Engine, cloud: StandIn, wire: Wire, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("the-compute-token")
    monkeypatch.setenv("IAM_IDENTITY_AUTH_TYPE", "container")
    monkeypatch.setenv("IAM_IDENTITY_CR_TOKEN_FILENAME", str(tmp_path / "token"))
    monkeypatch.setenv("IAM_IDENTITY_IAM_PROFILE_ID", "Profile-1")
    wire.troubles = [Trouble("POST /identity/token", "answer", status=200, body=granted(cloud))]
    await plugin.configure(iamEndpoint=wire.url, registryEndpoint=wire.url)
    identity = await plugin.make(SERVICE_ID, {"name": "puller"})
    space = await plugin.make("ibm-native:registry:Namespace", {"name": "my-images", "region": "jp-tok"})
    assert all(f"a/{cloud.account_id}" in each.outputs["crn"] for each in (identity, space))
    assert wire.count("POST /identity/token") == 1
    asked = next(parse_qs(body.decode()) for body in wire.bodies if b"grant_type" in body)
    assert asked["grant_type"] == ["urn:ibm:params:oauth:grant-type:cr-token"]
    assert (asked["cr_token"], asked["profile_id"]) == (["the-compute-token"], ["Profile-1"])


async def test_a_compute_resource_without_a_token_gets_one_clear_line(
    plugin: Engine, wire: Wire, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("IAM_IDENTITY_AUTH_TYPE", "container")
    monkeypatch.setenv("IAM_IDENTITY_CR_TOKEN_FILENAME", str(tmp_path / "absent"))
    monkeypatch.setenv("IAM_IDENTITY_IAM_PROFILE_NAME", "deployer")
    await plugin.configure(iamEndpoint=wire.url)
    with pytest.raises(RefusedError, match="the credential can't be used here") as refused:
        await plugin.make(SERVICE_ID, {"name": "puller"})
    assert "Traceback" not in refused.value.message
    assert wire.calls == []


def test_the_sdk_s_other_ways_are_taken_or_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IAM_IDENTITY_AUTH_TYPE", "noAuth")
    with pytest.raises(ConfigurationError, match="gives noAuth, which gets no token from IAM"):
        credentials.authenticator(Connection(), "read")
    monkeypatch.setenv("IAM_IDENTITY_AUTH_TYPE", "container")
    with pytest.raises(ConfigurationError, match="the SDK refuses its configuration"):
        credentials.authenticator(Connection(), "read")
    monkeypatch.setenv("IAM_IDENTITY_AUTH_TYPE", "vpc")
    monkeypatch.setenv("IAM_IDENTITY_IAM_PROFILE_ID", "Profile-1")
    assert type(credentials.authenticator(Connection(), "read")).__name__ == "VPCInstanceAuthenticator"
    monkeypatch.setenv("IAM_IDENTITY_AUTH_TYPE", "iamAssume")
    monkeypatch.setenv("IAM_IDENTITY_APIKEY", "some-key-of-some-length")
    assert type(credentials.authenticator(Connection(), "read")).__name__ == "IAMAssumeAuthenticator"


@pytest.mark.parametrize("name", ["APIKEY", "CLIENT_SECRET", "BEARER_TOKEN", "PASSWORD"])
def test_no_secret_of_the_sdk_s_settings_is_ever_told(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = f"the-canary-of-{name.lower().replace('_', '-')}"
    monkeypatch.setenv("IAM_IDENTITY_AUTH_TYPE", "basic")
    monkeypatch.setenv("IAM_IDENTITY_USERNAME", "somebody")
    monkeypatch.setenv("IAM_IDENTITY_PASSWORD", "the-canary-of-password")
    monkeypatch.setenv(f"IAM_IDENTITY_{name}", secret)
    with pytest.raises(ConfigurationError):
        credentials.authenticator(Connection(), "make it")
    assert secret not in scrub(f"the service said: {secret}")
