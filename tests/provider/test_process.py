"""The plugin as the engine starts it: a process that says its port, answers, and goes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc.aio
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2

from ibm_native.serving import engine_of
from ibm_native.version import VERSION
from sandbox.cloud.testing import StandIn
from tests.provider.engine import Engine, RefusedError, Secret, struct
from tests.provider.registry import Registry
from tests.provider.wire import Wire

pytestmark = pytest.mark.provider

ROOT = Path(__file__).parents[2]
PLUGIN = (sys.executable, "-u", str(ROOT / "ibm_native"))
"""How the engine starts a plugin that is a folder."""
AT_ONCE = 20.0
"""Seconds: far less than a cancelled call would otherwise wait for, far more than a busy machine needs."""


@asynccontextmanager
async def plugin_process(*command: str, cwd: Path) -> AsyncGenerator[tuple[asyncio.subprocess.Process, Engine]]:
    process = await asyncio.create_subprocess_exec(
        *command,
        "127.0.0.1:1",
        cwd=cwd,
        env={"PATH": os.environ["PATH"], "PULUMI_HOME": str(cwd / ".pulumi-home")},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    port = int(await process.stdout.readline())
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield process, Engine(channel)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def test_started_by_its_folder_from_anywhere_it_runs_whole_lives(cloud: StandIn, tmp_path: Path) -> None:
    async with plugin_process(*PLUGIN, cwd=tmp_path) as (process, engine):
        info = await engine.stub.GetPluginInfo(empty_pb2.Empty())
        assert info.version == VERSION
        schema = json.loads((await engine.stub.GetSchema(provider_pb2.GetSchemaRequest())).schema)
        assert len(schema["resources"]) == 9
        settings = {"apiKey": Secret(cloud.api_key), "iamEndpoint": cloud.url, "registryEndpoint": cloud.url}
        assert await engine.configure(**settings) == {}
        space = await engine.make("ibm-native:registry:Namespace", {"name": "my-images", "region": "jp-tok"})
        identity = await engine.make("ibm-native:iam:ServiceId", {"name": "puller"})
        subject = {"iamId": identity.outputs["iamId"]}
        policy = await engine.make("ibm-native:iam:AccessPolicy", {**subject, "roles": ["Reader"], "region": "jp-tok"})
        key = await engine.make("ibm-native:iam:ApiKey", {**subject, "name": "key"})
        with Registry(cloud.url) as registry:
            digest = "sha256:" + "a" * 64
            registry.images.add(f"my-images/nginx@{digest}")
            proof = {"registryHost": registry.host, "repository": "my-images/nginx", "digest": digest}
            access = await engine.make(
                "ibm-native:registry:Access", {**proof, "apiKey": key.outputs["apiKey"], "policyId": policy.id}
            )
            for each in (space, identity, policy, key, access):
                assert await engine.refresh(each) == each
                assert not (await engine.diff(each)).changes
        identity = await engine.update(identity, name="puller-2")
        for each in (access, key, policy, identity, space):
            await engine.delete(each)
        process.send_signal(signal.SIGTERM)
        _, errors = await process.communicate()
    assert errors == b""
    assert process.returncode == 0


async def test_started_as_a_module_it_answers_and_goes_at_once() -> None:
    async with plugin_process(sys.executable, "-u", "-m", "ibm_native", cwd=ROOT) as (process, engine):
        await engine.stub.GetPluginInfo(empty_pb2.Empty())
        asked = time.monotonic()
        process.send_signal(signal.SIGTERM)
        await process.communicate()
        assert time.monotonic() - asked < AT_ONCE
        assert process.returncode == 0


async def test_a_cancel_and_a_signal_end_a_process_that_waits(cloud: StandIn, wire: Wire, tmp_path: Path) -> None:
    async with plugin_process(*PLUGIN, cwd=tmp_path) as (process, engine):
        await engine.configure(apiKey=Secret(cloud.api_key), iamEndpoint=wire.url)
        missing = {"name": "key", "iamId": "iam-ServiceId-0f0e0d0c-0b0a-4908-8706-050403020100"}
        waiting = asyncio.create_task(engine.make("ibm-native:iam:ApiKey", missing))
        while "POST /v1/apikeys" not in wire.calls:  # noqa: ASYNC110  # the wire's thread has no event of this loop
            await asyncio.sleep(0.01)
        asked = time.monotonic()
        await engine.cancel()
        with pytest.raises(RefusedError, match="create API key 'key': cancelled while waiting"):
            await waiting
        process.send_signal(signal.SIGTERM)
        await process.communicate()
        assert time.monotonic() - asked < AT_ONCE


def test_the_engine_s_address_comes_after_flags_and_their_values() -> None:
    assert engine_of(["--logtostderr", "--tracing", "tcp://127.0.0.1:1", "127.0.0.1:2"]) == "127.0.0.1:2"


async def test_without_an_engine_s_address_it_says_what_it_is() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(ROOT / "ibm_native"), stdout=asyncio.subprocess.PIPE, env={"PATH": os.environ["PATH"]}
    )
    told, _ = await process.communicate()
    assert process.returncode == 2
    assert b"pulumi up" in told


async def test_the_provider_s_own_configuration_differs_by_property(plugin: Engine) -> None:
    request = provider_pb2.DiffRequest(
        urn="urn:pulumi:dev::test::pulumi:providers:ibm-native::default",
        olds=struct({"accountId": "a", "apiKey": Secret("old")}),
        old_inputs=struct({"accountId": "a", "apiKey": Secret("old")}),
        news=struct({"accountId": "b", "apiKey": Secret("new")}),
    )
    answer = await plugin.stub.DiffConfig(request)
    assert answer.replaces == ["accountId"]
    assert set(answer.detailedDiff) == {"accountId", "apiKey"}


async def test_bad_provider_configuration_is_named_all_at_once(plugin: Engine) -> None:
    failures = await plugin.configure(region="ap-north", registryEndpoint="jp.icr.io")
    assert set(failures) == {"region", "registryEndpoint"}
