"""What the stand-ins for official plugins share: process, gRPC server, the engine's log, errors.

A plugin is started by the engine with the engine's address, prints the port it serves on, and ends with the engine.
"""

# ruff: noqa: N802, ARG002 - methods have the names and arguments that gRPC gives them

from __future__ import annotations

import contextlib
import threading
import traceback
from collections.abc import Callable, Sequence
from concurrent import futures
from pathlib import Path
from typing import NoReturn, TypeVar, cast

import grpc
from google.protobuf import any_pb2, empty_pb2
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, plugin_pb2, provider_pb2, provider_pb2_grpc, status_pb2

from sandbox.plugins.processes import NO_CODE, OPTIONS, serve
from sandbox.plugins.values import Properties, to_struct

_Request = TypeVar("_Request")
_Response = TypeVar("_Response")

_WORKERS = 64
"""Calls answered at once; a waiting create or delete holds one."""


class PluginError(Exception):
    """Something to tell the user: its text is all that is shown, so it must hold no secret."""

    code = grpc.StatusCode.UNKNOWN


class InitializationError(PluginError):
    """The resource was made, but did not become ready: the engine keeps it in the state, with the reasons.

    `properties` are its outputs so far, `inputs` (for a read) its inputs.
    """

    def __init__(
        self,
        message: str,
        resource_id: str,
        properties: Properties,
        reasons: Sequence[str],
        inputs: Properties | None = None,
    ) -> None:
        super().__init__(message)
        self.detail = provider_pb2.ErrorResourceInitFailed(
            id=resource_id,
            properties=to_struct(properties),
            reasons=reasons,
            inputs=None if inputs is None else to_struct(inputs),
        )


class Engine:
    """The engine's log: what a plugin says to the user about a resource."""

    def __init__(self, address: str) -> None:
        self._channel = grpc.insecure_channel(address, options=OPTIONS)
        self._log = cast(
            "Callable[[engine_pb2.LogRequest], empty_pb2.Empty]", engine_pb2_grpc.EngineStub(self._channel).Log
        )

    def close(self) -> None:
        """Drop the connection."""
        self._channel.close()

    def tell(self, severity: engine_pb2.LogSeverity.ValueType, urn: str, message: str, *, ephemeral: bool) -> None:
        """Add a line to the diagnostics, or an ephemeral one beside the resource, until the next takes its place."""
        # An engine that is gone needs no log; the plugin ends by itself a moment later.
        with contextlib.suppress(grpc.RpcError):
            self._log(engine_pb2.LogRequest(severity=severity, urn=urn, message=message, ephemeral=ephemeral))


class PluginServicer(provider_pb2_grpc.ResourceProviderServicer):
    """The calls that every plugin answers alike; a plugin adds those of its resources.

    `cancelled` is set when the user asked the engine to stop: whatever waits should give up with a `PluginError`.
    """

    def __init__(self, version: str, engine: Engine | None) -> None:
        super().__init__()
        self.version = version
        self.engine = engine
        self.cancelled = threading.Event()

    def GetPluginInfo(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> plugin_pb2.PluginInfo:
        """Answer the version of the official plugin that this one stands in for."""
        return plugin_pb2.PluginInfo(version=self.version)

    def GetSchema(
        self, request: provider_pb2.GetSchemaRequest, context: grpc.ServicerContext
    ) -> provider_pb2.GetSchemaResponse:
        """Refuse, in words for whoever ran `pulumi import`, which writes code by the schema."""
        raise PluginError(NO_CODE)

    def Invoke(self, request: provider_pb2.InvokeRequest, context: grpc.ServicerContext) -> provider_pb2.InvokeResponse:
        """Refuse: the program calls no function of these plugins."""
        raise PluginError(f"{request.tok}: only the official plugin has this function")

    def Cancel(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """Let whatever waits give up."""
        self.cancelled.set()
        return empty_pb2.Empty()

    def log(self, severity: engine_pb2.LogSeverity.ValueType, urn: str, message: str) -> None:
        """Add a line to the diagnostics of `urn`; without an engine (tests) it is dropped."""
        if self.engine is not None:
            self.engine.tell(severity, urn, message, ephemeral=False)

    def status(self, severity: engine_pb2.LogSeverity.ValueType, urn: str, message: str) -> None:
        """Show a line beside `urn` until the next one; without an engine (tests) it is dropped."""
        if self.engine is not None:
            self.engine.tell(severity, urn, message, ephemeral=True)


def start(servicer: PluginServicer) -> tuple[grpc.Server, int]:
    """Serve on a free loopback port; return the server and the port."""
    pool = futures.ThreadPoolExecutor(_WORKERS, thread_name_prefix="call")
    server = grpc.server(pool, options=OPTIONS, interceptors=[_Errors()])
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port


def main(make: Callable[[Engine], PluginServicer], arguments: Sequence[str]) -> NoReturn:
    """Run a plugin until the engine ends it or is gone."""
    serve(lambda address: start(make(Engine(address))), arguments)


class _Errors(grpc.ServerInterceptor):
    """Turns exceptions into gRPC statuses: the user sees one sentence and never a traceback."""

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], grpc.RpcMethodHandler[_Request, _Response] | None],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[_Request, _Response] | None:
        handler = continuation(handler_call_details)
        if handler is None or handler.unary_unary is None:
            return handler
        behaviour = handler.unary_unary
        call = handler_call_details.method.rpartition("/")[2]

        def answer(request: _Request, context: grpc.ServicerContext) -> _Response:
            try:
                return behaviour(request, context)
            except InitializationError as error:
                context.set_trailing_metadata((("grpc-status-details-bin", _details(error)),))
                context.abort(error.code, str(error))
            except PluginError as error:
                # A file's name may be no UTF-8, which gRPC can't carry.
                context.abort(error.code, str(str(error).encode(errors="replace"), "utf-8"))
            except NotImplementedError:  # what gRPC's generated base raises for the methods that nobody overrides
                context.abort(grpc.StatusCode.UNIMPLEMENTED, f"method {call} not implemented")
            except Exception as error:  # noqa: BLE001 - a fault of ours must not reach the user as a traceback
                context.abort(grpc.StatusCode.INTERNAL, _fault(error))

        return grpc.unary_unary_rpc_method_handler(answer, handler.request_deserializer, handler.response_serializer)


def _details(error: InitializationError) -> bytes:
    detail = any_pb2.Any()
    detail.Pack(error.detail)
    code = cast("tuple[int, str]", error.code.value)[0]
    return status_pb2.Status(code=code, message=str(error), details=[detail]).SerializeToString()


def _fault(error: Exception) -> str:
    # The error's own text stays out: it can hold a value of the user's.
    frame = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{Path(frame.filename).name}:{frame.lineno}"
    return f"a fault of the stand-in plugin, not of the program: {type(error).__name__} at {place}"
