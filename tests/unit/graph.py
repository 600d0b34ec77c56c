"""Runs the program's components without an engine and keeps every registration, edges and secrets included."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from google.protobuf import json_format
from pulumi.runtime import mocks
from pulumi.runtime.stack import run_pulumi_func

SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
ROOMY = {"storageLimitBytes": 512e6, "storageUsedBytes": 1e6, "trafficLimitBytes": 5e9, "trafficUsedBytes": 1e6}
"""The free plan, hardly used."""
REFUSED_REGION = "xx-nowhere"
"""A region of which no quota is told."""
SAMPLE_DIGEST = "sha256:" + "ab" * 32

_LOOP = asyncio.new_event_loop()
"""One for all runs: the mocks give each worker thread a loop that nobody closes, and the threads live with this one."""


@dataclass(frozen=True)
class Registration:
    """One RegisterResource request: `inputs` as sent, so that a secret still shows its mark."""

    type: str
    name: str
    parent: str
    inputs: Mapping[str, Any]
    depends_on: frozenset[str]
    edges: Mapping[str, frozenset[str]]
    provider: str
    create_timeout: str
    ignore_changes: tuple[str, ...]
    protect: bool

    @property
    def key(self) -> str:
        """Return `type name`, which is unique in this program."""
        return f"{self.type} {self.name}"

    def is_secret(self, *path: str) -> bool:
        """Tell whether the input at `path`, or anything that holds it, is marked secret."""
        value: Any = self.inputs
        for step in path:
            value = value[step]
            if is_secret(value):
                return True
        return False

    def plain(self, key: str) -> Any:
        """Return an input's value without the secret's wrapper."""
        value = self.inputs[key]
        return value["value"] if is_secret(value) else value


def is_secret(value: object) -> bool:
    """Tell whether `value` is wrapped as a secret on Pulumi's wire."""
    return isinstance(value, dict) and cast("dict[str, object]", value).get(SIGNATURE) == SECRET


class Graph(dict[str, Registration]):
    """Registrations by `type name`; edges name resources the same way. `called` are the functions, with arguments."""

    called: Sequence[tuple[str, dict[str, str]]] = ()

    def custom(self) -> set[str]:
        """Return the keys of what providers manage: neither components nor the stack."""
        return {key for key in self if not key.startswith(("icr-private-image:", "pulumi:pulumi:"))}


class _Answers(mocks.Mocks):
    """What the cloud would answer: ids and the outputs that inputs alone don't give."""

    def __init__(self, outputs: Mapping[str, Mapping[str, Any]], *, preview: bool) -> None:
        self.called: list[tuple[str, dict[str, str]]] = []
        self._outputs = outputs
        self._preview = preview

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        asked = cast("dict[str, str]", args.args)
        self.called.append((args.token, asked))
        if args.token == "ibm-native:registry:getQuota":
            if asked["region"] == REFUSED_REGION:
                return {}, [("region", "no such region")]
            return dict(ROOMY), []
        if args.token != "ibm-native:registry:getImage":
            message = f"the program looks up images and the quota, but called {args.token}"
            raise AssertionError(message)
        reference = f"jp.icr.io/{asked['repository']}@{SAMPLE_DIGEST}"
        return {"digest": SAMPLE_DIGEST, "reference": reference, "tags": [], "sizeBytes": 1}, []

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        inputs = cast("dict[str, Any]", args.inputs)
        answered: Mapping[str, Any] = {} if self._preview else self._outputs.get(args.typ, {})
        return (None if self._preview else f"{args.name}-id"), {**inputs, **answered}


class _Monitor(mocks.MockMonitor):
    def __init__(self, answers: mocks.Mocks) -> None:
        super().__init__(answers)
        self.graph = Graph()

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802  # the service's name
        answer = super().RegisterResource(request)  # pyright: ignore[reportUnknownMemberType]  # untyped in the SDK
        registration = Registration(
            type=request.type,
            name=request.name,
            parent=_key(request.parent),
            inputs=json_format.MessageToDict(request.object),
            depends_on=frozenset(_key(urn) for urn in request.dependencies),
            edges={name: frozenset(map(_key, found.urns)) for name, found in request.propertyDependencies.items()},
            provider=_key(request.provider.rpartition("::")[0]) if request.provider else "",
            create_timeout=request.customTimeouts.create,
            ignore_changes=tuple(request.ignoreChanges),
            protect=request.protect,
        )
        if registration.key in self.graph:
            message = f"two resources are called {registration.key}"
            raise AssertionError(message)
        self.graph[registration.key] = registration
        return answer


def _key(urn: str) -> str:
    if not urn:
        return ""
    _, _, types, name = urn.split("::", 3)
    return f"{types.split('$')[-1]} {name}"


def run(program: Callable[[], object], *, preview: bool = False) -> Graph:
    """Run `program` and return what it registered, once nothing is outstanding; its exceptions come through."""
    outputs: dict[str, dict[str, Any]] = {
        "ibm-native:registry:Namespace": {"crn": "crn:namespace"},
        "ibm-native:iam:ServiceId": {"iamId": "iam-ServiceId-1", "crn": "crn:service-id"},
        "ibm-native:iam:ApiKey": {"apiKey": "the-key-value"},
        "docker:index/image:Image": {"repoDigest": f"jp.icr.io/ns/image@{SAMPLE_DIGEST}"},
    }
    answers = _Answers(outputs, preview=preview)
    monitor = _Monitor(answers)
    monitor.graph.called = answers.called

    async def life() -> None:
        mocks.set_mocks(monitor.mocks, project="icr-private-image", stack="test", preview=preview, monitor=monitor)
        await run_pulumi_func(lambda: _nothing(program()))

    asyncio.set_event_loop(_LOOP)  # the SDK asks for the thread's loop, which another test may have closed
    _LOOP.run_until_complete(life())
    return monitor.graph


def _nothing(_: object) -> None:
    """Take a program's result, so that the SDK doesn't wait for it as if it could be awaited."""
