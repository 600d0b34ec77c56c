"""The stand-in answers what the official Kubernetes plugin 4.32.0 answered to the same calls.

The recordings hold a program's whole life: preview, up, unchanged up, new image, new Secret, refresh, drift, an image
that can't be pulled, destroy. Calls that need no cluster are answered with none in reach; the others with a server
that hands out the recorded objects.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import grpc
import pytest
from google.protobuf.message import Message

from sandbox.plugins.kubernetes.plugin import KubernetesPlugin
from sandbox.plugins.serving import Engine
from tests.plugins import replay
from tests.plugins.kubernetes.fake_server import RecordedServer
from tests.plugins.kubernetes.resources import kept_resource, text_of

pytestmark = pytest.mark.plugins

CALM = replay.calls("kubernetes-calm")
WITH_CLUSTER = replay.calls("kubernetes-cluster")
CONFIGURE = next(call for call in CALM if call.method == "Configure")
MADE = [call for call in WITH_CLUSTER if call.method == "Create" and call.response]
READ = [call for call in WITH_CLUSTER if call.method == "Read" and "properties" in (call.response or {})]
GONE = [call for call in WITH_CLUSTER if call.method == "Read" and not call.response]
UPDATED = [call for call in WITH_CLUSTER if call.method == "Update"]
DELETED = [call for call in WITH_CLUSTER if call.method == "Delete"]
PULL_FAILURE = (
    "[Pod rec/nginx-custom]: containers with unready status: [nginx-custom][ImagePullBackOff] "
    'Back-off pulling image "127.0.0.1:5001/my-praivate-repo/nope:1": ErrImagePull: rpc error: code = NotFound '
    'desc = failed to pull and unpack image "127.0.0.1:5001/my-praivate-repo/nope:1": failed to resolve reference '
    '"127.0.0.1:5001/my-praivate-repo/nope:1": 127.0.0.1:5001/my-praivate-repo/nope:1: not found'
)
"""What the state recorded as the reason, after the image could not be pulled."""
LATE, TAKEN = [call for call in WITH_CLUSTER if call.errors]


@pytest.fixture
def plugin() -> Iterator[replay.Plugin]:
    """Run the stand-in configured as recorded: its kubeconfig is of another machine, so no cluster is in reach."""
    servicers: list[KubernetesPlugin] = []

    def make(engine: Engine) -> KubernetesPlugin:
        servicers.append(KubernetesPlugin(engine))
        return servicers[0]

    with replay.serving(make) as plugin:
        plugin.answer(CONFIGURE)
        yield plugin
    servicers[0].close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RecordedServer]:
    """Run a server that speaks as much of the Kubernetes API as one recorded object needs."""
    with RecordedServer(tmp_path) as server:
        yield server


@pytest.fixture
def connected(plugin: replay.Plugin, server: RecordedServer) -> replay.Plugin:
    """Configure the stand-in for that server, otherwise as recorded."""
    request = copy.deepcopy(CONFIGURE.request)
    cast("dict[str, str]", request["variables"])["kubernetes:config:kubeconfig"] = str(server.kubeconfig)
    plugin.send("Configure", request)
    return plugin


@pytest.mark.parametrize("call", CALM, ids=str)
def test_the_answer_without_a_cluster_is_the_recorded_one(call: replay.Call, plugin: replay.Plugin) -> None:
    if call.errors:
        assert call.errors == (failure(plugin, call),)
    else:
        assert named_alike(plugin.answer(call)) == named_alike(replay.expected(call))


def named_alike(answer: Message) -> dict[str, Any]:
    """Return an answer with a fixed end of the name that was drawn for an object without one."""
    text = json.dumps(replay.as_json(answer))
    return cast("dict[str, Any]", json.loads(re.sub(r"auto-named-[0-9a-f]{8}\b", "auto-named-00000000", text)))


@pytest.mark.parametrize("call", MADE, ids=str)
def test_a_create_answers_the_recorded_state(
    call: replay.Call, connected: replay.Plugin, server: RecordedServer
) -> None:
    server.live = live_object(call)
    answer = replay.as_json(connected.answer(call))
    expected = replay.as_json(replay.expected(call))
    # The manager's name is random, so each run has another one.
    manager = properties(answer).pop("__fieldManager")
    recorded = properties(expected).pop("__fieldManager")
    assert answer == expected
    assert len(manager) == len(recorded)
    assert manager.startswith("pulumi-kubernetes-")
    made = next(each for each in server.asked if each.startswith("POST /api/v1/"))
    assert "fieldManager=pulumi-kubernetes" in made
    assert ("dryRun=All" in made) == call.preview


@pytest.mark.parametrize("call", READ, ids=str)
def test_a_refresh_answers_the_recorded_state(
    call: replay.Call, connected: replay.Plugin, server: RecordedServer
) -> None:
    server.live = live_object(call)
    assert replay.as_json(connected.answer(call)) == replay.as_json(replay.expected(call))


@pytest.mark.parametrize("call", GONE, ids=str)
def test_a_refresh_of_what_is_gone_answers_nothing(call: replay.Call, connected: replay.Plugin) -> None:
    assert replay.as_json(connected.answer(call)) == {}


@pytest.mark.parametrize("call", UPDATED, ids=str)
def test_an_update_answers_the_recorded_state(
    call: replay.Call, connected: replay.Plugin, server: RecordedServer
) -> None:
    server.live = live_object(call)
    assert replay.as_json(connected.answer(call)) == replay.as_json(replay.expected(call))
    applied = next(each for each in server.asked if each.startswith("PATCH") and "fieldManager=" in each)
    assert f"fieldManager={cast('dict[str, str]', call.request['olds'])['__fieldManager']}" in applied
    assert ("dryRun=All" in applied) == call.preview


@pytest.mark.parametrize("call", DELETED, ids=str)
def test_a_delete_asks_for_it_and_answers_once_it_is_gone(
    call: replay.Call, connected: replay.Plugin, server: RecordedServer
) -> None:
    server.live = cast("dict[str, Any]", copy.deepcopy(call.request["properties"]))
    server.reads_until_gone = 2
    assert replay.as_json(connected.answer(call)) == {}
    assert server.live is None
    told = [] if "Secret" in call.urn or "ServiceAccount" in call.urn else ["Resource scheduled for deletion"]
    assert [line.text for line in connected.lines] == [*told, ""]


def test_an_existing_object_is_not_taken_over(connected: replay.Plugin, server: RecordedServer) -> None:
    server.refusal = {
        "kind": "Status",
        "message": 'namespaces "rec" already exists',
        "reason": "AlreadyExists",
        "details": {"name": "rec", "kind": "namespaces"},
        "code": 409,
    }
    assert TAKEN.errors == (failure(connected, TAKEN),)
    assert connected.lines[0].text == 'Retry #0; creation failed: namespaces "rec" already exists'


def test_a_pod_that_never_gets_ready_is_kept_with_the_recorded_reasons(
    connected: replay.Plugin, server: RecordedServer
) -> None:
    state = next(call for call in DELETED if "nope:1" in str(call.request)).request["properties"]
    server.live = {key: value for key, value in cast("dict[str, Any]", state).items() if not key.startswith("__")}
    request = {**LATE.request, "timeout": 0.3}
    with pytest.raises(grpc.RpcError) as raised:
        connected.send("Create", request)
    error = raised.value
    assert LATE.errors == (f"rpc error: code = Unknown desc = {text_of(error)}",)
    kept = kept_resource(error)
    assert kept.id == "rec/nginx-custom"
    assert kept.reasons == [text_of(error), PULL_FAILURE]
    assert {key: value for key, value in kept.properties.items() if key != "__fieldManager"} == {
        key: value for key, value in cast("dict[str, Any]", state).items() if key != "__fieldManager"
    }


def failure(plugin: replay.Plugin, call: replay.Call) -> str:
    """Return the stand-in's error in the words in which the engine logs one."""
    with pytest.raises(grpc.RpcError) as raised:
        plugin.answer(call)
    return f"rpc error: code = {raised.value.code().name.title()} desc = {text_of(raised.value)}"


def properties(message: dict[str, object]) -> dict[str, Any]:
    """Return an answer's properties."""
    return cast("dict[str, Any]", message["properties"])


def live_object(call: replay.Call) -> dict[str, Any]:
    """Return the object as the cluster had it when the recorded answer was given."""
    state = cast("dict[str, Any]", copy.deepcopy((call.response or {})["properties"]))
    live = {key: value for key, value in state.items() if not key.startswith("__")}
    if live["kind"] == "Secret":
        live["data"] = live["data"]["value"]
    return live
