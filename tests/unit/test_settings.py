"""Settings: every problem at once, each with what mends it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from base.paths import CHECKOUT
from components import regions
from components.rules import RULES
from components.settings import SettingsError, parse
from tests.unit.samples import values

pytestmark = pytest.mark.unit


def test_pulumi_yaml_describes_exactly_the_keys_that_are_read() -> None:
    schema = yaml.safe_load((CHECKOUT / "Pulumi.yaml").read_text())["config"]
    assert set(schema) == set(RULES)
    assert all({"type", "default", "description"} <= set(entry) for entry in schema.values())


def test_the_defaults_are_the_articles() -> None:
    settings = parse(values(), push_key="k")
    assert settings.registry_host == "jp.icr.io"
    assert settings.registry_namespace == "my-praivate-repo"
    assert settings.service_id_name == "test-cluster-id"
    assert settings.pull_secret_name == "ibmcr"


@pytest.mark.parametrize(("region", "host"), sorted(regions.REGISTRY_HOSTS.items()))
def test_the_registry_host_follows_from_the_region(region: str, host: str) -> None:
    assert parse(values(region=region), push_key="k").registry_host == host


def test_an_endpoint_decides_the_host_and_a_host_decides_over_both() -> None:
    endpoint = "http://127.0.0.1:7001"
    assert parse(values(), push_key="k", endpoint=endpoint).registry_host == "127.0.0.1:7001"
    chosen = parse(values(registryHost="private.jp.icr.io"), push_key="k", endpoint=endpoint)
    assert chosen.registry_host == "private.jp.icr.io"


@pytest.mark.parametrize(
    ("key", "bad", "expected"),
    [
        ("region", "ap-north", "jp-tok"),
        ("registryHost", "https://jp.icr.io/", "without scheme"),
        ("registryNamespace", "abc", "4 to 30"),
        ("registryNamespace", "Upper-case", "4 to 30"),
        ("registryNamespace", "-starts", "4 to 30"),
        ("registryNamespace", "x" * 31, "4 to 30"),
        ("imageName", "Nginx", "lowercase"),
        ("imageTag", "latest", "other than 'latest'"),
        ("platform", "windows/amd64", "linux/amd64"),
        ("serviceIdName", "", "1 to 255"),
        ("keyEpoch", "0", "from 1 on"),
        ("keyEpoch", "one", "from 1 on"),
        ("revokePrevious", "yes", "true, false"),
        ("pullSecretName", "Ibmcr", "Kubernetes"),
        ("accessTimeoutSeconds", "0", "1 to 600"),
        ("podTimeoutSeconds", "1.5", "5 to 3600"),
    ],
)
def test_a_bad_value_is_named_with_what_was_expected_and_the_command(key: str, bad: str, expected: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse(values(**{key: bad}), push_key="k")
    message = str(caught.value)
    assert f"{key}: got {bad!r}" in message
    assert expected in message
    assert f"pulumi config set {key}" in message


@pytest.mark.parametrize("name", ["abcd", "a" * 30, "0a_-9", "my-praivate-repo"])
def test_the_shortest_and_the_longest_legal_namespace_are_taken(name: str) -> None:
    assert parse(values(registryNamespace=name), push_key="k").registry_namespace == name


def test_all_problems_come_in_one_message() -> None:
    with pytest.raises(SettingsError) as caught:
        parse(values(region="nowhere", podName="Not_legal", keyEpoch="-1"), push_key=None)
    message = str(caught.value)
    assert all(word in message for word in ("region", "podName", "keyEpoch", "IBMCLOUD_API_KEY"))


def test_a_folder_without_a_dockerfile_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(SettingsError, match="a folder with a Dockerfile"):
        parse(values(imageContext="empty"), push_key="k", project=tmp_path)


def test_a_preview_needs_no_key_to_push() -> None:
    assert parse(values(), push_key=None, preview=True).push_key == ""


def test_the_push_key_is_not_in_the_settings_text() -> None:
    assert "the-key" not in repr(parse(values(), push_key="the-key"))
