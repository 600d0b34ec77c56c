"""Objects of every kind through their life, on a real Kubernetes API server."""

from __future__ import annotations

import base64
import re

import grpc
import pytest

from tests.plugins.kubernetes.resources import SECRET_SIGNATURE, Resource, Stack, text_of, until

pytestmark = pytest.mark.plugins


def secret(stack: Stack, text: str, **more: object) -> dict[str, object]:
    return {"metadata": stack.metadata("login"), "stringData": {**SECRET_SIGNATURE, "value": {"key": text}}, **more}


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_an_object_is_made_with_its_manager_and_its_inputs_in_the_state(stack: Stack) -> None:
    account = stack.make("ServiceAccount", "puller", {"metadata": stack.metadata("sa", labels={"a": "b"})})
    assert account.id == f"{stack.namespace}/sa"
    assert account.state["__inputs"] == account.inputs
    assert account.state["__initialApiVersion"] == "v1"
    assert account.state["__fieldManager"].startswith("pulumi-kubernetes-")
    live = stack.live(account)
    assert {key: value for key, value in account.state.items() if not key.startswith("__")} == live
    assert live["metadata"]["managedFields"][0]["manager"] == "pulumi-kubernetes"


def test_a_preview_shows_what_the_server_would_make_and_makes_nothing(stack: Stack) -> None:
    account = stack.check("ServiceAccount", "puller", {"metadata": stack.metadata("sa")})
    shown = stack.preview(account)
    assert shown["metadata"]["uid"]
    assert "resourceVersion" not in shown["metadata"]
    assert stack.cluster.get(stack.path(account)) is None


def test_a_preview_in_a_namespace_to_come_answers_the_inputs(stack: Stack) -> None:
    account = stack.check("ServiceAccount", "puller", {"metadata": {"name": "sa", "namespace": "to-come"}})
    assert stack.preview(account) == account.inputs


def test_a_preview_of_an_object_that_exists_answers_the_inputs(stack: Stack) -> None:
    account = stack.make("ServiceAccount", "puller", {"metadata": stack.metadata("sa")})
    assert stack.preview(account) == account.inputs


def test_unchanged_inputs_are_no_change(stack: Stack) -> None:
    inputs = {"metadata": stack.metadata("sa"), "imagePullSecrets": [{"name": "login"}]}
    account = stack.make("ServiceAccount", "puller", inputs)
    assert stack.diff(account, inputs) == {"changes": "DIFF_NONE", "hasDetailedDiff": True}


def test_a_secret_is_updated_in_place_under_its_own_manager(stack: Stack) -> None:
    made = stack.make("Secret", "login", secret(stack, "one"))
    assert made.state["data"] == {**SECRET_SIGNATURE, "value": {"key": encoded("one")}}
    change = stack.diff(made, secret(stack, "two"))
    assert change["detailedDiff"] == {"data.key": {"kind": "UPDATE"}}
    assert "replaces" not in change

    manager = made.state["__fieldManager"]
    shown = stack.update(made, secret(stack, "two"), preview=True)
    assert shown["data"]["value"]["key"] == encoded("two")
    assert stack.live(made)["data"]["key"] == encoded("one")

    after = stack.update(made, secret(stack, "two"))
    assert after["__fieldManager"] == manager
    assert stack.live(made)["data"]["key"] == encoded("two")
    assert [(each["manager"], each["operation"]) for each in stack.live(made)["metadata"]["managedFields"]] == [
        (manager, "Apply")
    ]


def test_a_key_left_out_of_a_secret_is_gone_after_the_update(stack: Stack) -> None:
    both = secret(stack, "one", data={"other": encoded("x")})
    made = stack.make("Secret", "login", both)
    assert stack.diff(made, secret(stack, "one"))["detailedDiff"] == {
        "data.other": {"kind": "DELETE", "inputDiff": True}
    }
    stack.update(made, secret(stack, "one"))
    assert stack.live(made)["data"] == {"key": encoded("one")}


def test_a_secret_is_replaced_where_it_is_not_mutable(stack: Stack) -> None:
    made = stack.make("Secret", "login", secret(stack, "one", immutable=True))
    assert stack.diff(made, secret(stack, "two", immutable=True))["replaces"] == ["data.key"]
    stack.configure()
    mutable = stack.make("Secret", "login", {**secret(stack, "one"), "metadata": stack.metadata("other")})
    change = stack.diff(mutable, {**secret(stack, "two"), "metadata": stack.metadata("other")})
    assert change["replaces"] == ["data.key"]
    assert change["deleteBeforeReplace"] is True


