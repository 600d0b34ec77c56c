"""The language host: what it answers the engine, how it runs programs and plugins, that it leaves nothing running."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc, language_pb2

from tests.plugins.language_engine import (
    CHECKOUT,
    WAIT,
    Engine,
    Host,
    gone,
    info,
    plugin_request,
    run_request,
    running,
)

pytestmark = pytest.mark.plugins


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = Engine()
    yield engine
    engine.server.stop(0).wait()


@pytest.fixture
def host(engine: Engine, tmp_path: Path) -> Iterator[Host]:
    with running(engine, tmp_path) as host:
        yield host


def test_it_says_what_the_official_host_of_this_version_says(host: Host, tmp_path: Path) -> None:
    assert host.stub.GetPluginInfo(empty_pb2.Empty()).version == version("pulumi")
    assert host.stub.Cancel(empty_pb2.Empty()) == empty_pb2.Empty()

    about = host.stub.About(language_pb2.AboutRequest(info=info(tmp_path)))
    assert about.executable == f"{sys.prefix}/bin/python"
    assert about.version == ".".join(map(str, sys.version_info[:3]))
    assert dict(about.metadata) == {"toolchain": "Auto", "toolchainVersion": version("pip"), "typechecker": "None"}

    chosen = host.stub.About(language_pb2.AboutRequest(info=info(tmp_path, toolchain="pip", typechecker="pyright")))
    assert (chosen.metadata["toolchain"], chosen.metadata["typechecker"]) == ("Pip", "Pyright")


def test_it_lists_the_plugins_that_installed_packages_belong_to(host: Host, tmp_path: Path) -> None:
    answer = host.stub.GetRequiredPackages(language_pb2.GetRequiredPackagesRequest(info=info(tmp_path)))

    assert [(each.name, each.kind, each.version) for each in answer.packages] == [
        ("docker", "resource", "v5.1.0"),
        ("kubernetes", "resource", "v4.32.0"),
    ]


def test_it_lists_what_is_installed(host: Host, tmp_path: Path) -> None:
    answer = host.stub.GetProgramDependencies(language_pb2.GetProgramDependenciesRequest(info=info(tmp_path)))

    assert {each.name: each.version for each in answer.dependencies}["pulumi"] == version("pulumi")


def test_a_virtual_environment_that_is_not_there_is_named(host: Host, tmp_path: Path) -> None:
    request = language_pb2.GetRequiredPackagesRequest(info=info(tmp_path, virtualenv="nope"))

    with pytest.raises(grpc.RpcError, match=f"{tmp_path}/nope, which is no virtual environment"):
        host.stub.GetRequiredPackages(request)


def test_a_program_sees_its_settings_and_its_prints_and_outputs_arrive(engine: Engine, tmp_path: Path) -> None:
    program = """
import os, pulumi
from helper import WORD
pulumi.export("seen", {
    "config": pulumi.Config().require("word"), "stack": pulumi.get_stack(), "project": pulumi.get_project(),
    "preview": pulumi.runtime.is_dry_run(), "folder": os.getcwd(), "venv": os.environ["VIRTUAL_ENV"], "helper": WORD,
    "path": os.environ.get("PYTHONPATH", "")})
