"""The Docker Engine: is it there, build, push. Turns docker-py's errors into one sentence each.

docker-py is imported on first use: a preview of an unchanged stack asks a local engine for one ping, and does that
without it.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Protocol, cast

from sandbox.plugins.docker import stream
from sandbox.plugins.docker.build import Show, build
from sandbox.plugins.docker.inputs import Image, Login
from sandbox.plugins.docker.stream import Message
from sandbox.plugins.serving import PluginError

_QUICK = 10.0
_SLOW = 3600.0
"""Seconds without a word from the registry."""
_LOCAL = "unix://"
_LINE = 1000
"""The most of an answer's first line that is read, in bytes."""


class _Api(Protocol):
    """The part of docker-py's APIClient in use; the package carries no types."""

    def ping(self) -> bool: ...

    def push(self, repository: str, **options: object) -> Iterator[Message]: ...

    def close(self) -> None: ...


@dataclass(frozen=True)
class DockerEngine:
    """A Docker Engine at `host` (a DOCKER_HOST value), with TLS by Docker's usual environment variables."""

    host: str

    @staticmethod
    def find(configured: str | None) -> DockerEngine:
        """Return the engine at `configured`, else at DOCKER_HOST, else at Docker's usual socket.

        Raises PluginError when it doesn't answer.
        """
        engine = DockerEngine(configured or os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock")
        try:
            if engine.host.startswith(_LOCAL):
                _ping(engine.host)
            else:
                with engine._api(_QUICK) as api:
                    api.ping()
        except PluginError as error:
            raise PluginError(
                f"failed to connect to any docker daemon ({error}). "
                f"Start Docker, or set DOCKER_HOST to the address of one that runs"
            ) from None
        return engine

    def build(self, image: Image, show: Show, cancelled: threading.Event) -> str:
        """Build `image` under its name; return the image's local id. Raises PluginError."""
        return build(self.host, image, show, cancelled)

    def push(self, image: Image, show: Show, cancelled: threading.Event) -> str:
        """Push `image`; return the manifest's digest. Raises PluginError with the registry's own words."""
        digest = ""
        login = image.login
        who = f'as "{login.username}"' if login else "with the login of Docker's own settings, if any"
        with self._api(_SLOW) as api:
            push = partial(
                api.push,
                image.name,
                stream=True,
                decode=True,
                auth_config=_auth(login) if login else None,
            )
            for message in stream.until_cancelled(push, cancelled):
                stream.raise_if_refused(message, f" (pushing {image.name} {who})")
                digest = stream.pushed(message) or digest
                show(stream.line(message))
        if not digest:
            raise PluginError(f"the push of {image.name} ended without a digest")
        return digest

    @contextmanager
    def _api(self, timeout: float) -> Generator[_Api]:
        import docker  # noqa: PLC0415 - 0.1 s that a start should not wait for
        import docker.errors  # noqa: PLC0415
        import docker.utils  # noqa: PLC0415
        import requests  # noqa: PLC0415
        import urllib3  # noqa: PLC0415

        if self.host.startswith(_LOCAL):
            _ping(self.host)  # says in fewer words than docker-py who isn't there
        make = cast("Callable[..., _Api]", docker.APIClient)
        try:
            settings = cast("dict[str, object]", docker.utils.kwargs_from_env({**os.environ, "DOCKER_HOST": self.host}))
            with closing(make(**settings, version="auto", timeout=timeout)) as api:
                yield api
        except (docker.errors.DockerException, requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise PluginError(_sentence(self.host, error)) from None


def _auth(login: Login) -> dict[str, str]:
    return {"username": login.username, "password": login.password, "serveraddress": login.address}


def _ping(host: str) -> None:
    """Raise PluginError unless a Docker Engine answers at a local socket."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(_QUICK)
        try:
            connection.connect(host.removeprefix(_LOCAL))
            connection.sendall(b"GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n")
            status = connection.makefile("rb").readline(_LINE).decode(errors="replace").strip()
        except OSError as error:
            raise PluginError(_unreachable(host, error)) from None
    if status.split(" ")[1:2] != ["200"]:
        raise PluginError(f"no Docker daemon answers at {host}: {status or 'it broke off the connection'}")


def _unreachable(host: str, error: OSError) -> str:
    return f"cannot connect to the Docker daemon at {host}: {error.strerror or error}"


def _sentence(host: str, error: Exception) -> str:
    refused = _system_error(error)
    if refused:
        return _unreachable(host, refused)
    explanation = getattr(error, "explanation", None)  # what the engine itself said, in docker-py's errors
    return " ".join(str(explanation or error).split())


def _system_error(error: BaseException) -> OSError | None:
    """Return the operating system's own error inside what docker-py, requests and urllib3 wrapped round it."""
    inner = [each for each in (*error.args, error.__cause__, error.__context__) if isinstance(each, BaseException)]
    if isinstance(error, OSError) and error.strerror:
        return error
    return next(filter(None, map(_system_error, inner)), None)