def test_a_field_that_somebody_else_owns_is_not_taken_from_him(stack: Stack) -> None:
    account = stack.make("ServiceAccount", "puller", {"metadata": stack.metadata("sa", labels={"mine": "1"})})
    stack.update(account, {"metadata": stack.metadata("sa", labels={"mine": "2"})})
    stack.cluster.merge(stack.path(account), {"metadata": {"labels": {"mine": "his"}}}, "another-tool")
    with pytest.raises(grpc.RpcError) as raised:
        stack.update(account, {"metadata": stack.metadata("sa", labels={"mine": "3"})})
    text = text_of(raised.value)
    assert "server-side apply field conflict detected, see https://" in text
    assert 'conflict with "another-tool"' in text
    assert stack.live(account)["metadata"]["labels"]["mine"] == "his"

    forced = {"labels": {"mine": "3"}, "annotations": {"pulumi.com/patchForce": "true"}}
    stack.update(account, {"metadata": stack.metadata("sa", **forced)})
    assert stack.live(account)["metadata"]["labels"]["mine"] == "3"


def test_the_official_plugins_enable_patch_force_takes_every_field_back(stack: Stack) -> None:
    stack.configure(enablePatchForce="true")
    account = stack.make("ServiceAccount", "puller", {"metadata": stack.metadata("sa", labels={"mine": "1"})})
    stack.cluster.merge(stack.path(account), {"metadata": {"labels": {"mine": "his"}}}, "another-tool")
    stack.update(account, {"metadata": stack.metadata("sa", labels={"mine": "2"})})
    assert stack.live(account)["metadata"]["labels"]["mine"] == "2"


def test_a_refresh_shows_drift_and_keeps_what_is_not_the_programs(stack: Stack) -> None:
    inputs = {"metadata": stack.metadata("sa", labels={"mine": "1"})}
    account = stack.make("ServiceAccount", "puller", inputs)
    stack.cluster.merge(stack.path(account), {"metadata": {"labels": {"his": "1"}}})
    same = stack.read(account)
    assert same["inputs"] == account.inputs
    assert same["properties"]["metadata"]["labels"] == {"mine": "1", "his": "1"}

    stack.cluster.merge(stack.path(account), {"metadata": {"labels": {"mine": "other"}}})
    drifted = stack.read(account)
    assert drifted["inputs"]["metadata"]["labels"] == {"mine": "other"}
    account.state, account.inputs = drifted["properties"], drifted["inputs"]
    assert stack.diff(account, inputs)["detailedDiff"] == {"metadata.labels.mine": {"kind": "UPDATE"}}


def test_a_refresh_of_a_deleted_object_answers_nothing(stack: Stack) -> None:
    account = stack.make("ServiceAccount", "puller", {"metadata": stack.metadata("sa")})
    stack.cluster.delete(stack.path(account))
    assert stack.read(account) == {}


def test_an_import_takes_the_inputs_from_the_cluster(stack: Stack) -> None:
    stack.cluster.post(
        f"namespaces/{stack.namespace}/secrets", {"metadata": {"name": "theirs"}, "data": {"key": encoded("one")}}
    )
    found = stack.read(Resource("Secret", "theirs", id=f"{stack.namespace}/theirs"))
    assert found["id"] == f"{stack.namespace}/theirs"
    assert found["inputs"] == {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "theirs", "namespace": stack.namespace},
        "data": {**SECRET_SIGNATURE, "value": {"key": encoded("one")}},
        "type": "Opaque",
    }


def test_an_existing_object_is_left_alone(stack: Stack) -> None:
    stack.cluster.post(f"namespaces/{stack.namespace}/serviceaccounts", {"metadata": {"name": "sa"}})
    account = stack.check("ServiceAccount", "puller", {"metadata": stack.metadata("sa", labels={"mine": "1"})})
    with pytest.raises(grpc.RpcError) as raised:
        stack.create(account)
    assert text_of(raised.value).startswith(
        f'resource "{account.urn}" was not successfully created by the Kubernetes API server: '
        'serviceaccounts "sa" already exists\n\nThe resource already exists in the cluster.'
    )
    assert "(e.g. NamespacePatch)" in text_of(raised.value)
    assert "labels" not in stack.live(account)["metadata"]


def test_an_object_the_server_refuses_is_reported_in_the_servers_words(stack: Stack) -> None:
    account = stack.check("ServiceAccount", "puller", {"metadata": stack.metadata("No_Such_Name")})
    with pytest.raises(grpc.RpcError) as raised:
        stack.create(account)
    assert raised.value.code() is grpc.StatusCode.UNKNOWN
    assert 'ServiceAccount "No_Such_Name" is invalid: metadata.name: Invalid value' in text_of(raised.value)


