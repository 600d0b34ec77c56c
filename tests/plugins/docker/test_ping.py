"""What the plugin says of a local socket that is there, with something else than a Docker Engine behind it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sandbox.plugins.docker.engine import DockerEngine
from sandbox.plugins.serving import PluginError

pytestmark = pytest.mark.plugins


@contextmanager
def answering(place: Path, answer: bytes) -> Generator[str]:
    """Answer one connection to a socket at `place`, and yield the socket's DOCKER_HOST."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(place))
        listening.listen()

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"unix://{place}"
        thread.join()


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (b"HTTP/1.1 503 Service Unavailable\r\n\r\n", "HTTP/1.1 503 Service Unavailable"),
        (b"", "it broke off the connection"),
    ],
)
def test_a_socket_without_a_docker_engine_is_told_with_what_it_answered(
    tmp_path: Path, answer: bytes, told: str
) -> None:
    with answering(tmp_path / "socket", answer) as host, pytest.raises(PluginError) as raised:
        DockerEngine.find(host)
    assert str(raised.value) == (
        f"failed to connect to any docker daemon (no Docker daemon answers at {host}: {told}). "
        "Start Docker, or set DOCKER_HOST to the address of one that runs"
    )


def test_a_docker_engine_is_found_by_its_answer(tmp_path: Path) -> None:
    with answering(tmp_path / "socket", b"HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\n\r\nOK") as host:
        assert DockerEngine.find(host).host == host
