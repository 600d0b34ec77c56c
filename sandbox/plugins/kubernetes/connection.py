"""A connection to a cluster: kubectl's proxy, which logs in by whatever the kubeconfig says, and one HTTP client."""

from __future__ import annotations

import os
import queue
import re
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.plugins.kubernetes.kubeconfig import Kubeconfig
from sandbox.plugins.processes import Child, temporary_folder

if TYPE_CHECKING:
    import httpx

_SERVING = "Starting to serve on "
_FAILED = "Error while proxying request: "
_LOG_LINE = re.compile(r"[IWEF]\d{4} ")
"""The beginning of a line of kubectl's own log."""
_START_SECONDS = 20.0
_ANSWER_SECONDS = 60.0
_WORDS_SECONDS = 2.0


class NoAnswerError(Exception):
    """The cluster can't be reached, or not logged in to; the text is kubectl's, with a credential command's words."""


class Connection:
    """Open until `close`; safe for many threads. Raises `KubeconfigError` or `NoAnswerError` if it can't be opened."""

    def __init__(self, kubeconfig: Kubeconfig) -> None:
        import httpx  # noqa: PLC0415 - 0.1 s that a preview of an unchanged stack can do without

        kubeconfig.check()
        self._said: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        with ExitStack() as opened:
            # Only this user can look into the folder, and so use the socket.
            folder = Path(opened.enter_context(temporary_folder("kubectl-")))
            kubectl = opened.enter_context(kubeconfig.command())
            proxy = Child(
                [*kubectl, "proxy", f"--unix-socket={folder / 'api'}", "--append-server-path"], ".", os.environ
            )
            opened.callback(proxy.end)
            threading.Thread(target=self._listen, args=(proxy,), name="kubectl", daemon=True).start()
            self._until(_SERVING, _START_SECONDS, "kubectl's proxy did not start")
            transport = httpx.HTTPTransport(uds=str(folder / "api"))
            self._http = httpx.Client(transport=transport, base_url="http://localhost", timeout=_ANSWER_SECONDS)
            opened.callback(self._http.close)
            self._opened = opened.pop_all()

    def close(self) -> None:
        """Drop the connection."""
        self._opened.close()

    def send(
        self, method: str, path: str, parameters: Mapping[str, str], content: bytes | None, headers: Mapping[str, str]
    ) -> httpx.Response:
        """Send a request to the API server and return its answer, whatever status that has; raises NoAnswerError."""
        import httpx  # noqa: PLC0415 - as above

        try:
            answer = self._http.request(method, path, params=dict(parameters), content=content, headers=dict(headers))
        except httpx.TransportError as error:
            raise NoAnswerError(f"no answer ({type(error).__name__})") from None
        if answer.is_server_error and "json" not in answer.headers.get("Content-Type", ""):
            # The proxy's own: no connection, a certificate, a login.
            words = self._until(_FAILED, _WORDS_SECONDS)
            raise NoAnswerError(" ".join([answer.text.strip().replace("\n", " "), *words]))
        return answer

    def _listen(self, proxy: Child) -> None:
        for line in proxy.lines():
            self._said.put(line)
        self._said.put(None)

    def _until(self, mark: str, seconds: float, missing: str = "") -> list[str]:
        """Take what kubectl and a credential command say, up to a line with `mark`; return the words of neither's log.

        Raises NoAnswerError when kubectl ends first.
        """
        words: list[str] = []
        try:
            while (line := self._said.get(timeout=seconds)) is not None:
                if mark in line:
                    return words
                if not _LOG_LINE.match(line):
                    words.append(line.removeprefix("error: "))
        except queue.Empty:
            if not missing:
                return words
        raise NoAnswerError(" ".join(words) or missing)
