"""Replays calls that official plugins answered to the real engine: the stand-ins must answer the same messages.

A recording is a `*.jsonl` file in `recorded/`: one call a line, with `method`, `request` and `response` or `errors`
as the engine's own gRPC log writes them (protobuf's JSON form).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Mapping
from concurrent import futures
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast

import grpc
from google.protobuf import empty_pb2, json_format, message_factory
from google.protobuf.message import Message
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, provider_pb2, provider_pb2_grpc

from sandbox.plugins.serving import Engine, PluginServicer, start

RECORDED = Path(__file__).parent / "recorded"


@dataclass(frozen=True)
class Call:
    """One recorded call; `response` is None where the official plugin answered `errors`."""

    source: str
    method: str
    request: dict[str, object]
    response: dict[str, object] | None
    errors: tuple[str, ...] = ()

    @property
    def urn(self) -> str:
        """The resource's URN, or nothing for calls about the plugin itself."""
        return str(self.request.get("urn", ""))

    @property
    def preview(self) -> bool:
        """Whether the engine asked what would happen."""
        return self.request.get("preview") is True

    def __str__(self) -> str:
        return f"{self.source} {self.method}{' preview' if self.preview else ''} {self.urn.rpartition('::')[2]}".strip()


@dataclass(frozen=True)
class Line:
    """What a plugin told the engine: `status` lines are shown until the next one comes."""

    severity: str
    urn: str
    text: str
    status: bool


@dataclass
class Plugin:
    """A stand-in that serves on a real port, and an engine that writes down what it is told."""

    stub: provider_pb2_grpc.ResourceProviderStub
    lines: list[Line] = field(default_factory=list[Line])

    def answer(self, call: Call) -> Message:
        """Send the recorded request; return the stand-in's answer or raise its `grpc.RpcError`."""
        return self.send(call.method, call.request)

    def send(self, method: str, request: Mapping[str, object]) -> Message:
        """Send a request in protobuf's JSON form."""
        send = cast("Callable[[Message], Message]", getattr(self.stub, method))
        return send(json_format.ParseDict(dict(request), _type(method, "input")))


def calls(name: str) -> list[Call]:
    """Return the calls of `recorded/<name>.jsonl` in their order."""
    return [_call(name, line) for line in (RECORDED / f"{name}.jsonl").read_text().splitlines()]


def expected(call: Call) -> Message:
    """Return the official plugin's recorded answer as a message."""
    return json_format.ParseDict(call.response or {}, _type(call.method, "output"))


def as_json(message: Message) -> dict[str, object]:
    """Return a message in protobuf's JSON form: what a failing assertion can show."""
    return cast("dict[str, object]", json_format.MessageToDict(message))


@contextmanager
def serving(make: Callable[[Engine], PluginServicer]) -> Generator[Plugin]:
    """Run a stand-in in this process, behind real gRPC, with an engine that listens."""
    recorder = _Recorder()
    engine_server = grpc.server(futures.ThreadPoolExecutor(4))
    engine_pb2_grpc.add_EngineServicer_to_server(recorder, engine_server)
    engine_address = f"127.0.0.1:{engine_server.add_insecure_port('127.0.0.1:0')}"
    engine_server.start()
    engine = Engine(engine_address)
    server, port = start(make(engine))
    channel = grpc.insecure_channel(f"127.0.0.1:{port}", options=[("grpc.enable_http_proxy", 0)])
    try:
        yield Plugin(provider_pb2_grpc.ResourceProviderStub(channel), recorder.lines)
    finally:
        channel.close()
        server.stop(0).wait()
        engine.close()
        engine_server.stop(0).wait()


class _Recorder(engine_pb2_grpc.EngineServicer):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[Line] = []

    # The method has the name and the arguments that gRPC gives it
    def Log(self, request: engine_pb2.LogRequest, context: grpc.ServicerContext) -> empty_pb2.Empty:  # noqa: N802, ARG002
        severity = engine_pb2.LogSeverity.Name(request.severity).lower()
        self.lines.append(Line(severity, request.urn, request.message, request.ephemeral))
        return empty_pb2.Empty()


def _call(name: str, line: str) -> Call:
    raw = cast("dict[str, object]", json.loads(line))
    return Call(
        source=str(raw.get("source", name)),
        method=str(raw["method"]).rpartition("/")[2],
        request=cast("dict[str, object]", raw["request"]),
        response=cast("dict[str, object] | None", raw.get("response")),
        errors=tuple(cast("list[str]", raw.get("errors") or [])),
    )


def _type(method: str, side: Literal["input", "output"]) -> Message:
    described = provider_pb2.DESCRIPTOR.services_by_name["ResourceProvider"].methods_by_name[method]
    return message_factory.GetMessageClass(described.input_type if side == "input" else described.output_type)()
