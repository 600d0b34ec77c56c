"""The plugin process: the gRPC server, how errors reach a person, and how the process ends."""

# ruff: noqa: N802, ARG002 - methods have the names and arguments that gRPC gives them

from __future__ import annotations

import asyncio
import inspect
import os
import signal
import sys
import traceback
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

import grpc
import grpc.aio
from google.protobuf import struct_pb2
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.provider.experimental.provider import DiffRequest, DiffResponse
from pulumi.provider.experimental.server import ProviderServicer
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from ibm_native.cloud.errors import ProviderError, scrub
from ibm_native.provider import IbmNative, OldInputsDiffRequest
from ibm_native.version import PACKAGE, VERSION

_MESSAGE_BYTES = 400 << 20
"""Largest message either way, as in Pulumi's own plugins."""
_OPTIONS = [
    ("grpc.max_receive_message_length", _MESSAGE_BYTES),
    ("grpc.max_send_message_length", _MESSAGE_BYTES),
]
_GRACE_SECONDS = 10.0
"""How long calls under way may take to remove what they have half made, once the process is asked to end."""
_WATCH_SECONDS = 1.0

_Request = TypeVar("_Request")
_Response = TypeVar("_Response")
_Context = grpc.aio.ServicerContext[Any, Any]


class Servicer(ProviderServicer):
    """The SDK's servicer, with the inputs of last time in diffs: it drops them, and state alone can't tell drift."""

    def __init__(self, provider: IbmNative, engine: str) -> None:
        super().__init__([], VERSION, provider, engine)
        self._native = provider

    async def Handshake(
        self, request: provider_pb2.ProviderHandshakeRequest, context: _Context
    ) -> provider_pb2.ProviderHandshakeResponse:
        """Say what this provider understands."""
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True)

    async def Diff(self, request: provider_pb2.DiffRequest, context: _Context) -> provider_pb2.DiffResponse:
        """Compare a resource's inputs with those of last time."""
        return _diff_response(await self._native.diff(_diff_request(request)))

    async def DiffConfig(self, request: provider_pb2.DiffRequest, context: _Context) -> provider_pb2.DiffResponse:
        """Compare the provider's configuration with that of last time."""
        return _diff_response(await self._native.diff_config(_diff_request(request)))


def _diff_request(request: provider_pb2.DiffRequest) -> OldInputsDiffRequest:
    state, old, new = (_unmarshal(each) for each in (request.olds, request.old_inputs, request.news))
    base = DiffRequest(request.urn, request.id, state, new, list(request.ignoreChanges))
    return OldInputsDiffRequest(base, old)


def _unmarshal(properties: struct_pb2.Struct) -> dict[str, PropertyValue]:
    return PropertyValue.unmarshal_map(properties)


def _diff_response(found: DiffResponse) -> provider_pb2.DiffResponse:
    changes = provider_pb2.DiffResponse.DIFF_SOME if found.changes else provider_pb2.DiffResponse.DIFF_NONE
    details = {
        name: provider_pb2.PropertyDiff(
            kind=provider_pb2.PropertyDiff.Kind.Value(each.kind.name), inputDiff=each.input_diff
        )
        for name, each in found.detailed_diff.items()
    }
    return provider_pb2.DiffResponse(
        changes=changes,
        replaces=found.replaces,
        diffs=found.diffs,
        deleteBeforeReplace=found.delete_before_replace,
        detailedDiff=details,
        hasDetailedDiff=True,
    )


class Errors(grpc.aio.ServerInterceptor):
    """Turns exceptions into one message for a person: never a traceback, never a secret."""

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[_Request, _Response] | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[_Request, _Response] | None:
        """Wrap the handler of one call."""
        handler = await continuation(handler_call_details)
        if handler is None or handler.unary_unary is None:
            return handler
        method = cast("Callable[[object, _Context], Awaitable[object]]", handler.unary_unary)

        async def answer(request: object, context: _Context) -> object:
            if not inspect.iscoroutinefunction(method):
                await context.abort(grpc.StatusCode.UNIMPLEMENTED, f"{PACKAGE} doesn't have this call")
            try:
                return await method(request, context)
            except grpc.aio.AbortError:
                raise
            except NotImplementedError:
                await context.abort(grpc.StatusCode.UNIMPLEMENTED, f"{PACKAGE} doesn't have this call")
            except ProviderError as error:
                await context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))
            except Exception as error:  # noqa: BLE001  # whatever a bug raises, a person gets one line
                await context.abort(grpc.StatusCode.INTERNAL, _bug(error))

        return grpc.unary_unary_rpc_method_handler(
            cast("Callable[[_Request, grpc.ServicerContext], _Response]", answer),
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )


def _bug(error: Exception) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{Path(frame.filename).name}:{frame.lineno}"
    return scrub(f"{PACKAGE} {VERSION} has a bug: {type(error).__name__} at {place}: {error}. Please report this line.")


async def start(provider: IbmNative, engine: str) -> tuple[grpc.aio.Server, int]:
    """Serve `provider` on a free loopback port; return the server and the port."""
    server = grpc.aio.server(options=_OPTIONS, interceptors=[Errors()])
    servicer = Servicer(provider, engine)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    return server, port


async def _serve(engine: str) -> None:
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, over.set)
    parent = os.getppid()
    provider = IbmNative()
    server, port = await start(provider, engine)
    print(port, flush=True)
    while not over.is_set() and os.getppid() == parent:
        try:
            await asyncio.wait_for(over.wait(), _WATCH_SECONDS)
        except TimeoutError:
            continue
    if over.is_set() and os.getppid() == parent:
        provider.journal.close()
    await provider.cancel()
    await server.stop(_GRACE_SECONDS)
    # A thread may still wait for an answer of IBM Cloud; joining it would keep the process for a minute.
    os._exit(0)


def engine_of(arguments: Sequence[str]) -> str | None:
    """Return the engine's address, which is the last argument, after the flags and their values (`--tracing URL`)."""
    return next((each for each in arguments[-1:] if not each.startswith("-")), None)


def main() -> int:
    """Run the plugin until the engine ends it or is gone; return the exit status."""
    engine = engine_of(sys.argv[1:])
    if engine is None:
        print("This is a Pulumi plugin: the engine starts it, with the engine's address. Run `pulumi up` instead.")
        return 2
    asyncio.run(_serve(engine))
    return 0