print("hello from the program")
"""
    tmp_path.joinpath("helper.py").write_text("WORD = 'imported'\n")
    with running(engine, tmp_path) as host:
        answer = host.stub.Run(run_request(engine, tmp_path, program))

    assert (answer.error, answer.bail) == ("", False)
    assert engine.errors == []
    assert dict(cast("dict[str, object]", engine.outputs["seen"])) == {
        "config": "from config",
        "stack": "dev",
        "project": "tiny",
        "preview": True,
        "folder": str(tmp_path),
        "venv": sys.prefix,
        "helper": "imported",
        "path": "",
    }
    assert host.said == ["hello from the program\n"]


@pytest.mark.parametrize(
    ("program", "error", "bail", "logged"),
    [
        ("raise SystemExit(0)", "", False, ""),
        ("raise SystemExit(3)", "program exited with non-zero exit code: 3", False, ""),
        (
            "import pulumi; raise pulumi.RunError('the setting is wrong')",
            "program exited with non-zero exit code: 1",
            False,
            "the setting is wrong",
        ),
        (
            "import pulumi; pulumi.Config().require('nope')",
            "program exited with non-zero exit code: 1",
            False,
            "Missing required configuration variable 'tiny:nope'",
        ),
    ],
)
def test_a_program_that_ends_early_is_reported_as_the_official_host_does(
    host: Host, engine: Engine, tmp_path: Path, program: str, error: str, bail: bool, logged: str
) -> None:
    answer = host.stub.Run(run_request(engine, tmp_path, program))

    assert (answer.error, answer.bail) == (error, bail)
    assert "\n".join(engine.errors).startswith(logged)
    assert "Traceback" not in "".join(engine.errors)


@pytest.mark.parametrize(
    "program",
    ["def f():\n    return 1 / 0\nf()\n", "import pulumi\npulumi.Output.from_input(1).apply(lambda v: v / 0)\n"],
    ids=["at once", "in an apply"],
)
def test_a_fault_of_the_program_is_shown_from_the_programs_own_line_on(
    host: Host, engine: Engine, tmp_path: Path, program: str
) -> None:
    answer = host.stub.Run(run_request(engine, tmp_path, program))

    assert (answer.error, answer.bail) == ("", True)
    (logged,) = engine.errors
    assert logged.startswith("Program failed with an unhandled exception:\nTraceback (most recent call last):\n")
    assert f'File "{tmp_path}/__main__.py"' in logged.splitlines()[2]
    assert logged.rstrip().endswith("ZeroDivisionError: division by zero")


def test_a_folder_without_a_program_is_named(host: Host, engine: Engine, tmp_path: Path) -> None:
    request = run_request(engine, tmp_path, "")
    tmp_path.joinpath("__main__.py").unlink()

    assert host.stub.Run(request).bail
    assert engine.errors == [f"unable to find main python program `__main__.py` in `{tmp_path}`"]


def test_a_program_with_another_virtual_environment_runs_there(engine: Engine, tmp_path: Path) -> None:
    other = tmp_path / "other"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", other], check=True)
    (library,) = other.glob("lib/python3*/site-packages")
    (own,) = Path(sys.prefix).glob("lib/python3*/site-packages")
    library.joinpath("own.pth").write_text(f"{own}\n")
    with running(engine, tmp_path) as host:
        program = "import pulumi, sys\nprint('hello')\npulumi.export('prefix', sys.prefix)\n"
        answer = host.stub.Run(run_request(engine, tmp_path, program, virtualenv="other"))

    assert (answer.error, answer.bail) == ("", False)
    assert engine.outputs == {"prefix": str(other)}
    assert host.said == ["hello\n"]


def test_a_plugins_output_and_exit_status_are_streamed(host: Host, tmp_path: Path) -> None:
    program = """
import os, sys
print(sys.argv[1:], os.environ["COLOUR"], sys.prefix, os.getcwd())
print("a complaint", file=sys.stderr)
sys.exit(4)
"""
    answers = list(host.stub.RunPlugin(plugin_request(tmp_path, program, "127.0.0.1:1", "--flag")))

    assert b"".join(answer.stdout for answer in answers).decode() == (
        f"['127.0.0.1:1', '--flag'] deep blue {sys.prefix} {tmp_path}\n"
    )
    assert b"".join(answer.stderr for answer in answers) == b"a complaint\n"
    assert [answer.exitcode for answer in answers if answer.HasField("exitcode")] == [4]
    assert answers[-1].HasField("exitcode")


A_PACK = """
import os, pulumi, grpc
from concurrent import futures
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc

words = pulumi.Config("tiny").get("word")
name = f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()} {pulumi.runtime.is_dry_run()}"

class Analyzer(analyzer_pb2_grpc.AnalyzerServicer):
    def GetAnalyzerInfo(self, request, context):
        return analyzer_pb2.AnalyzerInfo(name=f"{name} {words} {os.getcwd()}")

    def ConfigureStack(self, request, context):
        return analyzer_pb2.AnalyzerStackConfigureResponse()

    def Remediate(self, request, context):
        context.abort(grpc.StatusCode.NOT_FOUND, "no such rule")

