"""The ground that both stand-ins stand on: errors, the engine's log, start and end of the process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import grpc
import psutil
import pytest
from pulumi.runtime.proto import engine_pb2, provider_pb2, provider_pb2_grpc, status_pb2

from sandbox.plugins.serving import Engine, InitializationError, PluginError, PluginServicer
from tests.plugins import replay

pytestmark = pytest.mark.plugins

CHECKOUT = Path(__file__).resolve().parents[2]
A_PLUGIN = """
import sys
from sandbox.plugins.serving import PluginServicer, main
main(lambda engine: PluginServicer("1.2.3", engine), sys.argv[1:])
"""
THE_PROTOCOL_ALONE = """
import time
from pulumi.runtime.proto import engine_pb2_grpc, provider_pb2_grpc
print(1, flush=True)
time.sleep(60)
"""


class Failing(PluginServicer):
    """Raises what a test gives it."""

    def __init__(self, error: Exception, engine: Engine) -> None:
        super().__init__("1.2.3", engine)
        self.error = error

    def Create(  # noqa: N802 - gRPC's name
        self,
        request: provider_pb2.CreateRequest,
        context: grpc.ServicerContext,  # noqa: ARG002 - gRPC's argument
    ) -> provider_pb2.CreateResponse:
        """Say something, then fail."""
        self.status(engine_pb2.INFO, request.urn, "working")
        self.log(engine_pb2.WARNING, request.urn, "it may fail")
        raise self.error


def failure(error: Exception) -> tuple[grpc.RpcError, list[replay.Line]]:
    with replay.serving(lambda engine: Failing(error, engine)) as plugin, pytest.raises(grpc.RpcError) as raised:
        plugin.send("Create", {"urn": "urn:x"})
    return raised.value, plugin.lines


def test_a_plugins_error_is_the_text_of_the_status() -> None:
    error, _ = failure(PluginError("no such image"))
    assert (error.code(), str(error.details())) == (grpc.StatusCode.UNKNOWN, "no such image")


def test_a_fault_of_the_stand_in_names_its_place_and_none_of_the_values() -> None:
    error, _ = failure(ValueError("s3cr3t"))
    assert error.code() == grpc.StatusCode.INTERNAL
    assert "ValueError at test_serving.py:" in str(error.details())
    assert "s3cr3t" not in str(error.details())
    assert "Traceback" not in str(error.details())


def test_a_resource_that_did_not_become_ready_keeps_its_outputs() -> None:
    error, _ = failure(InitializationError("not ready", "id-1", {"a": 1}, ["still pulling"]))
    metadata = dict(cast("Iterator[tuple[str, bytes]]", error.trailing_metadata()))
    status = status_pb2.Status.FromString(metadata["grpc-status-details-bin"])
    detail = provider_pb2.ErrorResourceInitFailed()
    assert status.details[0].Unpack(detail)
    assert (status.code, status.message) == (2, "not ready")
    assert (detail.id, detail.properties["a"], list(detail.reasons)) == ("id-1", 1, ["still pulling"])


def test_log_lines_reach_the_engine_with_their_resource_and_kind() -> None:
    _, lines = failure(PluginError("no"))
    assert lines == [
        replay.Line("info", "urn:x", "working", status=True),
        replay.Line("warning", "urn:x", "it may fail", status=False),
    ]


def test_a_folder_of_its_own_goes_with_the_process(tmp_path: Path) -> None:
    program = A_PLUGIN.replace("import sys\n", "import sys\nfrom sandbox.plugins.processes import temporary_folder\n")
    program = program.replace("main(lambda", "kept = temporary_folder('kept-')\nmain(lambda")
    environ = {**os.environ, "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-c", program, "127.0.0.1:1"]
    with subprocess.Popen(command, cwd=CHECKOUT, env=environ, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline()
        assert [each.name[:5] for each in tmp_path.iterdir()] == ["kept-"]
        process.terminate()
    assert list(tmp_path.iterdir()) == []


def test_the_schema_that_code_is_written_by_is_refused_in_words() -> None:
    with (
        replay.serving(lambda engine: PluginServicer("1.2.3", engine)) as plugin,
        pytest.raises(grpc.RpcError, match="--generate-code=false"),
    ):
        plugin.send("GetSchema", {})


def test_a_call_that_the_stand_in_lacks_is_unimplemented() -> None:
    with (
        replay.serving(lambda engine: PluginServicer("1.2.3", engine)) as plugin,
        pytest.raises(grpc.RpcError) as raised,
    ):
        plugin.send("Construct", {})
    assert raised.value.code() == grpc.StatusCode.UNIMPLEMENTED
    assert raised.value.details() == "method Construct not implemented"


@contextmanager
def started(*command: str) -> Generator[tuple[subprocess.Popen[str], int]]:
    """Run a plugin as the engine does; yield the process and the port that it printed."""
    process = subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process, int(process.stdout.readline())
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_process_prints_its_port_answers_and_ends_on_a_signal(number: signal.Signals) -> None:
    with started(sys.executable, "-c", A_PLUGIN, "127.0.0.1:9") as (process, port):
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            info = replay.Plugin(provider_pb2_grpc.ResourceProviderStub(channel)).send("GetPluginInfo", {})
        assert replay.as_json(info) == {"version": "1.2.3"}
        process.send_signal(number)
        assert process.wait(60) == 0


def test_the_process_ends_when_the_engine_is_gone() -> None:
    """A shell plays the engine: it starts the plugin, tells its process id and waits to be killed."""
    script = f'{sys.executable} -c "$0" 127.0.0.1:9 & echo $!; wait'
    with started("sh", "-c", script, A_PLUGIN) as (engine, plugin_id):
        assert engine.stdout is not None
        int(engine.stdout.readline())
        plugin = psutil.Process(plugin_id)
        engine.kill()
        plugin.wait(60)


def test_started_by_hand_it_says_what_it_is() -> None:
    done = subprocess.run([sys.executable, "-c", A_PLUGIN], cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "the engine starts it" in done.stderr


def test_its_start_costs_little_more_than_the_engines_protocol_does() -> None:
    """A preview of an unchanged stack starts each plugin.

    Both are measured in turn, and as work rather than time, so that a slow or busy machine changes neither side
    alone; the least of three, since a first start compiles what it imports.
    """
    spans: list[float] = []
    floors: list[float] = []
    for _ in range(3):
        for command, measured in ((A_PLUGIN, spans), (THE_PROTOCOL_ALONE, floors)):
            with started(sys.executable, "-c", command, "127.0.0.1:9") as (process, _):
                work = psutil.Process(process.pid).cpu_times()
                measured.append(work.user + work.system)
    assert min(spans) < 2 * min(floors), (spans, floors)
