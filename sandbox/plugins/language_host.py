"""Stands in for the official `pulumi-language-python`, where that can't be had: runs Python programs and plugins.

The engine starts it with the engine's address and reads the port that it prints. A program runs inside this process,
not in a child as at the official host: the SDK, which takes most of a small program's time to import, is then imported
once rather than twice for each run. That is safe because the engine starts a new host for every run. What a program
prints reaches the engine in either case through this process's own output. A program whose virtual environment is
another than the host's is handed to a second host that runs there.
"""

# ruff: noqa: N802, ARG002 - methods have the names and arguments that gRPC gives them

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent import futures
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TextIO, cast

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2

from sandbox.plugins import language_environment, language_policy, language_program
from sandbox.plugins.language_environment import Environment, NoEnvironmentError
from sandbox.plugins.processes import NO_CODE, OPTIONS, Child, serve

_CHECKOUT = Path(__file__).resolve().parent.parent.parent
_WORKERS = 32
"""Calls answered at once; each running plugin holds one."""
_ELSEWHERE = "it is needed from Pulumi's own installation: https://www.pulumi.com/docs/install/"
_NO_PROJECT = f"`pulumi convert` takes the official language host, which writes code; {_ELSEWHERE}"
_NO_SDK = (
    "`pulumi package add` and `pulumi package gen-sdk` take the official language host, which writes the SDK; "
    f"{_ELSEWHERE}. A provider written in Python may bring its SDK itself: pip install the provider's package"
)


_Run = Callable[[language_pb2.RunRequest], language_pb2.RunResponse]


class LanguageHost(language_pb2_grpc.LanguageRuntimeServicer):
    """The calls of the language protocol that the engine makes for programs, plugins and policy packs."""

    def __init__(self, engine: str) -> None:
        super().__init__()
        self._engine = engine

    def Handshake(
        self, request: language_pb2.LanguageHandshakeRequest, context: grpc.ServicerContext
    ) -> language_pb2.LanguageHandshakeResponse:
        """Take the engine's address again."""
        self._engine = request.engine_address or self._engine
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> plugin_pb2.PluginInfo:
        """Answer the SDK's version, which is the official host's too."""
        return plugin_pb2.PluginInfo(version=version("pulumi"))

    def About(self, request: language_pb2.AboutRequest, context: grpc.ServicerContext) -> language_pb2.AboutResponse:
        """Say which Python is used."""
        environment = language_environment.named_by(request.info)
        return language_pb2.AboutResponse(
            executable=str(environment.executable),
            version=environment.version(),
            metadata={
                "toolchain": environment.toolchain,
                "toolchainVersion": environment.pip(),
                "typechecker": environment.type_checker,
            },
        )

    def GetRequiredPackages(
        self, request: language_pb2.GetRequiredPackagesRequest, context: grpc.ServicerContext
    ) -> language_pb2.GetRequiredPackagesResponse:
        """List the plugins that the installed packages belong to."""
        return language_pb2.GetRequiredPackagesResponse(packages=_environment(request.info, context).plugins())

    def GetProgramDependencies(
        self, request: language_pb2.GetProgramDependenciesRequest, context: grpc.ServicerContext
    ) -> language_pb2.GetProgramDependenciesResponse:
        """List what is installed."""
        installed = {each.name: each.version for each in _environment(request.info, context).installed()}
        return language_pb2.GetProgramDependenciesResponse(
            dependencies=[language_pb2.DependencyInfo(name=name, version=installed[name]) for name in sorted(installed)]
        )

    def InstallDependencies(
        self, request: language_pb2.InstallDependenciesRequest, context: grpc.ServicerContext
    ) -> Generator[language_pb2.InstallDependenciesResponse]:
        """Make the virtual environment if need be, and install requirements.txt into it with pip."""
        environment = language_environment.named_by(request.info)
        commands: list[list[str | Path]] = []
        if environment.virtualenv and not environment.executable.is_file():
            commands.append([sys.executable, "-m", "venv", environment.virtualenv])
        if Path(request.info.program_directory, "requirements.txt").is_file():
            commands.append([environment.executable, "-m", "pip", "install", "-r", "requirements.txt"])
        for command in commands:
            child = _start(command, request.info.program_directory, [], context)
            for stream, text in child.output():
                yield (
                    language_pb2.InstallDependenciesResponse(stdout=text)
                    if stream == "stdout"
                    else language_pb2.InstallDependenciesResponse(stderr=text)
                )
            if status := child.status():
                context.abort(grpc.StatusCode.UNKNOWN, f"{command[1:3]} ended with exit status {status}")

    def Run(self, request: language_pb2.RunRequest, context: grpc.ServicerContext) -> language_pb2.RunResponse:
        """Run the program; the answer comes when it has ended."""
        environment = _environment(request.info, context)
        if environment.is_own:
            _activate(environment)
            return language_program.run(request, self._engine)
        with _second_host(environment, self._engine, request.pwd) as run:
            return run(request)

    def RunPlugin(
        self, request: language_pb2.RunPluginRequest, context: grpc.ServicerContext
    ) -> Generator[language_pb2.RunPluginResponse]:
        """Run a plugin or a policy pack written in Python, and end it when the engine drops this call."""
        environment = _environment(request.info, context)
        program = Path(request.info.program_directory, request.info.entry_point).resolve()
        if request.kind == "analyzer":
            command = [environment.executable, "-u", "-m", "pulumi.policy", *request.args, program]
            folder = request.info.program_directory

            def start(added: Mapping[str, str]) -> Child:
                variables = [*request.env, *(f"{name}={value}" for name, value in added.items())]
                return _start(command, folder, variables, context)

            yield from language_policy.run(start, context)
            return
        child = _start([environment.executable, "-u", program, *request.args], request.pwd, request.env, context)
        for stream, text in child.output():
            yield (
                language_pb2.RunPluginResponse(stdout=text)
                if stream == "stdout"
                else language_pb2.RunPluginResponse(stderr=text)
            )
        yield language_pb2.RunPluginResponse(exitcode=child.status())

    def GenerateProgram(
        self, request: language_pb2.GenerateProgramRequest, context: grpc.ServicerContext
    ) -> language_pb2.GenerateProgramResponse:
        """Refuse, in words for whoever ran `pulumi import`."""
        context.abort(grpc.StatusCode.UNIMPLEMENTED, NO_CODE)

    def GenerateProject(
        self, request: language_pb2.GenerateProjectRequest, context: grpc.ServicerContext
    ) -> language_pb2.GenerateProjectResponse:
        """Refuse, in words for whoever ran `pulumi convert`."""
        context.abort(grpc.StatusCode.UNIMPLEMENTED, _NO_PROJECT)

    def GeneratePackage(
        self, request: language_pb2.GeneratePackageRequest, context: grpc.ServicerContext
    ) -> language_pb2.GeneratePackageResponse:
        """Refuse, in words for whoever ran `pulumi package add` or `pulumi package gen-sdk`."""
        context.abort(grpc.StatusCode.UNIMPLEMENTED, _NO_SDK)

    def Cancel(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """Do nothing: the engine tells the program and the plugins themselves."""
        return empty_pb2.Empty()


def _environment(info: language_pb2.ProgramInfo, context: grpc.ServicerContext) -> Environment:
    environment = language_environment.named_by(info)
    try:
        environment.require()
    except NoEnvironmentError as error:
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))
    return environment


