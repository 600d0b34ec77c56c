"""Drives the provider as Pulumi's engine does: over gRPC, with the wire's own spelling of secrets and unknowns."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

import grpc
import grpc.aio
from google.protobuf import empty_pb2, json_format, struct_pb2
from pulumi.runtime import rpc
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

UNKNOWN = rpc.UNKNOWN
_SIGNATURE = "4dabf18193072939515e22adb298388d"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"

Properties = Mapping[str, Any]


@dataclass(frozen=True)
class Secret:
    """A value that is marked secret on the wire."""

    value: Any


@dataclass(frozen=True)
class Resource:
    """One resource as the engine's state has it."""

    token: str
    urn: str
    id: str
    inputs: Properties
    outputs: Properties


@dataclass(frozen=True)
class Difference:
    """What a diff said: input to kind (`UPDATE`, `UPDATE_REPLACE` ...)."""

    kinds: Mapping[str, str]
    delete_first: bool

    @property
    def changes(self) -> bool:
        """Tell whether anything changes."""
        return bool(self.kinds)


class RefusedError(Exception):
    """What a person would see."""

    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        self.code = code
        self.message = message
        super().__init__(message)


def struct(properties: Properties) -> struct_pb2.Struct:
    """Return properties in the wire's form."""
    found = struct_pb2.Struct()
    found.update({name: _marked(each) for name, each in properties.items()})
    return found


def _marked(value: Any) -> Any:
    return {_SIGNATURE: _SECRET, "value": value.value} if isinstance(value, Secret) else value


def plain(found: struct_pb2.Struct) -> dict[str, Any]:
    """Return properties from the wire, secrets as Secret."""
    return {name: _unmarked(each) for name, each in json_format.MessageToDict(found).items()}


def _unmarked(value: Any) -> Any:
    if isinstance(value, dict):
        given = cast("dict[str, Any]", value)
        return Secret(given["value"]) if given.get(_SIGNATURE) == _SECRET else given
    return value


