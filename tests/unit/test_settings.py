"""Settings: every problem at once, each with what mends it."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from base.paths import CHECKOUT
from config.model import SettingsError, parse
from ibm_native.cloud.regions import REGISTRY_HOSTS
from tests.unit.samples import values

pytestmark = pytest.mark.unit


def answer(**changes: str) -> str | None:
    """Return what is said about the settings; None if they are taken."""
    try:
        parse(values(**changes), push_key="k", project=CHECKOUT)
    except SettingsError as error:
        return str(error)
    return None


def refused(**changes: str) -> str:
    said = answer(**changes)
    assert said is not None
    return said


def test_the_defaults_are_the_articles() -> None:
    settings = parse(values(), push_key="k")
    assert settings.registry_host == "jp.icr.io"
    assert settings.registry_namespace == "my-praivate-repo"
    assert settings.service_id_name == "test-cluster-id"
    assert settings.pull_secret_name == "ibmcr"
    assert settings.pull_role == "Reader"
    assert settings == parse({}, push_key="k"), "what the engine fills in from Pulumi.yaml is what the model has"


@pytest.mark.parametrize(("region", "host"), sorted(REGISTRY_HOSTS.items()))
def test_the_registry_host_follows_from_the_region(region: str, host: str) -> None:
    assert parse(values(region=region), push_key="k").registry_host == host


def test_an_endpoint_decides_the_host_and_a_host_decides_over_both() -> None:
    provider = {"registryEndpoint": "http://127.0.0.1:7001"}
    assert parse(values(), push_key="k", provider=provider).registry_host == "127.0.0.1:7001"
    chosen = parse(values(registryHost="private.jp.icr.io"), push_key="k", provider=provider)
    assert chosen.registry_host == "private.jp.icr.io"


@pytest.mark.parametrize(
    ("key", "bad", "expected", "mend"),
    [
        ("region", "ap-north", "jp-tok, which is that region's name today", "pulumi config set region jp-tok"),
        ("region", "us-soth", "one of au-syd", "pulumi config set region us-south"),
        ("region", "tokyo", "one of au-syd", "pulumi config set region jp-tok"),
        ("registryHost", "https://jp.icr.io/", "without https://", "pulumi config set registryHost jp.icr.io"),
        ("registryHost", "jp icr io", "a host, such as", "pulumi config rm registryHost"),
        ("registryNamespace", "abc", "4 to 30", "pulumi config set registryNamespace my-praivate-repo"),
        ("registryNamespace", "Upper case", "4 to 30", "pulumi config set registryNamespace upper-case"),
        ("registryNamespace", "-starts", "4 to 30", "pulumi config set registryNamespace starts"),
        ("registryNamespace", "x" * 31, "4 to 30", "pulumi config set registryNamespace my-praivate-repo"),
        ("imageName", "Nginx", "lowercase", "pulumi config set imageName nginx"),
        ("imageTag", "latest", "other than 'latest'", "pulumi config set imageTag v1"),
        ("platform", "windows/amd64", "linux/amd64", "pulumi config set platform linux/amd64"),
        ("serviceIdName", " a name", "1 to 255", "pulumi config set serviceIdName 'a name'"),
        ("pullRole", "管理者", "by its English name", "pulumi config set pullRole Reader"),
        ("pullRole", "マネージャー", "Reader, which pulls; Writer", "pulumi config set pullRole Manager"),
        ("pullRole", "Administrator", "one of the platform, and lets nobody pull", "pulumi config set pullRole Reader"),
        ("keyEpoch", "0", "from 1 on", "pulumi config set keyEpoch 1"),
        ("keyEpoch", "one", "from 1 on", "pulumi config set keyEpoch 1"),
        ("revokePrevious", "yes", "true, false", "pulumi config set revokePrevious false"),
        ("pullSecretName", "My_Secret", "Kubernetes", "pulumi config set --plaintext pullSecretName my-secret"),
        ("podName", "a.b", "Kubernetes", "pulumi config set podName a-b"),
        ("accessTimeoutSeconds", "0", "1 to 600", "pulumi config set accessTimeoutSeconds 30"),
        ("podTimeoutSeconds", "1.5", "5 to 3600", "pulumi config set podTimeoutSeconds 150"),
    ],
)
def test_a_bad_value_is_named_with_what_was_expected_and_the_command(
    key: str, bad: str, expected: str, mend: str
) -> None:
    message = refused(**{key: bad})
    assert f"{key}: got {bad!r}, expected " in message
    assert expected in message
    assert f"    {mend}" in message.splitlines()


@pytest.mark.parametrize(
    ("kept", "mode", "expected", "mend"),
    [
        ("1", "create", "2 or more: while a new image rolls out", "pulumi config set retainImages 2"),
        ("3", "use", "0: others use the namespace too", "pulumi config set retainImages 0"),
        ("3", "adopt", "0: others use the namespace too", "pulumi config set retainImages 0"),
    ],
)
def test_a_retention_that_could_remove_what_runs_is_refused(kept: str, mode: str, expected: str, mend: str) -> None:
    message = refused(retainImages=kept, registryNamespaceMode=mode)
    assert f"retainImages: got '{kept}', expected {expected}" in message
    assert f"    {mend}" in message.splitlines()
    assert parse(values(retainImages="2"), push_key="k").retain_images == 2


@pytest.mark.parametrize("name", ["abcd", "a" * 30, "0a_-9", "my-praivate-repo"])
def test_the_shortest_and_the_longest_legal_namespace_are_taken(name: str) -> None:
    assert parse(values(registryNamespace=name), push_key="k").registry_namespace == name


@pytest.mark.parametrize("key", ["pullSecretName", "serviceAccountName"])
def test_secrets_and_service_accounts_may_have_dots_in_their_names(key: str) -> None:
    assert "team.pull-1" in repr(parse(values(**{key: "team.pull-1"}), push_key="k"))
    assert "Kubernetes" in refused(**{key: "team..pull"})


def test_all_problems_come_in_one_message() -> None:
    with pytest.raises(SettingsError) as caught:
        parse(values(region="nowhere", podName="Not_legal", keyEpoch="-1", nonsense="1"), push_key=None)
    message = str(caught.value)
    assert all(f"  {word}" in message for word in ("region", "podName", "keyEpoch", "nonsense", "the key that pushes"))
    assert "IBMCLOUD_API_KEY" in message


def test_a_misspelt_key_is_refused_with_the_nearest_name() -> None:
    message = refused(registryNamespce="my-own")
    assert "registryNamespce: got 'my-own'" in message
    assert "the nearest is registryNamespace" in message
    assert "    pulumi config set registryNamespace my-own" in message
    assert "    pulumi config rm registryNamespce" in message
    assert "    pulumi config rm zzz" in refused(zzz="1")


def test_a_misspelt_secret_is_not_shown() -> None:
    with pytest.raises(SettingsError) as caught:
        parse({"pushApiKy": "the-key"}, push_key="k", secrets={"pushApiKy"})
    assert "the-key" not in str(caught.value)
    assert "pulumi config set --secret pushApiKey" in str(caught.value)


@pytest.mark.parametrize("host", ["us.icr.io", "private.us.icr.io", "icr.io", "US.icr.io", "jq.icr.io"])
def test_a_host_of_another_region_is_refused_before_anything_is_made(host: str) -> None:
    message = refused(registryHost=host)
    assert f"registryHost: got {host!r}, expected a host of the stack's region jp-tok: jp.icr.io" in message
    assert "    pulumi config rm registryHost" in message


@pytest.mark.parametrize("host", ["jp.icr.io", "private.jp.icr.io", "127.0.0.1:7001", "registry.example.com"])
def test_a_host_of_this_region_or_of_none_is_taken(host: str) -> None:
    assert parse(values(registryHost=host), push_key="k").registry_host == host


def test_an_endpoint_of_another_region_is_refused() -> None:
    ours = {"registryEndpoint": "http://127.0.0.1:7001"}
    for provider, region in (
        ({"registryEndpoint": "https://us.icr.io"}, "us-south"),
        (ours | {"region": "eu-de"}, "eu-de"),
        ({"registryEndpoints": '{"eu-de": "http://127.0.0.1:7003"}'}, "eu-de"),
    ):
        with pytest.raises(SettingsError) as caught:
            parse(values(), push_key="k", provider=provider)
        assert f"region: got 'jp-tok', expected one that the provider has an endpoint of: {region}" in str(caught.value)
        assert f"pulumi config set region {region}" in str(caught.value)


def test_the_endpoint_of_the_stacks_region_decides_the_host_among_several() -> None:
    several = {"registryEndpoints": '{"eu-de": "http://127.0.0.1:7003", "jp-tok": "http://127.0.0.1:7001"}'}
    assert parse(values(region="eu-de"), push_key="k", provider=several).registry_host == "127.0.0.1:7003"


def test_the_commands_act_on_the_stack_that_was_read() -> None:
    with pytest.raises(SettingsError) as caught:
        parse(values(keyEpoch="0"), push_key="k", stack="jp-tok")
    assert "stack jp-tok's settings (Pulumi.jp-tok.yaml) can't be used" in str(caught.value)
    assert "pulumi config set keyEpoch 1 --stack jp-tok" in str(caught.value)


def test_a_folder_without_a_dockerfile_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(SettingsError, match="a folder with a Dockerfile"):
        parse(values(imageContext="empty"), push_key="k", project=tmp_path)


def test_a_base_that_the_dockerfile_does_not_take_is_refused(tmp_path: Path) -> None:
    dockerfile = tmp_path / "app/Dockerfile"
    dockerfile.parent.mkdir()
    dockerfile.write_text("FROM scratch\n# ARG BASE\n")
    with pytest.raises(
        SettingsError, match=r"imageBase: got 'mine:1', expected nothing, since .* has no line `ARG BASE`"
    ):
        parse(values(imageBase="mine:1"), push_key="k", project=tmp_path)
    dockerfile.write_text("ARG BASE=nginx\nFROM $BASE\n")
    assert parse(values(imageBase="mine:1"), push_key="k", project=tmp_path).image_base == "mine:1"


@pytest.mark.parametrize(("args", "refused"), [({"BASE": "mine:1"}, True), ({"OTHER": "1"}, False), ({}, False)])
def test_a_workloads_base_is_held_against_its_dockerfile(tmp_path: Path, args: dict[str, str], refused: bool) -> None:
    for name in ("app", "web"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "Dockerfile").write_text("ARG BASE=a\nFROM $BASE\n" if name == "app" else "FROM scratch\n")
    workloads = {"web": {"build": {"context": "web", "args": args}}}
    said = ""
    try:
        parse({"workloads": json.dumps(workloads)}, push_key="k", project=tmp_path)
    except SettingsError as error:
        said = str(error)
    assert ('workloads.web.build.args: got \'{"BASE": "mine:1"}\', expected nothing, since ' in said) is refused
    assert bool(said) is refused


def test_a_preview_needs_no_key_to_push() -> None:
    assert parse(values(), push_key=None, preview=True).push_api_key == ""


def test_the_push_key_is_not_in_the_settings_text() -> None:
    assert "the-key" not in repr(parse(values(), push_key="the-key"))


@settings(deadline=None)
@given(key=st.sampled_from(sorted(values())), bad=st.text(max_size=40))
def test_whatever_is_typed_is_taken_or_answered_with_a_command_that_mends_it(key: str, bad: str) -> None:
    said = answer(**{key: bad})
    if said is None:
        return
    command = re.search(r"^    (pulumi config .*)$", said, re.MULTILINE)
    assert command, said
    _, _, verb, target, *rest = (word for word in shlex.split(command[1]) if not word.startswith("--"))
    assert target == key
    assert answer(**{key: rest[0] if verb == "set" else values()[key]}) is None
