"""Runs a Pulumi program in this process and reports its end in the words of the official language host."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import gc
import logging
import os
import runpy
import sys
import traceback
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
from pulumi import RunError, log
from pulumi.runtime import reset_options, run_in_stack, set_all_config
from pulumi.runtime.proto import language_pb2

_SHOWN = 32
"""Exit status by which a Python program says that its error has been shown."""

_NEW_OBJECTS = 500_000
"""How many make Python look for garbage: SDKs make that many when they are imported, and none of them is garbage."""


def run(request: language_pb2.RunRequest, engine: str) -> language_pb2.RunResponse:
    """Run the program to its end; `engine` is the address that takes its log.

    An error of the program is told to the engine's log: a RunError by its message, any other with its traceback.
    """
    return contextvars.copy_context().run(_run, request, engine)


def _run(request: language_pb2.RunRequest, engine: str) -> language_pb2.RunResponse:
    reset_options(
        project=request.project,
        stack=request.stack,
        root_directory=request.info.root_directory,
        parallel=request.parallel,
        engine_address=engine,
        monitor_address=request.monitor_address,
        preview=request.dryRun,
        organization=request.organization or "organization",
    )
    set_all_config(dict(request.config), list(request.configSecretKeys))
    os.chdir(request.pwd)
    program = Path(request.info.program_directory, request.info.entry_point).resolve()
    main = program / "__main__.py" if program.is_dir() else program
    if not main.is_file():
        log.error(f"unable to find main python program `{main.name}` in `{main.parent}`")
        return language_pb2.RunResponse(bail=True)
    sys.argv = [str(program), *request.args]
    gc.set_threshold(_NEW_OBJECTS)
    with _loop(max(request.parallel, 1) * 4) as loop:
        status = _status(loop, program, main)
    if status in {0, _SHOWN}:
        return language_pb2.RunResponse(bail=status == _SHOWN)
    return language_pb2.RunResponse(error=f"program exited with non-zero exit code: {status}")


def _status(loop: asyncio.AbstractEventLoop, program: Path, main: Path) -> int:
    """Return what the program's exit status would be, were it a process."""

    def run_main() -> None:
        runpy.run_path(str(program), run_name="__main__")

    try:
        loop.run_until_complete(run_in_stack(run_main))
    except RunError as error:
        log.error(str(error))
        return 1
    except SystemExit as error:
        if isinstance(error.code, str):
            log.error(error.code)
        return error.code if isinstance(error.code, int) else int(error.code is not None)
    except Exception as error:  # noqa: BLE001 - whatever a program raises is shown to its author
        if isinstance(error, grpc.RpcError) and error.code() is grpc.StatusCode.UNAVAILABLE:
            # The engine has ended the update, and has said why.
            return _SHOWN
        log.error(f"Program failed with an unhandled exception:\n{_users_traceback(error, main)}")
        return _SHOWN
    return 0


@contextlib.contextmanager
def _loop(threads: int) -> Generator[asyncio.AbstractEventLoop]:
    """Yield an event loop for the program; what the program left unfinished is dropped without a word."""
    # A program that fails leaves futures that nobody awaits: that is no news.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    with ThreadPoolExecutor(threads) as executor:
        loop.set_default_executor(executor)
        try:
            yield loop
        finally:
            for task in asyncio.all_tasks(loop):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, Exception):
                    loop.run_until_complete(task)
            asyncio.set_event_loop(None)
            loop.close()


def _users_traceback(error: Exception, main: Path) -> str:
    """Return the traceback from the program's own first line on: what lies above is this host."""
    frames = error.__traceback__
    while frames and Path(frames.tb_frame.f_code.co_filename) != main:
        frames = frames.tb_next
    return "".join(traceback.format_exception(type(error), error, frames or error.__traceback__))
