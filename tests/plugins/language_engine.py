"""An engine for tests of the language host: its log and resource monitor, and the host started as it starts it."""

# ruff: noqa: N802, ARG002 - methods have the names and arguments that gRPC gives them

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent import futures
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, cast

import grpc
import psutil
from google.protobuf import empty_pb2
from pulumi.runtime.proto import (
    engine_pb2,
    engine_pb2_grpc,
    language_pb2,
    language_pb2_grpc,
    plugin_pb2,
    resource_pb2,
    resource_pb2_grpc,
)

CHECKOUT = Path(__file__).resolve().parents[2]
WAIT = 60.0


class PluginCall(Protocol):
    """A plugin that runs."""

    def __iter__(self) -> Iterator[language_pb2.RunPluginResponse]: ...

    def __next__(self) -> language_pb2.RunPluginResponse: ...

    def cancel(self) -> None:
        """Drop the call."""
        ...


class Packages(Protocol):
    """The answer to GetRequiredPackages, whose own type leaves its elements open."""

    packages: Sequence[plugin_pb2.PackageDependency]


class Stub(Protocol):
    """The calls that the engine makes, as typed as gRPC's stub is not."""

    GetPluginInfo: Callable[[empty_pb2.Empty], plugin_pb2.PluginInfo]
    About: Callable[[language_pb2.AboutRequest], language_pb2.AboutResponse]
    GetRequiredPackages: Callable[[language_pb2.GetRequiredPackagesRequest], Packages]
    GetProgramDependencies: Callable[
        [language_pb2.GetProgramDependenciesRequest], language_pb2.GetProgramDependenciesResponse
    ]
    Run: Callable[[language_pb2.RunRequest], language_pb2.RunResponse]
    RunPlugin: Callable[[language_pb2.RunPluginRequest], PluginCall]
    InstallDependencies: Callable[
        [language_pb2.InstallDependenciesRequest], Iterator[language_pb2.InstallDependenciesResponse]
    ]
    Cancel: Callable[[empty_pb2.Empty], empty_pb2.Empty]


class Engine(engine_pb2_grpc.EngineServicer, resource_pb2_grpc.ResourceMonitorServicer):
    """The engine's log and resource monitor, as far as a program without resources needs them."""

    def __init__(self) -> None:
        super().__init__()
        self.errors: list[str] = []
        self.outputs: dict[str, object] = {}
        self.server = grpc.server(futures.ThreadPoolExecutor(4))
        engine_pb2_grpc.add_EngineServicer_to_server(self, self.server)
        resource_pb2_grpc.add_ResourceMonitorServicer_to_server(self, self.server)
        self.address = f"127.0.0.1:{self.server.add_insecure_port('127.0.0.1:0')}"
        self.server.start()

    def Log(self, request: engine_pb2.LogRequest, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """Keep errors."""
        if request.severity == engine_pb2.ERROR:
            self.errors.append(request.message)
        return empty_pb2.Empty()

    def SupportsFeature(
        self, request: resource_pb2.SupportsFeatureRequest, context: grpc.ServicerContext
    ) -> resource_pb2.SupportsFeatureResponse:
        """Have the newest features."""
        return resource_pb2.SupportsFeatureResponse(hasSupport=True)

    def RegisterResource(
        self, request: resource_pb2.RegisterResourceRequest, context: grpc.ServicerContext
    ) -> resource_pb2.RegisterResourceResponse:
        """Take the stack."""
        return resource_pb2.RegisterResourceResponse(urn=f"urn:pulumi:dev::tiny::{request.type}::{request.name}")

    def RegisterResourceOutputs(
        self, request: resource_pb2.RegisterResourceOutputsRequest, context: grpc.ServicerContext
    ) -> empty_pb2.Empty:
        """Keep the stack's outputs."""
        self.outputs = dict(request.outputs.items())
        return empty_pb2.Empty()

    def SignalAndWaitForShutdown(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """Let the program end."""
        return empty_pb2.Empty()


class Host:
    """A language host in a process of its own, started as the engine does."""

    def __init__(self, process: subprocess.Popen[str], stub: Stub, said: list[str]) -> None:
        self.process = process
        self.stub = stub
        self.said = said


@contextmanager
def running(engine: Engine, folder: Path) -> Generator[Host]:
    """Start a host in `folder`, as `pulumi --tracing` does; when the block ends, `said` has all that it printed."""
    host = [sys.executable, "-P", "-u", "-m", "sandbox.plugins.language_host"]
    command = [*host, "--tracing", "tcp://127.0.0.1:1", engine.address]
    environ = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    with subprocess.Popen(command, cwd=folder, env=environ, stdout=subprocess.PIPE, text=True) as process:
        stdout = process.stdout
        assert stdout
        said: list[str] = []
        try:
            port = int(stdout.readline())
            reader = threading.Thread(target=lambda: said.extend(stdout))
            reader.start()
            with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
                yield Host(process, cast("Stub", language_pb2_grpc.LanguageRuntimeStub(channel)), said)
            process.terminate()
            reader.join(WAIT)
        finally:
            process.kill()


def info(folder: Path, **options: str) -> language_pb2.ProgramInfo:
    """Describe a program or plugin in `folder`, by default with this process's virtual environment."""
    info = language_pb2.ProgramInfo(root_directory=str(folder), program_directory=str(folder), entry_point=".")
    info.options.update({"virtualenv": sys.prefix} | options)
    return info


def run_request(engine: Engine, folder: Path, program: str, **options: str) -> language_pb2.RunRequest:
    """Write the program to `folder` and ask for a preview of it."""
    folder.joinpath("__main__.py").write_text(program)
    return language_pb2.RunRequest(
        project="tiny",
        stack="dev",
        pwd=str(folder),
        program=".",
        config={"tiny:word": "from config"},
        dryRun=True,
        parallel=8,
        monitor_address=engine.address,
        organization="organization",
        info=info(folder, **options),
    )


def gone(pid: int) -> bool:
    """Wait for a process to end; return whether it has."""
    until = time.monotonic() + WAIT
    with contextlib.suppress(psutil.NoSuchProcess):
        # A zombie has ended too; a container's first process may be one that collects none.
        while psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
            if time.monotonic() > until:
                return False
            time.sleep(0.02)
    return True


def plugin_request(folder: Path, program: str, *arguments: str) -> language_pb2.RunPluginRequest:
    """Write the plugin to `folder` and ask for its start."""
    folder.joinpath("__main__.py").write_text(program)
    return language_pb2.RunPluginRequest(
        pwd=str(folder), program=".", args=arguments, env=["COLOUR=deep blue"], info=info(folder), kind="resource"
    )
