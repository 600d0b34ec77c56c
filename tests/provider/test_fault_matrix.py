"""Every call of a whole life x everything that can go wrong with it: the run converges, or stops with one clear line.

In the end the account holds exactly what the state says. The calls are those that an undisturbed life makes. Here each
life has one kind of trouble, once with each call; `python -m bench.provider_faults` does one life for each pair.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ibm_native.model.journal import Journal
from sandbox.cloud.controls.faults import Effects
from sandbox.cloud.iam.identities import ApiKey, ServiceId
from sandbox.cloud.iam.policies import Policy
from sandbox.cloud.registry.namespaces import Namespace
from sandbox.cloud.testing import StandIn
from tests.provider.conftest import FastPace
from tests.provider.engine import RefusedError, Secret
from tests.provider.registry import Registry
from tests.provider.stack import Declared, Stack, State

pytestmark = pytest.mark.provider

DIGEST = "sha256:" + "a" * 64
Call = tuple[str, str, str]
"""Phase, method and path."""
PHASES = ("up", "refresh", "update", "destroy")
TROUBLES: dict[str, Effects] = {
    "reset before": {"reset": "before"},
    "reset after": {"reset": "after"},
    "500": {"status": 500},
    "503": {"status": 503},
    "429": {"status": 429, "retry_after": 3},
    "slow": {"slow": 0.02},
    "malformed": {"malformed": True},
    "500 four times": {"status": 500, "count": 4},
    "reset after, three times": {"reset": "after", "count": 3},
}


def program(registry: Registry, words: str) -> list[Declared]:
    """Return a whole delivery's cloud half; `words` change in place what can change in place."""
    proof = {"registryHost": registry.host, "repository": "my-images/nginx", "digest": DIGEST, "timeoutSeconds": 90}

    def on(state: State) -> dict[str, Any]:
        return {"iamId": state["identity"].outputs["iamId"]}

    return [
        Declared("space", "ibm-native:registry:Namespace", lambda _: {"name": "my-images", "region": "jp-tok"}),
        Declared("identity", "ibm-native:iam:ServiceId", lambda _: {"name": "puller", "description": words}),
        Declared(
            "policy",
            "ibm-native:iam:AccessPolicy",
            lambda state: {
                **on(dict(state)),
                "roles": ["Reader"],
                "region": "jp-tok",
                "namespace": "my-images",
                "description": words,
            },
        ),
        Declared(
            "key", "ibm-native:iam:ApiKey", lambda state: {**on(dict(state)), "name": "key", "description": words}
        ),
        Declared(
            "access",
            "ibm-native:registry:Access",
            lambda state: {**proof, "apiKey": state["key"].outputs["apiKey"], "policyId": state["policy"].id},
        ),
    ]


@dataclass
class World:
    """One stand-in for all runs: each run ends with an empty account."""

    cloud: StandIn
    registry: Registry
    folder: Path

    def stack(self) -> Stack:
        """Return a stack that has nothing yet."""
        config = {
            "apiKey": Secret(self.cloud.api_key),
            "iamEndpoint": self.cloud.url,
            "registryEndpoint": self.cloud.url,
        }
        return Stack(config, Journal(self.folder), lambda: FastPace(self.cloud))

    async def run(self, stack: Stack, phase: str) -> None:
        """Run one command."""
        actions = {
            "up": lambda: stack.up(program(self.registry, "as it was")),
            "refresh": stack.refresh,
            "update": lambda: stack.up(program(self.registry, "in other words")),
            "destroy": stack.destroy,
        }
        await actions[phase]()

    def account(self) -> set[str]:
        """Return the id of everything that is in the account."""
        with self.cloud.store.transaction() as session:
            identities = [*session.all(ServiceId), *session.all(ApiKey)]
            found = {each.id for each in identities if each.iam_id != self.cloud.owner_iam_id}
            found |= {each.id for each in session.all(Policy) if each.state == "active"}
            return found | {f"{each.region}/{each.name}" for each in session.all(Namespace)}


def held(stack: Stack) -> set[str]:
    return {each.id for name, each in stack.state.items() if name != "access"}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with StandIn() as cloud, Registry(cloud.url) as registry:
        registry.images.add(f"my-images/nginx@{DIGEST}")
        yield World(cloud, registry, tmp_path_factory.mktemp("journal"))


def pattern(path: str) -> str:
    """Return a path with ids as `*`."""
    return re.sub(r"(?:ServiceId-|ApiKey-)?[0-9a-f]{8}-[0-9a-f-]{27}", "*", path)


async def calls_of(world: World) -> list[Call]:
    """Return phase, method and path of every call that an undisturbed life makes."""
    stack, found = world.stack(), dict[Call, None]()
    for phase in PHASES:
        world.cloud.clear_requests()
        await world.run(stack, phase)
        found |= {(phase, each.method, pattern(each.path)): None for each in world.cloud.requests}
    return list(found)


async def survive(world: World, calls: list[Call], effects: Effects) -> str:
    """Live a whole life, each of `calls` going wrong once; return what was wrong in the end, nothing if all is well."""
    stack = world.stack()
    for phase in PHASES:
        world.cloud.clear_faults()
        for _, method, path in (each for each in calls if each[0] == phase):
            world.cloud.fault(method, path, **effects)
        for _ in range(len(calls) * (effects.get("count") or 1) + 2):
            try:
                await world.run(stack, phase)
            except RefusedError as error:
                if "Traceback" in error.message or "has a bug" in error.message or len(error.message.splitlines()) > 2:
                    return f"{phase}: {error.message}"
                continue
            break
        else:
            return f"{phase} doesn't converge"
        there, expected = world.account(), held(stack)
        if there != expected:
            return f"after {phase} the account has {there - expected} too much and lacks {expected - there}"
    return ""


async def test_an_undisturbed_life_ends_with_an_empty_account(world: World) -> None:
    calls = await calls_of(world)
    assert {phase for phase, _, _ in calls} == set(PHASES)
    assert len(calls) > 20
    assert world.account() == set()


@pytest.mark.parametrize("trouble", TROUBLES)
async def test_a_trouble_with_each_call_is_survived(world: World, trouble: str) -> None:
    assert await survive(world, await calls_of(world), TROUBLES[trouble]) == ""


@pytest.mark.parametrize("delay", ["visibility_delay", "authorization_delay", "removal_delay"])
async def test_a_delay_of_thirty_seconds_is_waited_out(world: World, delay: str) -> None:
    stack = world.stack()
    setattr(world.cloud, delay, 30)
    for phase in PHASES:
        await world.run(stack, phase)
    world.cloud.clear_faults()
    assert world.account() == set()
