"""What a Dockerfile's RUN reaches on the sandbox's own Docker Engine, and that Pods reach no more because of it."""

from __future__ import annotations

import secrets
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from sandbox.host.layout import Layout
from sandbox.images import build_network, docker_engine
from sandbox.kubernetes import network
from sandbox.plugins.docker.build import build
from sandbox.plugins.docker.inputs import Image
from sandbox.toolchain import debian
from tests.plugins.docker import real

pytestmark = pytest.mark.e2e

OUTSIDE = "203.0.113.2"
"""Of the range that RFC 5737 sets aside for documentation: a machine beyond this one, in a network namespace."""
PORT = 8080
SERVER = f"""
import socket
with socket.create_server(("{OUTSIDE}", {PORT})) as server:
    print("up", flush=True)
    while True:
        connection, peer = server.accept()
        with connection:
            connection.sendall(b"hello " + peer[0].encode() + b"\\n")
"""
CLIENT = f"import socket; print(socket.create_connection(('{OUTSIDE}', {PORT}), 3).recv(99).decode())"
PERL = (
    f'socket(S, 2, 1, 0); connect(S, pack("S n C4 x8", 2, {PORT}, {OUTSIDE.replace(".", ",")})) or die "$!\\n"; '
    "print scalar <S>"
)


def _ip(*words: str) -> None:
    tree = debian.ensure()
    subprocess.run([tree.binary("ip"), *words], check=True, env=tree.environ())


def _inside(namespace: str, program: str) -> list[str]:
    return [str(debian.ensure().binary("ip")), "netns", "exec", namespace, sys.executable, "-c", program]


@pytest.fixture
def outside() -> Iterator[ExitStack]:
    """Make a machine that answers, and knows the way back to this machine's own networks."""
    with ExitStack() as stack:
        _namespace(stack, "icrt-out", "icrt-o", OUTSIDE)
        _ip("addr", "add", "203.0.113.1/24", "dev", "icrt-o")
        _ip("-n", "icrt-out", "route", "add", "198.19.0.0/16", "via", "203.0.113.1")
        server = subprocess.Popen(_inside("icrt-out", SERVER), stdout=subprocess.PIPE)
        stack.callback(server.wait)
        stack.callback(server.kill)
        assert server.stdout
        stack.enter_context(server.stdout)
        assert server.stdout.readline() == b"up\n"
        yield stack


def _namespace(stack: ExitStack, name: str, link: str, address: str) -> None:
    """Make a network namespace whose `eth0` has the address, and whose other end is `link` here."""
    _ip("netns", "add", name)
    stack.callback(_ip, "netns", "del", name)
    _ip("link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", name)
    _ip("link", "set", link, "up")
    _ip("-n", name, "addr", "add", f"{address}/24", "dev", "eth0")
    _ip("-n", name, "link", "set", "eth0", "up")


def _own_engine(sandbox_home: Path) -> Layout:
    layout = Layout(sandbox_home)
    if not docker_engine.is_own(layout):
        pytest.skip("the sandbox uses this machine's own Docker Engine, whose networks are its own")
    return layout


@pytest.mark.usefixtures("outside")
def test_run_reaches_what_this_machine_reaches(sandbox_home: Path, tmp_path: Path) -> None:
    layout = _own_engine(sandbox_home)
    real.Machine(docker_engine.chosen(layout), "").import_shell("icrt-shell:1", "/usr/bin/perl")
    (tmp_path / "Dockerfile").write_text(f"FROM icrt-shell:1\nRUN : {secrets.token_hex(4)}; perl -e '{PERL}'\n")
    image = Image(
        name="icrt-built:1",
        context=str(tmp_path),
        dockerfile=str(tmp_path / "Dockerfile"),
        platform="",
        target="",
        arguments={},
        cache_from=(),
        network="",
        add_hosts=(),
        skip_push=True,
        registry_server="",
        login=None,
    )
    said: list[str] = []
    build(docker_engine.chosen(layout), image, said.append, threading.Event())
    # It is this machine that the outside sees, not an address that only this machine knows.
    assert "hello 203.0.113.1" in said


@pytest.mark.parametrize(
    ("bridge", "address", "reached"), [("builds", "198.19.79.250", True), ("pods", "198.19.77.250", False)]
)
def test_builds_have_a_way_out_and_pods_have_none(
    sandbox_home: Path, outside: ExitStack, bridge: str, address: str, *, reached: bool
) -> None:
    layout = _own_engine(sandbox_home)
    plugged_into = {"builds": build_network.bridge(layout), "pods": network.bridge(layout)}[bridge]
    _namespace(outside, "icrt-in", "icrt-i", address)
    _ip("link", "set", "icrt-i", "master", plugged_into.name)
    _ip("-n", "icrt-in", "route", "add", "default", "via", str(plugged_into.address.ip))
    done = subprocess.run(_inside("icrt-in", CLIENT), capture_output=True, text=True, check=False)
    assert (done.returncode == 0) is reached, done.stdout + done.stderr
