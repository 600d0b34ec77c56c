"""The provider's configuration: where the cluster is, what replaces everything on it, what is refused."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from sandbox.plugins.kubernetes.cluster import Cluster, UnreachableError
from sandbox.plugins.kubernetes.configuration import Settings
from sandbox.plugins.kubernetes.kubeconfig import Kubeconfig, KubeconfigError
from sandbox.plugins.kubernetes.plugin import KubernetesPlugin
from tests.plugins import replay
from tests.plugins.kubernetes.fake_server import RecordedServer, kubeconfig
from tests.plugins.kubernetes.resources import text_of

pytestmark = pytest.mark.plugins

TOKEN = "not-" + "for-anyones-eyes"
URN = "urn:pulumi:dev::tests::pulumi:providers:kubernetes::cluster"


@pytest.fixture
def plugin(servicer: KubernetesPlugin) -> Iterator[replay.Plugin]:
    """Run the stand-in, not configured yet."""
    with replay.serving(lambda _: servicer) as plugin:
        yield plugin


def named(name: str, server: str = "http://127.0.0.1:1", namespace: str = "") -> dict[str, Any]:
    """Return a kubeconfig whose context, cluster and user are called `name`."""
    content = kubeconfig(server)
    content["current-context"] = name
    content["clusters"][0]["name"] = name
    content["contexts"] = [{"name": name, "context": {"cluster": name, "user": name, "namespace": namespace}}]
    content["users"] = [{"name": name, "user": {"token": TOKEN}}]
    return content


def diff(plugin: replay.Plugin, olds: dict[str, Any], news: dict[str, Any]) -> dict[str, object]:
    return replay.as_json(plugin.send("DiffConfig", {"urn": URN, "olds": olds, "news": news, "oldInputs": olds}))


def test_a_kubeconfig_may_be_a_path_or_its_content(tmp_path: Path) -> None:
    text = json.dumps(named("one", namespace="here"))
    path = tmp_path / "config"
    path.write_text(text)
    for given in (str(path), text):
        assert Kubeconfig.load(given).namespace("") == "here"
        assert Kubeconfig.load(given).connection("", "").cluster.server == "http://127.0.0.1:1"


def test_the_environments_kubeconfigs_are_merged_and_the_first_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one", "two"):
        (tmp_path / name).write_text(json.dumps(named(name, namespace=name)))
    listed = [tmp_path / "absent", tmp_path / "one", tmp_path / "two"]
    monkeypatch.setenv("KUBECONFIG", os.pathsep.join(str(each) for each in listed))
    merged = Kubeconfig.load("")
    assert merged.namespace("") == "one"
    assert merged.namespace("two") == "two"


def test_a_kubeconfigs_own_files_are_found_beside_it(tmp_path: Path) -> None:
    content = named("one")
    content["clusters"][0]["cluster"]["certificate-authority"] = "ca.crt"
    (tmp_path / "config").write_text(json.dumps(content))
    connection = Kubeconfig.load(str(tmp_path / "config")).connection("", "")
    assert connection.cluster.certificate_auth == str(tmp_path / "ca.crt")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"current-context": None}, "names no current context"),
        ({"current-context": "other"}, "it has no context 'other'"),
        ({"clusters": []}, "it has no cluster 'one'"),
        ({"users": []}, "context one is not complete"),
    ],
)
def test_a_kubeconfig_that_lacks_something_says_what_and_shows_nothing(change: dict[str, object], said: str) -> None:
    broken = Kubeconfig.load(json.dumps({**named("one"), **change}))
    with pytest.raises(KubeconfigError, match=said) as raised:
        broken.connection("", "")
    assert TOKEN not in repr(raised.value) + repr(broken)


def test_no_kubeconfig_at_all_says_where_it_was_sought(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "absent"))
    with pytest.raises(UnreachableError, match=r"no kubeconfig at .*absent; set KUBECONFIG"):
        Cluster(Settings()).check()


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_a_credential_command_logs_in(version: str, tmp_path: Path) -> None:
    command = tmp_path / "credentials"
    answer = {"kind": "ExecCredential", "status": {"token": TOKEN}}
    command.write_text(f"#!/bin/sh\necho '{json.dumps(answer)}'\n")
    command.chmod(command.stat().st_mode | stat.S_IXUSR)
    with RecordedServer(tmp_path) as server:
        content = named("one", server.address)
        run = {"apiVersion": f"client.authentication.k8s.io/{version}", "command": str(command)}
        content["users"] = [{"name": "one", "user": {"exec": run}}]
        cluster = Cluster(Settings(kubeconfig=json.dumps(content)))
        cluster.check()
        cluster.close()
    assert server.logins == [f"Bearer {TOKEN}"]


def test_a_credential_command_that_fails_shows_nothing_of_its_output(tmp_path: Path) -> None:
    command = tmp_path / "credentials"
    command.write_text(f"#!/bin/sh\necho {TOKEN} >&2; exit 1\n")
    command.chmod(command.stat().st_mode | stat.S_IXUSR)
    content = named("one")
    run = {"apiVersion": "client.authentication.k8s.io/v1", "command": str(command)}
    content["users"] = [{"name": "one", "user": {"exec": run}}]
    cluster = Cluster(Settings(kubeconfig=json.dumps(content)))
    with pytest.raises(UnreachableError, match="credential command failed") as raised:
        cluster.check()
    cluster.close()
    assert TOKEN not in str(raised.value)


def test_another_cluster_replaces_what_is_on_it(plugin: replay.Plugin) -> None:
    one, two = json.dumps(named("one")), json.dumps(named("one", "http://127.0.0.1:2"))
    changed = {"changes": "DIFF_SOME", "diffs": ["kubeconfig"]}
    assert diff(plugin, {"kubeconfig": one}, {"kubeconfig": two}) == {**changed, "replaces": ["kubeconfig"]}


def test_another_login_to_the_same_cluster_replaces_nothing(plugin: replay.Plugin) -> None:
    new = named("one")
    new["users"][0]["user"]["token"] = "another"
    answer = diff(plugin, {"kubeconfig": json.dumps(named("one"))}, {"kubeconfig": json.dumps(new)})
    assert answer == {"changes": "DIFF_SOME", "diffs": ["kubeconfig"]}


def test_the_identifier_alone_says_whether_it_is_another_cluster(plugin: replay.Plugin) -> None:
    one, two = json.dumps(named("one")), json.dumps(named("one", "http://127.0.0.1:2"))
    old = {"kubeconfig": one, "clusterIdentifier": "a"}
    assert "replaces" not in diff(plugin, old, {"kubeconfig": two, "clusterIdentifier": "a"})
    assert diff(plugin, old, {"kubeconfig": one, "clusterIdentifier": "b"})["replaces"] == ["clusterIdentifier"]
    assert "replaces" not in diff(plugin, {"kubeconfig": one}, {"kubeconfig": one, "clusterIdentifier": "a"})


def test_a_kubeconfig_that_is_not_known_yet_counts_as_another(plugin: replay.Plugin) -> None:
    unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
    assert diff(plugin, {"kubeconfig": "{}"}, {"kubeconfig": unknown})["replaces"] == ["kubeconfig"]


@pytest.mark.parametrize(("key", "value"), [("enableServerSideApply", "false"), ("renderYamlToDirectory", "out")])
def test_what_only_the_official_plugin_can_do_is_refused(plugin: replay.Plugin, key: str, value: str) -> None:
    answer = replay.as_json(plugin.send("CheckConfig", {"urn": URN, "news": {key: value}}))
    assert "only the official plugin has it" in str(answer["failures"])
    with pytest.raises(grpc.RpcError, match="only the official plugin has it"):
        plugin.send("Configure", {"variables": {f"kubernetes:config:{key}": value}})


def test_without_a_cluster_a_real_create_says_which_one_is_missing(plugin: replay.Plugin) -> None:
    plugin.send("Configure", {"variables": {"kubernetes:config:kubeconfig": json.dumps(named("one"))}})
    urn = "urn:pulumi:dev::tests::kubernetes:core/v1:Namespace::ns"
    request = {"urn": urn, "type": "kubernetes:core/v1:Namespace", "properties": {"metadata": {"name": "ns"}}}
    with pytest.raises(grpc.RpcError) as raised:
        plugin.send("Create", request)
    text = text_of(raised.value)
    assert text.startswith("configured Kubernetes cluster is unreachable: 127.0.0.1:1 (")
    assert TOKEN not in text


def test_a_cluster_that_is_gone_for_good_can_be_forgotten(plugin: replay.Plugin) -> None:
    urn = "urn:pulumi:dev::tests::kubernetes:core/v1:Namespace::ns"
    request = {"urn": urn, "type": "kubernetes:core/v1:Namespace", "id": "ns", "properties": {"kind": "Namespace"}}
    settings = {"kubernetes:config:kubeconfig": json.dumps(named("one"))}
    plugin.send("Configure", {"variables": settings})
    for method in ("Read", "Delete"):
        with pytest.raises(grpc.RpcError, match="PULUMI_K8S_DELETE_UNREACHABLE"):
            plugin.send(method, request)
    plugin.send("Configure", {"variables": {**settings, "kubernetes:config:deleteUnreachable": "true"}})
    assert replay.as_json(plugin.send("Read", request)) == {}
    assert replay.as_json(plugin.send("Delete", request)) == {}


def test_a_proxy_is_not_asked_for_what_is_on_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(variable, "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with RecordedServer(tmp_path) as server:
        cluster = Cluster(Settings(kubeconfig=str(server.kubeconfig)))
        cluster.check()
        cluster.close()
    assert server.asked == ["GET /version"]
