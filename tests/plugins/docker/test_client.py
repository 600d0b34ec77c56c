"""Which docker client builds, and what it is told; the client is played here by a script."""

from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path

import pytest

from sandbox.plugins.docker import build
from sandbox.plugins.docker.inputs import Image
from sandbox.plugins.serving import PluginError
from sandbox.toolchain import debian

pytestmark = pytest.mark.plugins

IMAGE = Image(
    name="127.0.0.1:7001/mine/page:v1",
    context=".",
    dockerfile="Dockerfile",
    platform="linux/amd64",
    target="",
    arguments={},
    cache_from=(),
    network="",
    add_hosts=(),
    skip_push=True,
    registry_server="",
    login=None,
)


def no_program(_: str) -> None:
    """Stand for `shutil.which` where the user has no docker client."""


def test_the_client_of_the_distributions_packages_finds_the_plugin_that_was_unpacked_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = debian.DebianTree(tmp_path / "tree", "x86_64-linux-gnu")
    client, told = tree.root / "usr/bin/docker", tmp_path / "told.json"
    client.parent.mkdir(parents=True)
    client.write_text(f'#!/bin/sh\ncp "$DOCKER_CONFIG/config.json" {told}\necho sha256:1 >"${{3#--iidfile=}}"\n')
    client.chmod(0o755)
    users = tmp_path / "settings"
    users.mkdir()
    users.joinpath("config.json").write_text('{"cliPluginsExtraDirs": ["/opt/plugins"], "detachKeys": "ctrl-x"}')
    monkeypatch.setenv("DOCKER_CONFIG", str(users))
    monkeypatch.setattr(shutil, "which", no_program)
    monkeypatch.setattr(debian, "find", lambda: tree)

    build.build("unix:///nowhere", IMAGE, lambda _: None, threading.Event())

    plugins = str(tree.root / "usr/libexec/docker/cli-plugins")
    assert json.loads(told.read_text()) == {
        "cliPluginsExtraDirs": ["/opt/plugins", plugins],
        "detachKeys": "ctrl-x",
    }


@pytest.mark.parametrize(
    ("version", "has_buildx", "fits"),
    [("20.10.24+dfsg1", False, True), ("26.1.5", False, False), ("26.1.5", True, True), ("18.09.1", False, False)],
)
def test_a_client_on_path_is_used_if_it_speaks_buildkit_with_the_plugins_that_its_user_added(
    version: str, has_buildx: bool, fits: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, told = tmp_path / "bin/docker", tmp_path / "told.json"
    client.parent.mkdir()
    client.write_text(
        f"""#!/bin/sh
case "$1" in
--version) echo "Docker version {version}, build 1" ;;
buildx) exit {0 if has_buildx else 1} ;;
build) cp "$DOCKER_CONFIG/config.json" {told}; echo sha256:1 >"${{3#--iidfile=}}" ;;
esac
"""
    )
    client.chmod(0o755)
    (tmp_path / "settings/cli-plugins").mkdir(parents=True)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "settings"))
    monkeypatch.setenv("PATH", f"{client.parent}:/usr/bin:/bin")
    monkeypatch.setattr(debian, "find", lambda: None)

    if not fits:
        with pytest.raises(PluginError, match="BuildKit"):
            build.build("unix:///nowhere", IMAGE, lambda _: None, threading.Event())
        return
    build.build("unix:///nowhere", IMAGE, lambda _: None, threading.Event())
    assert json.loads(told.read_text())["cliPluginsExtraDirs"] == [str(tmp_path / "settings/cli-plugins")]
