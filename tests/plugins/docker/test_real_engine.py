"""The stand-in at work: a real Docker Engine builds, a real registry that wants a login is pushed to."""

from __future__ import annotations

import base64
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import grpc
import pytest

from sandbox.plugins.docker.provider import DockerPlugin
from tests.plugins import replay
from tests.plugins.docker import real

pytestmark = pytest.mark.plugins

URN = "urn:pulumi:dev::rig::docker:index/image:Image::image"
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
Properties = dict[str, object]
HOST = {"network": "host"}
"""What RUN needs on an engine without a network of its own."""


@pytest.fixture(scope="module")
def machine() -> Iterator[real.Machine]:
    """Run the engine and the registry for this file's tests."""
    with real.machine() as machine:
        yield machine


@pytest.fixture(scope="module")
def shell(machine: real.Machine) -> str:
    """Return an image with a shell in it."""
    machine.import_shell("shell:1")
    return "shell:1"


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, machine: real.Machine) -> Path:
    """Make a project, go there, and let Docker's usual variables name the engine."""
    app = tmp_path / "app"
    app.mkdir()
    (app / "Dockerfile").write_text("FROM scratch\nCOPY index.html /index.html\n")
    (app / "index.html").write_text(f"test server of {tmp_path}\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DOCKER_HOST", machine.docker_host)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    return app


@pytest.fixture
def plugin() -> Iterator[replay.Plugin]:
    """Run the stand-in, configured."""
    with replay.serving(DockerPlugin) as plugin:
        plugin.send("Configure", {"args": {"version": "5.1.0"}})
        yield plugin


def inputs(machine: real.Machine, name: str, **more: object) -> Properties:
    build: Properties = {"context": "app", "platform": "linux/amd64"}
    return {
        "imageName": f"{machine.registry}/my-praivate-repo/{name}:latest",
        "build": build | cast("Properties", more.pop("build", {})),
        "registry": {"server": machine.registry, "username": real.USER, "password": real.PASSWORD},
        "skipPush": False,
        **more,
    }


def create(plugin: replay.Plugin, news: Properties, *, preview: bool = False) -> Properties:
    checked = replay.as_json(plugin.send("Check", {"urn": URN, "news": news}))["inputs"]
    created = plugin.send("Create", {"urn": URN, "properties": checked, "preview": preview})
    return cast("Properties", replay.as_json(created)["properties"])


def failure(plugin: replay.Plugin, news: Properties) -> str:
    with pytest.raises(grpc.RpcError) as raised:
        create(plugin, news)
    return str(raised.value.details())


def test_the_image_is_built_and_the_registry_has_it_by_the_digest(machine: real.Machine, plugin: replay.Plugin) -> None:
    outputs = create(plugin, inputs(machine, "made"))
    reference = str(outputs["repoDigest"])
    assert reference.startswith(f"{machine.registry}/my-praivate-repo/made@sha256:")
    assert machine.manifest(reference) == 200
    assert machine.image(f"{machine.registry}/my-praivate-repo/made:latest")["RepoDigests"] == [reference]


def test_the_user_sees_the_engines_lines_while_it_works(machine: real.Machine, plugin: replay.Plugin) -> None:
    create(plugin, inputs(machine, "seen"))
    shown = [line.text for line in plugin.lines]
    wanted = [
        "Starting Docker build",
        "[internal] load build definition from Dockerfile",
        "[1/1] COPY index.html /index.html",
        f"naming to {machine.registry}/my-praivate-repo/seen:latest",
        'Built image with local id "sha256:',
        'Image built successfully, local id "sha256:',
        "Pushing Image to the registry",
        f"The push refers to repository [{machine.registry}/my-praivate-repo/seen]",
        "latest: digest: sha256:",
        "Pushed image with digest sha256:",
    ]
    places = [next(place for place, line in enumerate(shown) if line.startswith(start)) for start in wanted]
    assert places == sorted(places)
    assert all(line.status and line.urn == URN for line in plugin.lines)
    assert real.PASSWORD not in str(plugin.lines)


