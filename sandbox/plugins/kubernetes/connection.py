"""A connection to a cluster: kubectl's proxy, which logs in by whatever the kubeconfig says, and one HTTP client."""

from __future__ import annotations

import contextlib
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
_END_SECONDS = 1.0
"""How long an end of kubectl, seen as a broken connection, may take to show in the system's list of processes."""


class NoAnswerError(Exception):
    """The cluster can't be reached, or not logged in to; the text is kubectl's, with a credential command's words."""


class NoProxyError(NoAnswerError):
    """kubectl's proxy does not start: asking again is no use."""


class Connection:
    """Open until `close`; safe for many threads. Raises `KubeconfigError` or `NoProxyError` if it can't be opened.

    A proxy that ends by itself, or is killed, is started again by the next call that needs it.
    """

    def __init__(self, kubeconfig: Kubeconfig) -> None:
        import httpx  # noqa: PLC0415 - 0.1 s that a preview of an unchanged stack can do without

        kubeconfig.check()
        self._starting = threading.Lock()
        self._open = True
        with ExitStack() as opened:
            # Only this user can look into the folder, and so use the socket.
            self._socket = Path(opened.enter_context(temporary_folder("kubectl-")), "api")
            self._kubectl = opened.enter_context(kubeconfig.command())
            self._start()
            opened.callback(self._end)
            transport = httpx.HTTPTransport(uds=str(self._socket))
            self._http = httpx.Client(transport=transport, base_url="http://localhost", timeout=_ANSWER_SECONDS)
            opened.callback(self._http.close)
            self._opened = opened.pop_all()

    def close(self) -> None:
        """Drop the connection."""
        with self._starting:
            self._open = False
            self._opened.close()

    def send(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, str],
        content: bytes | None,
        headers: Mapping[str, str],
        *,
        again: bool = True,
    ) -> httpx.Response:
        """Send a request to the API server and return its answer, whatever status that has; raises NoAnswerError.

        What was lost with a proxy that ended is sent `again` if nobody got it, or if twice is the same as once.
        """
        import httpx  # noqa: PLC0415 - as above

        proxy = self._running()
        try:
            answer = self._http.request(method, path, params=dict(parameters), content=content, headers=dict(headers))
        except httpx.TransportError as error:
            repeatable = method in {"GET", "DELETE"} or isinstance(error, httpx.ConnectError)
            if again and repeatable and proxy.ends_within(_END_SECONDS):
                return self.send(method, path, parameters, content, headers, again=False)
            raise NoAnswerError(f"no answer ({type(error).__name__})") from None
        if answer.is_server_error and "json" not in answer.headers.get("Content-Type", ""):
            # The proxy's own: no connection, a certificate, a login.
            words = self._until(_FAILED, _WORDS_SECONDS)
            raise NoAnswerError(" ".join([answer.text.strip().replace("\n", " "), *words]))
        return answer

    def _running(self) -> Child:
        """Return the proxy, another one if it ended; raises NoProxyError if there can be none."""
        with self._starting:
            if self._open and self._proxy.ends_within(0):
                self._start()
            return self._proxy

    def _start(self) -> None:
        self._socket.unlink(missing_ok=True)
        self._said: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        command = [*self._kubectl, "proxy", f"--unix-socket={self._socket}", "--append-server-path"]
        self._proxy = Child(command, ".", os.environ)
        threading.Thread(target=_listen, args=(self._proxy, self._said), name="kubectl", daemon=True).start()
        try:
            self._until(_SERVING, _START_SECONDS, "kubectl's proxy did not start")
        except NoProxyError:
            self._end()
            raise

    def _end(self) -> None:
        self._proxy.end()

    def _until(self, mark: str, seconds: float, missing: str = "") -> list[str]:
        """Take what kubectl and a credential command say, up to a line with `mark`; return the words of neither's log.

        Raises NoProxyError with these words, or else with `missing`, if that is given and no such line comes.
        """
        words: list[str] = []
        with contextlib.suppress(queue.Empty):
            while (line := self._said.get(timeout=seconds)) is not None:
                if mark in line:
                    return words
                if not _LOG_LINE.match(line):
                    words.append(line.removeprefix("error: "))
        if missing:
            raise NoProxyError(" ".join(words) or missing)
        return words


def _listen(proxy: Child, said: queue.SimpleQueue[str | None]) -> None:
    for line in proxy.lines():
        said.put(line)
    said.put(None)
