"""The pure parts: amounts, normal form, differences, what a Pod's status says, who owns a field, names."""

from __future__ import annotations

import base64
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulumi.runtime.proto import provider_pb2

from sandbox.plugins.kubernetes import objects
from sandbox.plugins.kubernetes.differences import differences, format_path, parse_path, replacing
from sandbox.plugins.kubernetes.kinds import kind_of
from sandbox.plugins.kubernetes.normal_form import normal_form
from sandbox.plugins.kubernetes.ownership import takeover
from sandbox.plugins.kubernetes.quantities import canonical
from sandbox.plugins.kubernetes.readiness import pod_readiness
from sandbox.plugins.values import Properties, Secret, Unknown

pytestmark = pytest.mark.plugins

POD = kind_of("kubernetes:core/v1:Pod")
KINDS = provider_pb2.PropertyDiff


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        *[("0.5", "500m"), ("1000m", "1"), ("1500m", "1500m"), (1, "1"), (0.25, "250m"), ("0", "0"), ("0Mi", "0")],
        *[("1024Mi", "1Gi"), ("1.5Gi", "1536Mi"), ("1000", "1k"), ("1024", "1024"), ("1536", "1536"), ("1Ki", "1Ki")],
        *[("0.5Ki", "512"), ("100M", "100M"), ("0.1G", "100M"), ("1e3", "1e3"), ("12E6", "12e6"), ("1500e3", "1500e3")],
        *[("-1Gi", "-1Gi"), ("+2", "2"), ("1n", "1n"), ("0.1n", "1n"), ("lots", "lots"), ("", "")],
    ],
)
def test_an_amount_has_one_form(written: str | float, expected: str) -> None:
    assert canonical(written) == expected


@given(st.integers(0, 10**15), st.sampled_from(["", "m", "k", "M", "G", "Ki", "Mi", "Gi"]))
def test_the_form_of_an_amount_is_the_same_amount_and_final(number: int, suffix: str) -> None:
    scale = {"": 1, "m": Fraction(1, 1000), "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15, "E": 10**18}
    scale |= {f"{name}i": 1024 ** (power + 1) for power, name in enumerate("KMGTPE")}
    written = canonical(f"{number}{suffix}")
    digits = written.rstrip("mkKMGTPEi")
    assert Fraction(digits) * scale[written[len(digits) :]] == number * scale[suffix]
    assert canonical(written) == written


def test_while_something_is_unknown_the_inputs_keep_their_form() -> None:
    inputs = {"kind": "Secret", "stringData": {"key": Unknown()}, "metadata": {"name": "a", "uid": "1"}, "x": ""}
    assert normal_form(inputs) == {**inputs, "metadata": {"name": "a"}}


def test_a_secrets_text_becomes_data_beside_what_is_there() -> None:
    inputs = {"kind": "Secret", "data": {"a": "eA=="}, "stringData": {"b": "y", "empty": ""}}
    data = {"a": "eA==", "b": base64.b64encode(b"y").decode(), "empty": ""}
    assert normal_form(inputs) == {"kind": "Secret", "data": data}


def spec(*containers: dict[str, Any], **more: object) -> dict[str, Any]:
    return {"spec": {"containers": [{"name": "c", **each} for each in containers], **more}}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (spec({"image": "a"}), spec({"image": "b"}), {"spec.containers[0].image": KINDS.UPDATE_REPLACE}),
        (spec({"image": "a"}), spec({"image": Unknown()}), {"spec.containers[0].image": KINDS.UPDATE_REPLACE}),
        (spec({}), spec({"args": ["x"]}), {"spec.containers[0].args": KINDS.ADD_REPLACE}),
        (spec({"args": ["x"]}), spec({}), {"spec.containers[0].args": KINDS.DELETE_REPLACE}),
        (
            spec({"env": [{"name": "a", "value": "1"}]}),
            spec({"env": [{"name": "a", "value": "2"}]}),
            {"spec.containers[0].env[0].value": KINDS.UPDATE_REPLACE},
        ),
        (spec({}), spec({}, {"image": "b"}), {"spec.containers[1]": KINDS.ADD_REPLACE}),
        (spec({}, {"image": "b"}), spec({}), {"spec.containers[1]": KINDS.DELETE}),
        (spec({}), spec({}, activeDeadlineSeconds=5), {"spec.activeDeadlineSeconds": KINDS.ADD}),
        (
            {"metadata": {"labels": {"a.b/c": "1"}}},
            {"metadata": {"labels": {"a.b/c": "2"}}},
            {'metadata.labels["a.b/c"]': KINDS.UPDATE},
        ),
        ({"spec": {"priority": 1}}, {"spec": {"priority": 1.0}}, {}),
        ({"metadata": {"name": "a"}}, {"metadata": {"name": "b"}}, {"metadata.name": KINDS.UPDATE_REPLACE}),
        ({"spec": {"hostNetwork": True}}, {"spec": {"hostNetwork": 1}}, {"spec.hostNetwork": KINDS.UPDATE_REPLACE}),
    ],
)
def test_each_change_is_found_where_it_is(old: dict[str, Any], new: dict[str, Any], expected: dict[str, int]) -> None:
    found = differences(old, new, POD.replacing_fields(new, mutable=False))
    assert {path: change.kind for path, change in found.items()} == expected
    replaced = {KINDS.ADD_REPLACE, KINDS.DELETE_REPLACE, KINDS.UPDATE_REPLACE}
    assert replacing(found) == [path for path, kind in expected.items() if kind in replaced]