def test_a_changed_page_is_another_image_under_the_same_name(
    machine: real.Machine, plugin: replay.Plugin, project: Path
) -> None:
    news = inputs(machine, "changed")
    before = create(plugin, news)
    (project / "index.html").write_text("another page\n")
    checked = replay.as_json(plugin.send("Check", {"urn": URN, "news": news}))["inputs"]
    diff = replay.as_json(plugin.send("Diff", {"urn": URN, "id": "x", "olds": before, "news": checked}))
    assert diff["detailedDiff"] == {"build": {"kind": "UPDATE"}}
    updated = plugin.send("Update", {"urn": URN, "id": "x", "olds": before, "news": checked})
    after = cast("Properties", replay.as_json(updated)["properties"])
    assert after["repoDigest"] != before["repoDigest"]
    assert machine.manifest(str(after["repoDigest"])) == machine.manifest(str(before["repoDigest"])) == 200


def test_arguments_target_and_a_dockerfile_outside_the_context_are_used(
    machine: real.Machine, plugin: replay.Plugin, project: Path
) -> None:
    (project.parent / "release.Dockerfile").write_text(
        'FROM scratch AS first\nARG WORD\nCOPY . /\nLABEL word="${WORD}"\nFROM first AS second\nLABEL last="1"\n'
    )
    build = {"dockerfile": "release.Dockerfile", "args": {"WORD": "hello"}, "target": "first"}
    outputs = create(plugin, inputs(machine, "released", build=build))
    config = cast("Properties", machine.image(str(outputs["imageName"]))["Config"])
    assert outputs["dockerfile"] == "../release.Dockerfile"
    assert config["Labels"] == {"word": "hello"}


def test_a_private_base_is_pulled_with_the_images_own_login(
    machine: real.Machine, plugin: replay.Plugin, project: Path
) -> None:
    base = str(create(plugin, inputs(machine, "base"))["imageName"])
    machine.forget(base)
    (project / "Dockerfile").write_text(f"FROM {base}\nLABEL on-top=1\n")
    assert "unauthorized" in failure(plugin, inputs(machine, "on-top", registry={"server": machine.registry})).lower()
    create(plugin, inputs(machine, "on-top"))


def test_a_wrong_password_is_the_registrys_refusal_and_not_shown(machine: real.Machine, plugin: replay.Plugin) -> None:
    login = {"server": machine.registry, "username": real.USER, "password": "not-the-key"}
    message = failure(plugin, inputs(machine, "refused", registry=login))
    name = f"{machine.registry}/my-praivate-repo/refused:latest"
    assert (
        message == f'error reading push output: unauthorized: authentication required (pushing {name} as "{real.USER}")'
    )
    assert "not-the-key" not in str(plugin.lines)


def test_no_login_at_all_is_refused_too(machine: real.Machine, plugin: replay.Plugin) -> None:
    message = failure(plugin, inputs(machine, "anonymous", registry={"server": machine.registry}))
    assert "with the login of Docker's own settings" in message


def test_a_step_that_fails_is_named_with_what_it_wrote(
    machine: real.Machine, plugin: replay.Plugin, shell: str, project: Path
) -> None:
    (project / "Dockerfile").write_text(f"FROM {shell}\nRUN echo the cause; echo on both >&2; false\n")
    message = failure(plugin, inputs(machine, "failing", build=HOST))
    reason, *output = message.splitlines()
    assert "exit code: 1" in reason
    assert reason.endswith("(at [2/2] RUN echo the cause; echo on both >&2; false)")
    assert set(output) == {"the cause", "on both"}, "in any order: they come by two pipes"


def test_a_file_that_is_missing_is_named(machine: real.Machine, plugin: replay.Plugin, project: Path) -> None:
    (project / "Dockerfile").write_text("FROM scratch\nCOPY missing.html /\n")
    assert "missing.html" in failure(plugin, inputs(machine, "missing"))


def test_what_buildkit_sets_and_mounts_is_there(
    machine: real.Machine, plugin: replay.Plugin, shell: str, project: Path
) -> None:
    (project / "Dockerfile").write_text(
        f"FROM --platform=$BUILDPLATFORM {shell}\nARG TARGETARCH\nARG TARGETPLATFORM\nARG WORD\nARG DOCKER_WORD\n"
        "RUN --mount=type=cache,target=/kept --mount=type=bind,target=/here "
        "cat /here/index.html && echo $TARGETARCH $TARGETPLATFORM $WORD $DOCKER_WORD >/result\n"
        "COPY --chmod=600 index.html /page\nRUN cat /result; ls -l /page; false\n"
    )
    build = {**HOST, "args": {"WORD": "a word", "DOCKER_WORD": "another"}}
    output = failure(plugin, inputs(machine, "modern", build=build)).splitlines()
    assert output[-2] == "amd64 linux/amd64 a word another"
    assert output[-1].startswith("-rw------- 1 0 0")