def test_an_object_without_a_name_gets_one_and_keeps_it(stack: Stack) -> None:
    account = stack.make("ServiceAccount", "puller", {"metadata": stack.metadata()})
    assert re.fullmatch("puller-[0-9a-f]{8}", account.inputs["metadata"]["name"])
    assert stack.live(account)["metadata"]["annotations"] == {"pulumi.com/autonamed": "true"}
    assert stack.diff(account, {"metadata": stack.metadata()})["changes"] == "DIFF_NONE"


def test_a_namespace_left_out_is_the_contexts(stack: Stack) -> None:
    assert stack.check("Secret", "login", {"metadata": {"name": "login"}}).inputs["metadata"]["namespace"] == "default"
    stack.configure(namespace=stack.namespace)
    made = stack.make("Secret", "login", {"metadata": {"name": "login"}})
    assert made.id == f"{stack.namespace}/login"


def test_a_delete_ends_when_the_object_is_gone(stack: Stack) -> None:
    account = stack.make("ServiceAccount", "puller", {"metadata": stack.metadata("sa")})
    stack.delete(account)
    assert stack.cluster.get(stack.path(account)) is None
    stack.delete(account)  # what is gone already is no error


def test_a_namespace_is_deleted_with_all_that_is_in_it(stack: Stack) -> None:
    name = f"{stack.namespace}-more"
    made = stack.make("Namespace", "ns", {"metadata": {"name": name}})
    assert made.id == name
    assert made.state["status"] == {"phase": "Active"}
    stack.cluster.post(f"namespaces/{name}/secrets", {"metadata": {"name": "inside"}})
    stack.delete(made, timeout=30)
    assert stack.cluster.get(f"namespaces/{name}") is None
    assert "Resource scheduled for deletion" in stack.said()


def test_a_delete_that_something_holds_up_says_what(stack: Stack) -> None:
    account = stack.make("ServiceAccount", "puller", {"metadata": stack.metadata("sa")})
    stack.cluster.merge(stack.path(account), {"metadata": {"finalizers": ["example.com/hold"]}})
    with pytest.raises(grpc.RpcError) as raised:
        stack.delete(account, timeout=0.5)
    assert text_of(raised.value) == "timed out waiting for the condition"
    warning = next(each for each in stack.said() if each.startswith("warning"))
    assert warning.startswith("warning: finalizers might be preventing deletion (")
    assert "example.com/hold" in warning
    stack.cluster.merge(stack.path(account), {"metadata": {"finalizers": []}})
    until(lambda: stack.cluster.get(stack.path(account)) is None, "the object is gone")


def test_inputs_written_another_way_than_the_servers_are_no_change(stack: Stack) -> None:
    container = {
        "name": "web",
        "image": "registry.test/web:1",
        "args": [],
        "stdin": False,
        "env": [{"name": "EMPTY", "value": ""}, {"name": "FULL", "value": "x"}],
        "ports": [{"containerPort": 80, "hostPort": 0}],
        "resources": {
            "requests": {"cpu": 0.5, "memory": "1024Mi", "ephemeral-storage": "1.5Gi"},
            "limits": {"cpu": "1000m", "memory": "4096Mi", "ephemeral-storage": "2000M"},
        },
        "readinessProbe": {"tcpSocket": {"port": 80}, "initialDelaySeconds": 0},
        "volumeMounts": [{"name": "scratch", "mountPath": "/scratch", "readOnly": False}],
    }
    spec: dict[str, object] = {
        "serviceAccountName": "puller",
        "automountServiceAccountToken": False,
        "hostNetwork": False,
        "nodeSelector": {},
        "securityContext": {},
        "terminationGracePeriodSeconds": 0,
        "containers": [container],
        "volumes": [{"name": "scratch", "emptyDir": {"sizeLimit": "1024Ki"}}],
    }
    annotations = {"pulumi.com/skipAwait": "true", "empty": ""}
    inputs: dict[str, object] = {"metadata": stack.metadata("web", labels={}, annotations=annotations), "spec": spec}
    pod = stack.make("Pod", "web", inputs)
    assert stack.diff(pod, inputs) == {"changes": "DIFF_NONE", "hasDetailedDiff": True}
    assert stack.read(pod)["inputs"] == pod.inputs


def test_an_annotation_that_is_not_heeded_is_told(stack: Stack) -> None:
    stack.check("Pod", "web", stack.pod(annotations={"pulumi.com/waitFor": "condition=Synced"}))
    assert stack.said() == ["warning: pulumi.com/waitFor: only the official Kubernetes plugin heeds it"]


def test_only_kinds_of_the_program_are_there(stack: Stack) -> None:
    with pytest.raises(grpc.RpcError) as raised:
        stack.check("ConfigMap", "settings", {"metadata": stack.metadata("settings")})
    assert "kubernetes:core/v1:ConfigMap" in text_of(raised.value)
    assert "Only the official plugin has it" in text_of(raised.value)