def _start(command: Sequence[str | Path], folder: str, environ: Sequence[str], context: grpc.ServicerContext) -> Child:
    added = {name: value for name, _, value in (each.partition("=") for each in environ)}
    child = Child(command, folder, os.environ | added)
    if not context.add_callback(child.end):
        child.end()  # the call was dropped meanwhile
    return child


def _activate(environment: Environment) -> None:
    """Let what the program starts find the environment's programs, as in a shell where it is activated."""
    if environment.virtualenv:
        os.environ["VIRTUAL_ENV"] = str(environment.virtualenv)
        os.environ["PATH"] = os.pathsep.join([str(environment.virtualenv / "bin"), os.environ.get("PATH", "")])


@contextmanager
def _second_host(environment: Environment, engine: str, folder: str) -> Generator[_Run]:
    """Start this host under another Python and yield its Run."""
    command = [environment.executable, "-P", "-u", "-m", "sandbox.plugins.language_host", engine]
    variables = {**os.environ, "PYTHONPATH": str(_CHECKOUT)}
    with subprocess.Popen(command, cwd=folder, env=variables, stdout=subprocess.PIPE, text=True) as process:
        try:
            lines = cast("TextIO", process.stdout)
            port = int(lines.readline())
            threading.Thread(target=lambda: sys.stdout.writelines(lines), daemon=True).start()
            with grpc.insecure_channel(f"127.0.0.1:{port}", options=OPTIONS) as channel:
                yield cast("_Run", language_pb2_grpc.LanguageRuntimeStub(channel).Run)
        finally:
            process.terminate()


def _start_serving(engine: str) -> tuple[grpc.Server, int]:
    _leave_path()
    server = grpc.server(futures.ThreadPoolExecutor(_WORKERS, thread_name_prefix="call"), options=OPTIONS)
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(LanguageHost(engine), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port


def _leave_path() -> None:
    """Keep this checkout, which the launcher put on the path, away from the program and the plugins."""
    os.environ.pop("PYTHONPATH", None)
    sys.path[:] = [folder for folder in sys.path if folder != str(_CHECKOUT)]


if __name__ == "__main__":
    serve(_start_serving, sys.argv[1:])
