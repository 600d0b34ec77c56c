"""The stand-in answers what the official docker plugin 5.1.0 answered to the same calls.

The recordings hold a program's whole life: preview, up, unchanged up, changed page, refresh, destroy.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from sandbox.plugins.docker.engine import DockerEngine, Show
from sandbox.plugins.docker.inputs import Image
from sandbox.plugins.docker.provider import DockerPlugin
from tests.plugins import replay

pytestmark = pytest.mark.plugins

DOCKERFILE = "ARG BASE=base/nginx:1\nFROM ${BASE}\nCOPY index.html /usr/share/nginx/html/index.html\n"
PAGES = {
    "1e55390b323cf78fa1a2fc2092cff54ba179ea8578e7c6d99fe7a81d5036231b": "test server\n",
    "7e931ee387850802310a92da6e4c133cfd5c541cb3133ed970bde38c98b10443": "test server v2\n",
}
"""The recorded context digests, and the page of the recorded program that each belongs to."""

CALLS = replay.calls("docker")
REAL_WORK = [call for call in CALLS if call.method in {"Create", "Update"} and not call.preview]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make the recorded program's folder, the plugin's working directory."""
    app = tmp_path / "app"
    app.mkdir()
    for name, text in {"Dockerfile": DOCKERFILE, "index.html": PAGES[min(PAGES)]}.items():
        (app / name).write_text(text)
        (app / name).chmod(0o644)
    monkeypatch.chdir(tmp_path)
    return app


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch) -> Iterator[replay.Plugin]:
    """Run the stand-in with an engine that is found and never asked: these tests are about the answers."""

    def find(configured: str | None) -> DockerEngine:
        return DockerEngine(configured or "unix:///nowhere")

    monkeypatch.setattr(DockerEngine, "find", find)
    with replay.serving(DockerPlugin) as plugin:
        plugin.answer(next(call for call in CALLS if call.method == "Configure"))
        yield plugin


@pytest.mark.parametrize("call", [call for call in CALLS if call not in REAL_WORK], ids=str)
def test_the_answer_is_the_recorded_one(call: replay.Call, project: Path, plugin: replay.Plugin) -> None:
    set_page(project, call)
    if call.errors:
        with pytest.raises(grpc.RpcError) as raised:
            plugin.answer(call)
        error = raised.value
        assert call.errors == (f"rpc error: code = {error.code().name.title()} desc = {error.details()}",)
    else:
        assert replay.as_json(plugin.answer(call)) == replay.as_json(replay.expected(call))


@pytest.mark.parametrize("call", REAL_WORK, ids=str)
def test_a_build_answers_the_recorded_outputs(
    call: replay.Call, project: Path, plugin: replay.Plugin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pushed digest is the recorded one here, since no two builds have the same; the rest is the stand-in's."""
    recorded = replay.expected(call)
    digest = re.findall("sha256:[0-9a-f]{64}", str(recorded))[0]
    built: list[Image] = []

    def build(_self: DockerEngine, image: Image, show: Show, _cancelled: threading.Event) -> str:
        built.append(image)
        show("Step 1/3")
        return "sha256:1"

    def push(_self: DockerEngine, _image: Image, _show: Show, _cancelled: threading.Event) -> str:
        return digest

    monkeypatch.setattr(DockerEngine, "build", build)
    monkeypatch.setattr(DockerEngine, "push", push)
    set_page(project, call)
    assert replay.as_json(plugin.answer(call)) == replay.as_json(recorded)
    assert [line.text for line in plugin.lines] == [
        "Starting Docker build",
        "Step 1/3",
        'Built image with local id "sha256:1", polling image store for image',
        'Image built successfully, local id "sha256:1"',
        "Pushing Image to the registry",
    ]
    assert {(line.severity, line.status, line.urn) for line in plugin.lines} == {("info", True, call.urn)}
    assert built[0].arguments == {"BASE": "base/nginx:1"}
    assert "secretkey" not in repr(built[0])


def test_every_recorded_method_is_replayed() -> None:
    assert {call.method for call in CALLS} == {
        *("Handshake", "GetPluginInfo", "CheckConfig", "DiffConfig", "Configure", "Check", "Diff"),
        *("Create", "Update", "Read", "Delete", "Cancel"),
    }


def set_page(project: Path, call: replay.Call) -> None:
    """Give the program the page that it had at that moment: known by the digest in the recorded answer."""
    recorded = str(call.response)
    for digest, page in PAGES.items():
        if digest in recorded:
            (project / "index.html").write_text(page)
