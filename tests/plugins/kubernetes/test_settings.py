"""The provider's configuration: where the cluster is, what replaces everything on it, what is refused."""

from __future__ import annotations

import base64
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
        assert Kubeconfig(given).namespace() == "here"
        assert Kubeconfig(given).active_cluster()["server"] == "http://127.0.0.1:1"


def test_the_environments_kubeconfigs_are_merged_and_the_first_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one", "two"):
        (tmp_path / name).write_text(json.dumps(named(name, namespace=name)))
    listed = [tmp_path / "absent", tmp_path / "one", tmp_path / "two"]
    monkeypatch.setenv("KUBECONFIG", os.pathsep.join(str(each) for each in listed))
    assert Kubeconfig().namespace() == "one"
    assert Kubeconfig(context="two").namespace() == "two"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"current-context": None}, "names no current context"),
        ({"current-context": "other"}, "it has no context 'other'"),
        ({"clusters": []}, "it has no cluster 'one'"),
        ({"clusters": "none"}, "cannot unmarshal"),
    ],
)
def test_a_kubeconfig_that_lacks_something_says_what_and_shows_nothing(change: dict[str, object], said: str) -> None:
    broken = Kubeconfig(json.dumps({**named("one"), **change}))
    with pytest.raises(KubeconfigError, match=said) as raised:
        broken.active_cluster()
    assert TOKEN not in repr(raised.value) + repr(broken)


def test_a_path_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(KubeconfigError, match=f"no file {tmp_path}/absent"):
        Kubeconfig(f"{tmp_path}/absent").namespace()


def problem(content: dict[str, Any] | str) -> str:
    cluster = Cluster(Settings(kubeconfig=Kubeconfig(content if isinstance(content, str) else json.dumps(content))))
    try:
        with pytest.raises(UnreachableError) as raised:
            cluster.check()
    finally:
        cluster.close()
    return str(raised.value)


def test_a_user_that_is_not_there_is_named() -> None:
    content = named("one")
    content["users"] = []
    assert "it has no user 'one'" in problem(content)


def test_no_kubeconfig_at_all_says_where_it_was_sought(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "absent"))
    with pytest.raises(UnreachableError, match=r"no kubeconfig at .*absent; set KUBECONFIG"):
        Cluster(Settings()).check()


def executable(path: Path, script: str) -> Path:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def with_command(content: dict[str, Any], command: str, version: str = "v1") -> dict[str, Any]:
    run = {
        "apiVersion": f"client.authentication.k8s.io/{version}",
        "command": command,
        "interactiveMode": "Never",
        "provideClusterInfo": True,
    }
    content["users"] = [{"name": "one", "user": {"exec": run}}]
    return content


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_a_credential_command_beside_the_file_logs_in_and_is_told_the_cluster(version: str, tmp_path: Path) -> None:
    answer = {
        "apiVersion": f"client.authentication.k8s.io/{version}",
        "kind": "ExecCredential",
        "status": {"token": TOKEN},
    }
    executable(tmp_path / "login", f"echo \"$KUBERNETES_EXEC_INFO\" >{tmp_path}/info; echo '{json.dumps(answer)}'")
    with RecordedServer(tmp_path, tls=True) as server:
        content = with_command(named("one", server.address), "./login", version)
        (tmp_path / "config").write_text(json.dumps(content))
        cluster = Cluster(Settings(kubeconfig=Kubeconfig(str(tmp_path / "config"))))
        cluster.check()
        cluster.close()
    assert set(server.logins) == {f"Bearer {TOKEN}"}
    assert json.loads((tmp_path / "info").read_text())["spec"]["cluster"]["server"] == server.address


def test_a_credential_command_that_fails_is_told_with_its_name_and_words(tmp_path: Path) -> None:
    command = executable(tmp_path / "login", "echo log in with: ibmcloud login >&2; exit 7")
    text = problem(with_command(named("one", "https://127.0.0.1:1"), str(command)))
    assert f"executable {command} failed with exit code 7" in text
    assert text.endswith("log in with: ibmcloud login")


def test_a_credential_command_that_is_missing_is_named() -> None:
    text = problem(with_command(named("one", "https://127.0.0.1:1"), "no-such-login"))
    assert "executable no-such-login not found" in text


def test_a_login_by_oidc_is_used_as_kubectl_does(tmp_path: Path) -> None:
    token = ".".join(
        base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (b"{}", b'{"exp": 99999999999}', b"")
    )
    provider = {
        "name": "oidc",
        "config": {"idp-issuer-url": "https://127.0.0.1:1", "client-id": "kube", "id-token": token},
    }
    with RecordedServer(tmp_path, tls=True) as server:
        content = named("one", server.address)
        content["users"] = [{"name": "one", "user": {"auth-provider": provider}}]
        cluster = Cluster(Settings(kubeconfig=Kubeconfig(json.dumps(content))))
        cluster.check()
        cluster.close()
    assert set(server.logins) == {f"Bearer {token}"}


def test_another_identity_and_a_path_of_the_server_are_heeded(tmp_path: Path) -> None:
    with RecordedServer(tmp_path, tls=True) as server:
        content = named("one", f"{server.address}/k8s")
        content["users"][0]["user"] = {"token": TOKEN, "as": "somebody"}
        content["contexts"].append({"name": "unfinished"})
        cluster = Cluster(Settings(kubeconfig=Kubeconfig(json.dumps(content))))
        with pytest.raises(UnreachableError):
            cluster.check()
        cluster.close()
    assert server.asked[-1] == "GET /k8s/version"
    assert set(server.identities) == {"somebody"}


def test_a_proxy_of_the_kubeconfigs_own_is_used(tmp_path: Path) -> None:
    with RecordedServer(tmp_path) as server:
        content = named("one", "http://cluster.example")
        content["clusters"][0]["cluster"]["proxy-url"] = server.address
        cluster = Cluster(Settings(kubeconfig=Kubeconfig(json.dumps(content))))
        with pytest.raises(UnreachableError):
            cluster.check()
        cluster.close()
    assert server.asked[-1] == "GET http://cluster.example/version"


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


@pytest.mark.parametrize(
    ("key", "value"),
    [("enableServerSideApply", "false"), ("renderYamlToDirectory", "out"), ("upsertExistingObjects", "true")],
)
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
    assert text.startswith("configured Kubernetes cluster is unreachable: dial tcp 127.0.0.1:1: ")
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
        cluster = Cluster(Settings(kubeconfig=Kubeconfig(str(server.kubeconfig))))
        cluster.check()
        cluster.close()
    assert server.asked[-1] == "GET /version"