@pytest.mark.parametrize(
    "form",
    [
        "COPY --link index.html /",
        "ADD --checksum=sha256:1 index.html /",
        "COPY <<END /file\ncontent\nEND",
        "RUN <<END\necho hello\nEND",
        "ARG A=abc\nENV B=${A#a}",
    ],
)
def test_a_form_that_this_engine_does_not_know_is_refused_before_any_step(
    machine: real.Machine, plugin: replay.Plugin, project: Path, form: str
) -> None:
    (project / "Dockerfile").write_text(f"FROM scratch\nCOPY index.html /first\n{form}\n")
    assert "needs a newer Docker Engine" in failure(plugin, inputs(machine, "newer"))
    assert not [line for line in plugin.lines if "COPY" in line.text]


def test_an_ignored_dockerfile_a_socket_and_odd_names_are_no_hindrance(
    machine: real.Machine, plugin: replay.Plugin, project: Path
) -> None:
    (project / ".dockerignore").write_bytes(b"Dockerfile\n.dockerignore\nsecret\ncaf\xe9\n")
    for name in (b"secret", b"caf\xe9", b"na\xefve"):
        (project / os.fsdecode(name)).write_text("x")
    (project / "Dockerfile").write_text("FROM scratch\nCOPY . /\n")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(project / "s"))
        assert "repoDigest" in create(plugin, inputs(machine, "odd"))


def test_the_login_is_neither_in_the_clients_arguments_and_environment_nor_on_disk(
    machine: real.Machine, plugin: replay.Plugin, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    client = tmp_path / "bin/docker"
    client.parent.mkdir()
    client.write_text(
        '#!/bin/sh\n[ "$1" = buildx ] && exit\n'
        f'cat "$DOCKER_CONFIG/config.json" >/dev/null; ls -l "$DOCKER_CONFIG" >{tmp_path}/folder\n'
        f"tr '\\0' ' ' </proc/$$/cmdline >{tmp_path}/arguments; env >{tmp_path}/environment; exit 1\n"
    )
    client.chmod(0o755)
    monkeypatch.setenv("PATH", str(client.parent), prepend=os.pathsep)
    failure(plugin, inputs(machine, "watched"))
    assert "config.json -> /proc/" in (tmp_path / "folder").read_text()
    seen = (tmp_path / "arguments").read_text() + (tmp_path / "environment").read_text()
    secrets = (real.PASSWORD, base64.b64encode(f"{real.USER}:{real.PASSWORD}".encode()).decode())
    assert not [each for each in secrets if each in seen]


def test_skip_push_builds_and_leaves_the_registry_alone(machine: real.Machine, plugin: replay.Plugin) -> None:
    outputs = create(plugin, inputs(machine, "local", skipPush=True))
    name = str(outputs["imageName"])
    assert "repoDigest" not in outputs
    assert machine.image(name)
    assert machine.manifest(name) == 404


def test_build_on_preview_builds_and_pushes_nothing(machine: real.Machine, plugin: replay.Plugin) -> None:
    outputs = create(plugin, inputs(machine, "previewed", buildOnPreview=True), preview=True)
    name = str(outputs["imageName"])
    assert outputs["repoDigest"] == UNKNOWN
    assert machine.image(name)
    assert machine.manifest(name) == 404


def test_a_plain_preview_builds_nothing(machine: real.Machine, plugin: replay.Plugin) -> None:
    name = str(create(plugin, inputs(machine, "dry"), preview=True)["imageName"])
    assert machine.image(name) == {}


def test_without_a_docker_engine_the_plugin_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    with replay.serving(DockerPlugin) as plugin, pytest.raises(grpc.RpcError) as raised:
        plugin.send("Configure", {"args": {"version": "5.1.0"}})
    assert raised.value.details() == (
        "failed to connect to any docker daemon (cannot connect to the Docker daemon at unix:///nowhere/docker.sock: "
        "No such file or directory). Start Docker, or set DOCKER_HOST to the address of one that runs"
    )


def test_the_host_in_the_providers_settings_comes_before_the_environment(
    machine: real.Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    with replay.serving(DockerPlugin) as plugin:
        plugin.send("Configure", {"args": {"host": machine.docker_host}})
        create(plugin, inputs(machine, "elsewhere", skipPush=True))
    assert machine.image(f"{machine.registry}/my-praivate-repo/elsewhere:latest")
