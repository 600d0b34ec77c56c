"""The Pulumi CLI as the Automation API runs it: one process an operation, with an environment that somebody chose."""

from __future__ import annotations

import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, cast

from pulumi import automation
from pulumi.automation import CommandResult, LocalWorkspace, OutputMap, PulumiCommand, UpdateSummary
from pulumi.automation.errors import create_command_error
from semver import VersionInfo

from base import files
from base.errors import SandboxError

VERSION = VersionInfo.parse("3.259.0")
"""The CLI that the project is made for; asking the one on PATH would cost a run of it each time."""


_Tell = Callable[[str], object]


class Engine(PulumiCommand):
    """Runs the CLI that `environ` has on PATH, and nothing of this process's own environment reaches it.

    With `shown` its output goes where this process's goes, and a Ctrl-C of the terminal reaches it too. Without, it
    has a session of its own, so that only `interrupt` stops it, and each line goes to `log`, if there is one.
    """

    def __init__(self, environ: Mapping[str, str], *, shown: bool = False, log: IO[str] | None = None) -> None:
        # The base class's own constructor looks for the CLI in this process's environment.
        self.command = _program(environ)
        self.version = VERSION
        self._environ = dict(environ)
        self._shown = shown
        self._log = log
        self._running: set[subprocess.Popen[str]] = set()
        self._interrupted = False

    def run(
        self,
        args: list[str],
        cwd: str,
        additional_env: Mapping[str, str],
        on_output: _Tell | None = None,
        on_error: _Tell | None = None,
        given: str = "",
    ) -> CommandResult:
        """Run the CLI, `given` to read; returns what it printed, unless that was shown, or raises CommandError."""
        if self._interrupted:
            raise SandboxError("stopped before the next step", "run the same command again")
        environ = {**self._environ, **additional_env}
        if self._shown and _is_operation(args):
            result = self._show(args, cwd, environ)
        else:
            result = self._capture(args, cwd, environ, (on_output, on_error), given)
        if result.code:
            raise create_command_error(result)
        return result

    def interrupt(self) -> None:
        """Ask what runs to stop in order; a second time, to stop at once. Nothing else is run any more."""
        self._interrupted = True
        for process in [*self._running]:
            process.send_signal(signal.SIGINT)

    def _show(self, args: Sequence[str], cwd: str, environ: Mapping[str, str]) -> CommandResult:
        process = subprocess.Popen([self.command, *args], cwd=cwd, env=dict(environ))
        stopped: KeyboardInterrupt | None = None
        while process.returncode is None:
            try:
                process.wait()
            except KeyboardInterrupt as caught:
                stopped = caught  # it was told too, and stops in order
        if stopped is not None:
            raise stopped
        return CommandResult("", "", process.returncode)

    def _capture(
        self,
        args: Sequence[str],
        cwd: str,
        environ: Mapping[str, str],
        told: tuple[_Tell | None, _Tell | None],
        given: str,
    ) -> CommandResult:
        with subprocess.Popen(
            [self.command, *args, "--non-interactive"],
            cwd=cwd,
            env=dict(environ),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            start_new_session=True,
        ) as process:
            self._running.add(process)
            log = self._log if _is_operation(args) else None  # a question's answer is for who asked
            readers = [
                _Reader(cast("IO[str]", stream), tell, log)
                for stream, tell in zip((process.stdout, process.stderr), told, strict=True)
            ]
            stdin = cast("IO[str]", process.stdin)
            with suppress(BrokenPipeError):
                stdin.write(given)
                stdin.close()
            process.wait()
            for reader in readers:
                reader.join()
            self._running.discard(process)
        stdout, stderr = ("\n".join(reader.lines) for reader in readers)
        return CommandResult(stdout, stderr, process.returncode)


class _Reader(threading.Thread):
    """Reads one stream of a process to its end, line by line."""

    def __init__(self, stream: IO[str], tell: _Tell | None, log: IO[str] | None) -> None:
        super().__init__(daemon=True)
        self.lines: list[str] = []
        self._stream, self._tell, self._log = stream, tell, log
        self.start()

    def run(self) -> None:
        """Keep each line, write it to the log, and tell it."""
        for line in self._stream:
            self.lines.append(line.rstrip())
            if self._log:
                self._log.write(line)
                self._log.flush()
            if self._tell:
                self._tell(line.rstrip())


def _is_operation(args: Sequence[str]) -> bool:
    return "--exec-kind" in args


class Quiet(automation.Stack):
    """A stack whose updates end when the CLI's process does.

    The Automation API runs it once more before, to select the stack, and three times after, for outputs (secrets too)
    and history: a second each. Here every command names its stack, and nothing is selected, since many are worked on.
    """

    def __init__(self, name: str, folder: Path, engine: Engine) -> None:
        self.name = name
        self.workspace = LocalWorkspace(str(folder), pulumi_command=engine)

    def outputs(self) -> OutputMap:
        """Return nothing: who wants outputs reads them."""
        return {}

    def info(self, show_secrets: bool = True) -> UpdateSummary | None:  # noqa: ARG002  # the API's
        """Return a summary that says nothing: the engine's events told all."""
        return _NO_SUMMARY


_NO_SUMMARY = UpdateSummary("", datetime.min.replace(tzinfo=UTC), "", {}, {}, "succeeded")


def _program(environ: Mapping[str, str]) -> str:
    found = shutil.which("pulumi", path=environ.get("PATH"))
    if not found:
        raise SandboxError(
            "the Pulumi CLI is not on PATH",
            "for stack dev: make up; for your own: https://www.pulumi.com/docs/install/",
        )
    if not files.is_there(Path(found)):
        raise SandboxError(f"{found} is an empty file: it is damaged", "make up   gets it anew for the sandbox")
    return str(Path(found).absolute())
