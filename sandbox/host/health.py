"""Asks parts over HTTP how they are: on a TCP address or a unix socket, with or without the cluster's certificates."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

_TIMEOUT = 10.0
"""Seconds that one answer may take; on a slow machine a server that starts takes some."""


def silence(host: str, port: int) -> str | None:
    """Return None if something listens on a TCP address, else that it doesn't answer."""
    try:
        socket.create_connection((host, port), timeout=_TIMEOUT).close()
    except OSError as error:
        return f"{host}:{port} does not answer ({error})"
    return None


@dataclass(frozen=True)
class Endpoint:
    """An HTTP server: `url` without a path; `socket` if it listens on one; `pki` if it speaks the cluster's TLS."""

    url: str
    socket: Path | None = None
    pki: Path | None = None

    @property
    def tls(self) -> ssl.SSLContext | None:
        """Return how the cluster's administrator speaks TLS with this server, if it does."""
        if self.pki is None:
            return None
        context = ssl.create_default_context(cafile=self.pki / "ca.crt")
        context.load_cert_chain(self.pki / "admin.crt", self.pki / "admin.key")
        return context

    @contextmanager
    def client(self, timeout: float = _TIMEOUT) -> Generator[httpx.Client]:
        """Give a client of this server, which acts as the cluster's administrator where certificates count.

        Raises OSError if nobody listens on the unix socket; httpx would leave its end open there.
        """
        if self.socket:
            with socket.socket(socket.AF_UNIX) as probe:
                probe.connect(str(self.socket))
        transport = httpx.HTTPTransport(uds=str(self.socket) if self.socket else None, verify=self.tls or False)
        with httpx.Client(base_url=self.url, transport=transport, timeout=timeout, trust_env=False) as client:
            yield client

    def problem(self, path: str, status: int = 200) -> str | None:
        """Return None if GET `path` answers with `status`, else what happened instead."""
        try:
            with self.client() as client:
                answer = client.get(path)
        except (httpx.HTTPError, OSError) as error:
            return f"{self.socket or self.url} does not answer ({error})"
        if answer.status_code == status:
            return None
        return f"{self.socket or self.url}{path} answers {answer.status_code} instead of {status}"
