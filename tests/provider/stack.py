"""A small engine with a state: runs a program through the provider, keeps what was made, and can be run again."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc.aio

from ibm_native.cloud.pace import Pace
from ibm_native.model.journal import Journal
from ibm_native.provider import IbmNative
from ibm_native.serving import start
from tests.provider.engine import Engine, Resource

State = dict[str, Resource]
Inputs = Callable[[Mapping[str, Resource]], dict[str, Any]]


@dataclass(frozen=True)
class Declared:
    """One resource of a program: its name, its type, and its inputs as they follow from what was made before it."""

    name: str
    token: str
    inputs: Inputs


@dataclass
class Stack:
    """A program's resources by name, as the engine would have saved them: after each answer, never before."""

    config: Mapping[str, Any]
    journal: Journal
    pace: Callable[[], Pace]
    state: State = field(default_factory=State)

    @asynccontextmanager
    async def plugin(self) -> AsyncGenerator[Engine]:
        """Start the provider for one command."""
        provider = IbmNative(self.pace(), self.journal)
        server, port = await start(provider, "127.0.0.1:1")
        try:
            async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
                engine = Engine(channel)
                assert await engine.configure(**self.config) == {}
                yield engine
        finally:
            await server.stop(None)
            provider.close()

    async def up(self, program: list[Declared]) -> None:
        """Create what is missing and update what differs; raises RefusedError at the first failure."""
        async with self.plugin() as engine:
            for each in program:
                await self._bring_about(engine, each, each.inputs(self.state))

    async def refresh(self) -> None:
        """Read everything; what is gone is dropped."""
        async with self.plugin() as engine:
            for name, each in list(self.state.items()):
                found = await engine.refresh(each)
                if found is None:
                    del self.state[name]
                else:
                    self.state[name] = found

    async def destroy(self) -> None:
        """Delete everything, last first."""
        async with self.plugin() as engine:
            for name, each in reversed(list(self.state.items())):
                await engine.delete(each)
                del self.state[name]

    async def _bring_about(self, engine: Engine, wanted: Declared, inputs: dict[str, Any]) -> None:
        old = self.state.get(wanted.name)
        if old is None:
            self.state[wanted.name] = await engine.make(wanted.token, inputs, wanted.name)
            return
        news, failures = await engine.check(wanted.token, inputs, wanted.name, olds=old.inputs)
        assert failures == {}
        changes: dict[str, Any] = {**dict.fromkeys(old.inputs), **news}
        found = await engine.diff(old, **changes)
        assert not any(kind.endswith("_REPLACE") for kind in found.kinds.values())
        if found.changes:
            self.state[wanted.name] = await engine.update(old, **changes)