class Engine:
    """The engine's side of one plugin."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.stub: Any = provider_pb2_grpc.ResourceProviderStub(channel)

    async def send(self, call: Callable[[Any], Awaitable[Any]], request: object) -> Any:
        """Send one request; raises RefusedError with what a person would see."""
        try:
            return await call(request)
        except grpc.aio.AioRpcError as error:
            raise RefusedError(error.code(), error.details() or "") from None

    async def configure(self, **config: Any) -> dict[str, str]:
        """Check the provider's configuration and configure it; return what is wrong with it."""
        request = provider_pb2.CheckRequest(
            urn="urn:pulumi:dev::test::pulumi:providers:ibm-native::default", news=struct(config)
        )
        answer = await self.send(self.stub.CheckConfig, request)
        if answer.failures:
            return _by_path(answer.failures)
        await self.send(
            self.stub.Configure,
            provider_pb2.ConfigureRequest(args=answer.inputs, acceptSecrets=True, acceptResources=True),
        )
        return {}

    async def check(
        self, token: str, inputs: Properties, name: str = "it", olds: Properties | None = None
    ) -> tuple[dict[str, Any], dict[str, str]]:
        """Return checked inputs, and what is wrong with them by property; `olds` are the state's, if it has any."""
        request = provider_pb2.CheckRequest(urn=urn_of(token, name), news=struct(inputs), olds=struct(olds or {}))
        answer = await self.send(self.stub.Check, request)
        return plain(answer.inputs), _by_path(answer.failures)

    async def make(self, token: str, inputs: Properties, name: str = "it") -> Resource:
        """Check and create a resource."""
        checked, failures = await self.check(token, inputs, name)
        assert failures == {}
        request = provider_pb2.CreateRequest(urn=urn_of(token, name), properties=struct(checked))
        answer = await self.send(self.stub.Create, request)
        return Resource(token, urn_of(token, name), answer.id, checked, plain(answer.properties))

    async def preview(self, token: str, inputs: Properties, name: str = "it") -> dict[str, Any]:
        """Return the outputs that a create would have."""
        checked, failures = await self.check(token, inputs, name)
        assert failures == {}
        request = provider_pb2.CreateRequest(urn=urn_of(token, name), properties=struct(checked), preview=True)
        answer = await self.send(self.stub.Create, request)
        assert answer.id == ""
        return plain(answer.properties)

    async def diff(self, resource: Resource, **changes: Any) -> Difference:
        """Return what `changes` to the inputs would do; None takes an input away."""
        news = _changed(resource.inputs, changes)
        request = provider_pb2.DiffRequest(
            id=resource.id,
            urn=resource.urn,
            olds=struct(resource.outputs),
            old_inputs=struct(resource.inputs),
            news=struct(news),
        )
        answer = await self.send(self.stub.Diff, request)
        kind = provider_pb2.PropertyDiff.Kind
        kinds = {name: kind.Name(each.kind) for name, each in answer.detailedDiff.items()}
        assert (answer.changes == provider_pb2.DiffResponse.DIFF_SOME) == bool(kinds)
        assert set(answer.replaces) == {name for name, each in kinds.items() if each.endswith("_REPLACE")}
        return Difference(kinds, answer.deleteBeforeReplace)

    async def update(self, resource: Resource, *, preview: bool = False, **changes: Any) -> Resource:
        """Return the resource with changed inputs; None takes an input away."""
        news, failures = await self.check(resource.token, _changed(resource.inputs, changes))
        assert failures == {}
        request = provider_pb2.UpdateRequest(
            id=resource.id,
            urn=resource.urn,
            olds=struct(resource.outputs),
            old_inputs=struct(resource.inputs),
            news=struct(news),
            preview=preview,
        )
        answer = await self.send(self.stub.Update, request)
        return replace(resource, inputs=news, outputs=plain(answer.properties))

    async def refresh(self, resource: Resource) -> Resource | None:
        """Return the resource as it is in the cloud, or None if it is gone."""
        request = provider_pb2.ReadRequest(
            id=resource.id,
            urn=resource.urn,
            properties=struct(resource.outputs),
            inputs=struct(resource.inputs),
        )
        answer = await self.send(self.stub.Read, request)
        if not answer.id:
            return None
        return replace(resource, inputs=plain(answer.inputs), outputs=plain(answer.properties))

    async def bring_in(self, token: str, resource_id: str) -> Resource | None:
        """Import a resource by its id."""
        return await self.refresh(Resource(token, urn_of(token, "it"), resource_id, {}, {}))

    async def delete(self, resource: Resource) -> None:
        """Delete a resource."""
        request = provider_pb2.DeleteRequest(id=resource.id, urn=resource.urn, properties=struct(resource.outputs))
        await self.send(self.stub.Delete, request)

    async def invoke(self, token: str, arguments: Properties) -> tuple[dict[str, Any], dict[str, str]]:
        """Return a function's results, and what is wrong with its arguments by name."""
        answer = await self.send(self.stub.Invoke, provider_pb2.InvokeRequest(tok=token, args=struct(arguments)))
        return plain(getattr(answer, "return")), _by_path(answer.failures)

    async def cancel(self) -> None:
        """Tell the provider that the user pressed Ctrl-C."""
        await self.send(self.stub.Cancel, empty_pb2.Empty())


def _by_path(failures: Iterable[provider_pb2.CheckFailure]) -> dict[str, str]:
    """Return what is wrong by place: what a failure names is only what the engine can print."""
    return {each.reason.partition(": ")[0]: each.reason for each in failures}


def urn_of(token: str, name: str) -> str:
    """Return a URN as the engine spells it."""
    return f"urn:pulumi:dev::test::{token}::{name}"


def _changed(inputs: Properties, changes: Properties) -> dict[str, Any]:
    return {name: each for name, each in {**inputs, **changes}.items() if each is not None}