def test_an_ignored_change_is_none() -> None:
    old, new = spec({"image": "a"}, {"image": "a"}), spec({"image": "b"}, {"image": "b"})
    assert list(differences(old, new, (), ["spec.containers[0]"])) == ["spec.containers[1].image"]
    assert list(differences(old, new, (), ["spec.containers[*].image"])) == []


@pytest.mark.parametrize("text", ["spec.containers[0].image", 'data[".dockerconfigjson"]', 'a["x\\"y"].b', "a"])
def test_a_path_is_read_as_it_is_written(text: str) -> None:
    assert format_path(parse_path(text)) == text


def test_pruning_keeps_of_the_live_object_what_the_inputs_speak_of() -> None:
    live = {"spec": {"a": 1, "b": 2, "list": [{"x": 1, "y": 2}, {"x": 3}]}, "status": {}}
    shape = {"spec": {"a": 0, "list": [{"x": 0}], "gone": 1}}
    assert objects.prune(live, shape) == {"spec": {"a": 1, "list": [{"x": 1}]}}


def test_what_was_secret_among_the_inputs_is_secret_in_the_state() -> None:
    live = {"kind": "Pod", "metadata": {"labels": {"a": "1"}}, "spec": {"containers": [{"env": "x"}], "other": 1}}
    marked: Properties = {"metadata": {"labels": {"a": Secret("1")}}, "spec": {"containers": [Secret({"env": "x"})]}}
    result = objects.with_secrets(live, marked)
    assert result["metadata"] == {"labels": {"a": Secret("1")}}
    assert result["spec"] == {"containers": Secret([{"env": "x"}]), "other": 1}


def pod(*containers: dict[str, Any], ready: dict[str, str] | None = None, namespace: str = "ns") -> dict[str, Any]:
    conditions = [{"type": "PodScheduled", "status": "True"}, {"type": "Initialized", "status": "True"}]
    conditions.append({"type": "Ready", "status": "False", **(ready or {})})
    status = {"conditions": conditions, "containerStatuses": list(containers)}
    return {"metadata": {"name": "web", "namespace": namespace}, "status": status}


@pytest.mark.parametrize(
    ("container", "reason"),
    [
        ({"state": {"waiting": {"reason": "ErrImagePull", "message": "no right"}}}, "[ErrImagePull] no right"),
        (
            {
                "state": {
                    "waiting": {
                        "reason": "ErrImagePull",
                        "message": "rpc error: code = Unknown desc = Error response from daemon: x: manifest unknown",
                    }
                }
            },
            "[ErrImagePull] x",
        ),
        ({"state": {"terminated": {"reason": "Error", "exitCode": 3}}}, 'container "c" completed with exit code 3'),
        ({"state": {"terminated": {"reason": "OOMKilled", "message": "too big"}}}, "[OOMKilled] too big"),
        (
            {"lastState": {"terminated": {"reason": "Error", "exitCode": 1, "finishedAt": "2026-01-01T00:00:00Z"}}},
            'container "c" terminated at 2026-01-01T00:00:00Z (Error: exit code 1)',
        ),
    ],
)
def test_a_containers_trouble_is_the_reason(container: dict[str, Any], reason: str) -> None:
    assert pod_readiness(pod({"name": "c", "ready": False, **container})).reasons == (f"[Pod ns/web]: {reason}",)


def test_a_container_that_is_still_being_made_is_no_trouble() -> None:
    creating: dict[str, Any] = {"name": "c", "ready": False, "state": {"waiting": {"reason": "ContainerCreating"}}}
    assert pod_readiness(pod(creating)).reasons == ()


def test_a_pod_of_the_default_namespace_is_called_by_its_name_alone() -> None:
    waiting = pod(ready={"reason": "ContainersNotReady", "message": "soon"}, namespace="default")
    assert pod_readiness(waiting).steps[-1] == 'Waiting for Pod "web" to be ready'
    assert pod_readiness(waiting).reasons == ("[Pod web]: soon",)


def test_the_fields_of_a_plain_create_go_to_the_resources_own_manager() -> None:
    entries: list[dict[str, Any]] = [
        {"manager": "mine", "operation": "Apply", "fieldsV1": {"f:a": {"f:b": {}}}},
        {"manager": "pulumi-kubernetes", "operation": "Update", "fieldsV1": {"f:a": {"f:c": {}}}},
        {"manager": "kubelet", "operation": "Update", "subresource": "status", "fieldsV1": {"f:status": {}}},
        {"manager": "kubectl-client-side-apply", "operation": "Update", "fieldsV1": {"f:d": {}}},
    ]
    operations = takeover({"metadata": {"managedFields": entries, "resourceVersion": "7"}}, "mine")
    assert operations[0]["value"] == [
        entries[2],
        {**entries[0], "fieldsV1": {"f:a": {"f:b": {}, "f:c": {}}, "f:d": {}}},
    ]
    assert operations[1] == {"op": "replace", "path": "/metadata/resourceVersion", "value": "7"}
    assert takeover({"metadata": {"managedFields": [entries[0], entries[2]]}}, "mine") == []
