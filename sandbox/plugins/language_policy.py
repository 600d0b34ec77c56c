"""Runs a policy pack as the official language host does: with the stack's name and configuration in its environment.

The engine tells those in `ConfigureStack`, to a pack that already runs, and the SDK (`pulumi.policy`) reads them when
it starts. So the engine gets the port of a proxy, which answers the first calls and starts the pack once it knows.
"""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Callable, Generator, Mapping
from concurrent import futures
from typing import cast

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import analyzer_pb2, language_pb2

from sandbox.plugins.processes import OPTIONS, Child

Start = Callable[[Mapping[str, str]], Child]
"""Starts the pack with these variables added to its environment."""

_Call = Callable[[bytes], bytes]
_SERVICE = "/pulumirpc.Analyzer/"
_WORKERS = 8
_GRACE = 2.0
"""Seconds that calls get to end by themselves."""
_ENDED_EARLY = "the policy pack ended before it served: its own words are above, or in the engine's log"


def run(start: Start, context: grpc.ServicerContext) -> Generator[language_pb2.RunPluginResponse]:
    """Yield what the engine is to see of the pack, its exit status last; ends when the engine drops the call."""
    said: queue.Queue[language_pb2.RunPluginResponse | None] = queue.Queue()
    proxy = _Proxy(lambda added: _port(start(added), said))
    try:
        if not context.add_callback(lambda: said.put(None)):
            return
        yield language_pb2.RunPluginResponse(stdout=f"{proxy.port}\n".encode())
        while response := said.get():
            yield response
    finally:
        proxy.close()


def _port(pack: Child, said: queue.Queue[language_pb2.RunPluginResponse | None]) -> int:
    """Return the port in the first line that the pack prints; hand on all else that comes, then its exit status."""
    found: futures.Future[int] = futures.Future()

    def read() -> None:
        first = b""
        for stream, text in pack.output():
            rest = text
            if stream == "stderr":
                said.put(language_pb2.RunPluginResponse(stderr=text))
                continue
            if not found.done():
                first, line_break, rest = (first + text).partition(b"\n")
                if line_break:
                    found.set_result(int(first))
            if rest:
                said.put(language_pb2.RunPluginResponse(stdout=rest))
        status = pack.status()
        if not found.done():
            found.set_exception(ChildProcessError(_ENDED_EARLY))
        said.put(language_pb2.RunPluginResponse(exitcode=status))
        said.put(None)

    threading.Thread(target=read, name="policy pack", daemon=True).start()
    return found.result()


class _Proxy(grpc.GenericRpcHandler):
    """Answers `Handshake`, starts the pack with `ConfigureStack`, and hands on all else as bytes."""

    def __init__(self, start: Callable[[Mapping[str, str]], int]) -> None:
        self._start = start
        self._lock = threading.Lock()
        self._channel: grpc.Channel | None = None
        self._server = grpc.server(futures.ThreadPoolExecutor(_WORKERS), handlers=[self], options=OPTIONS)
        self.port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()

    def close(self) -> None:
        # The answer that tells why the pack ended is on its way as the pack's end closes this.
        self._server.stop(_GRACE).wait()
        if self._channel is not None:
            self._channel.close()

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes]:
        method = handler_call_details.method

        def answer(request: bytes, context: grpc.ServicerContext) -> bytes:
            match method.removeprefix(_SERVICE):
                case "Handshake":
                    return analyzer_pb2.AnalyzerHandshakeResponse().SerializeToString()
                case "Cancel" if self._channel is None:
                    return empty_pb2.Empty().SerializeToString()
                case "ConfigureStack":
                    added = _environment(analyzer_pb2.AnalyzerStackConfigureRequest.FromString(request))
                case _:
                    added = {}
            try:
                return cast("_Call", self._pack(added).unary_unary(method))(request)
            except grpc.RpcError as error:
                context.abort(error.code(), str(error.details()))
            except (ChildProcessError, ValueError) as error:
                context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))

        return grpc.unary_unary_rpc_method_handler(answer)

    def _pack(self, added: Mapping[str, str]) -> grpc.Channel:
        with self._lock:
            if self._channel is None:
                self._channel = grpc.insecure_channel(f"127.0.0.1:{self._start(added)}", options=OPTIONS)
            return self._channel


def _environment(request: analyzer_pb2.AnalyzerStackConfigureRequest) -> dict[str, str]:
    """Return the variables that `pulumi.policy` reads."""
    found = {
        "PULUMI_ORGANIZATION": request.organization,
        "PULUMI_PROJECT": request.project,
        "PULUMI_STACK": request.stack,
        "PULUMI_DRY_RUN": "true" if request.dry_run else "false",
        "PULUMI_CONFIG": json.dumps(dict(request.config)),
    }
    return {name: value for name, value in found.items() if value}