server = grpc.server(futures.ThreadPoolExecutor(2))
analyzer_pb2_grpc.add_AnalyzerServicer_to_server(Analyzer(), server)
port = server.add_insecure_port("127.0.0.1:0")
server.start()
print(port, flush=True)
print(os.getpid(), flush=True)
server.wait_for_termination()
"""


def test_a_policy_pack_knows_its_stack_and_runs_in_its_own_folder(host: Host, tmp_path: Path) -> None:
    pack = tmp_path / "pack"
    pack.mkdir()
    request = plugin_request(pack, A_PACK, "127.0.0.1:1")
    request.kind, request.pwd = "analyzer", str(tmp_path)
    call = host.stub.RunPlugin(request)
    with grpc.insecure_channel(f"127.0.0.1:{int(next(call).stdout)}") as channel:
        analyzer = cast("Any", analyzer_pb2_grpc.AnalyzerStub(channel))
        analyzer.Handshake(analyzer_pb2.AnalyzerHandshakeRequest())
        analyzer.ConfigureStack(
            analyzer_pb2.AnalyzerStackConfigureRequest(
                organization="we", project="tiny", stack="dev", dry_run=True, config={"tiny:word": "from config"}
            )
        )
        name = analyzer.GetAnalyzerInfo(empty_pb2.Empty()).name
        with pytest.raises(grpc.RpcError, match="no such rule"):
            analyzer.Remediate(analyzer_pb2.AnalyzeRequest())
    pid = int(next(call).stdout)
    call.cancel()

    assert name == f"we/tiny/dev True from config {pack}"
    assert gone(pid)


def test_a_policy_pack_that_fails_is_told_with_its_own_words(host: Host, engine: Engine, tmp_path: Path) -> None:
    request = plugin_request(tmp_path, "raise ValueError('a broken rule')", engine.address)
    request.kind = "analyzer"
    call = host.stub.RunPlugin(request)
    with grpc.insecure_channel(f"127.0.0.1:{int(next(call).stdout)}") as channel:
        analyzer = cast("Any", analyzer_pb2_grpc.AnalyzerStub(channel))
        with pytest.raises(grpc.RpcError, match="ended before it served"):
            analyzer.ConfigureStack(analyzer_pb2.AnalyzerStackConfigureRequest(stack="dev"))

    said = b"".join(answer.stderr for answer in call) + "".join(engine.errors).encode()
    assert b"a broken rule" in said


@pytest.mark.parametrize(
    ("call", "request_", "told"),
    [
        ("GenerateProgram", language_pb2.GenerateProgramRequest(), "--generate-code=false"),
        ("GenerateProject", language_pb2.GenerateProjectRequest(), "pulumi convert"),
        ("GeneratePackage", language_pb2.GeneratePackageRequest(), "pulumi package add"),
    ],
)
def test_code_generation_is_refused_in_words(host: Host, call: str, request_: object, told: str) -> None:
    with pytest.raises(grpc.RpcError, match=told):
        getattr(host.stub, call)(request_)


LASTING = "import os, time\nprint(os.getpid(), flush=True)\ntime.sleep(60)\n"


def test_a_plugin_ends_when_the_engine_drops_the_call(host: Host, tmp_path: Path) -> None:
    call = host.stub.RunPlugin(plugin_request(tmp_path, LASTING))
    pid = int(next(call).stdout)

    call.cancel()

    assert gone(pid)
    assert host.process.poll() is None


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_host_that_is_told_to_end_takes_its_plugins_along(host: Host, tmp_path: Path, number: signal.Signals) -> None:
    call = host.stub.RunPlugin(plugin_request(tmp_path, LASTING))
    pid = int(next(call).stdout)

    host.process.send_signal(number)

    assert gone(pid)
    assert host.process.wait(WAIT) == 0


def test_a_host_that_is_killed_takes_its_plugins_along(host: Host, tmp_path: Path) -> None:
    call = host.stub.RunPlugin(plugin_request(tmp_path, LASTING))
    pid = int(next(call).stdout)

    host.process.kill()

    assert gone(pid)


def test_a_host_whose_engine_is_gone_ends_by_itself(engine: Engine, tmp_path: Path) -> None:
    command = f"{sys.executable} -P -u -m sandbox.plugins.language_host {engine.address} & echo $!; read _"
    environ = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    with subprocess.Popen(
        ["/bin/sh", "-c", command], cwd=tmp_path, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout
        pid = int(parent.stdout.readline())
        assert int(parent.stdout.readline()) > 0, "the host is up"
        parent.kill()

    assert gone(pid)


def test_dependencies_are_installed_into_an_environment_that_is_made_for_them(host: Host, tmp_path: Path) -> None:
    wheel = tmp_path / "tiny_part-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as packed:
        packed.writestr("tiny_part.py", "")
        packed.writestr("tiny_part-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny-part\nVersion: 1.0\n")
        packed.writestr("tiny_part-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\n")
        packed.writestr("tiny_part-1.0.dist-info/RECORD", "")
    tmp_path.joinpath("requirements.txt").write_text(f"./{wheel.name}\n")
    request = language_pb2.InstallDependenciesRequest(info=info(tmp_path, virtualenv="made"))

    answers = list(host.stub.InstallDependencies(request))

    assert b"Successfully installed tiny-part-1.0" in b"".join(answer.stdout for answer in answers)
    assert list(tmp_path.glob("made/lib/python3*/site-packages/tiny_part.py"))


def test_a_failed_installation_is_an_error(host: Host, tmp_path: Path) -> None:
    tmp_path.joinpath("requirements.txt").write_text("./no-such-folder\n")

    with pytest.raises(grpc.RpcError, match=r"pip.* ended with exit status 1"):
        list(host.stub.InstallDependencies(language_pb2.InstallDependenciesRequest(info=info(tmp_path))))


def test_started_by_hand_it_says_what_it_is() -> None:
    command = [sys.executable, "-m", "sandbox.plugins.language_host"]

    ran = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)

    assert ran.returncode == 1
    assert "Run `pulumi up` instead" in ran.stderr
