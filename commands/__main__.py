"""`python -m commands up | verify | down | env | test | lint | reset | clean`: what the Makefile's targets run."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from base import paths
from base.errors import SandboxError
from base.progress import say, step
from commands import report
from commands.pulumi import SANDBOX_STACK, stack
from commands.verify import verify
from sandbox import machine, toolchain
from sandbox.toolchain import environment


def up(_: argparse.Namespace) -> int:
    """From nothing to the verified end state on stack dev; what is there already is left as it is."""
    machine.up()
    toolchain.ensure()
    dev = stack(SANDBOX_STACK)
    dev.ensure()
    dev.recover()
    status = dev.run("up", "--yes", "--stack", dev.name)
    if status:
        say("pulumi up didn't finish. What it made is kept in the stack; `make up` goes on from there.")
        return status
    with step("verify", usually=4):
        checks = verify(dev)
    if not report.show_checks(checks):
        say("The stack is up, but isn't right. `kubectl describe pods` in its environment shows more: make env")
        return 1
    report.show_table(dev, checks)
    return 0


def check(arguments: argparse.Namespace) -> int:
    """Verify one stack."""
    return 0 if report.show_checks(verify(stack(arguments.stack))) else 1


def down(_: argparse.Namespace) -> int:
    """Destroy stack dev, then stop the sandbox."""
    status = 0
    if machine.is_up():
        toolchain.ensure()
        dev = stack(SANDBOX_STACK)
        dev.ensure()
        dev.recover()
        status = dev.run("destroy", "--yes", "--stack", dev.name)
        if status:
            say("pulumi destroy didn't finish: what is left is in the stack, and `make up`, then `make down` goes on.")
    machine.down()
    return status


def env(_: argparse.Namespace) -> int:
    """Print shell lines for the sandbox."""
    if not machine.is_up():
        say("the sandbox is down; `make up` starts it")
    for line in environment.shell_lines():
        print(line)
    return 0


def test(arguments: argparse.Namespace) -> int:
    """Run pytest; words that aren't ours are handed to it."""
    toolchain.ensure()
    return subprocess.run(
        [sys.executable, "-m", "pytest", *arguments.words], cwd=paths.CHECKOUT, check=False
    ).returncode


def lint(_: argparse.Namespace) -> int:
    """Check style, format, types and who imports whom, and that nothing is used which the oldest Python lacks."""
    checks = (
        ["ruff", "check", "."],
        ["ruff", "format", "--check", "."],
        ["basedpyright"],
        ["lint-imports", "--no-logo", "--no-cache"],
        # Annotations count, since declarations read them; bytes.decode is taken for the old str.decode.
        ["vermin", "--quiet", "--violations", "--target=3.11-", "--eval-annotations", "--exclude", "str.decode", "."],
        ["pytest", "--quiet", "tests/unit/test_oldest_python.py"],
    )
    programs = Path(sys.executable).parent
    statuses = [
        subprocess.run([programs / name, *words], cwd=paths.CHECKOUT, check=False).returncode for name, *words in checks
    ]
    return max(statuses)


def reset(_: argparse.Namespace) -> int:
    """Stop the sandbox and remove its data, stack dev's state with it; the tools stay."""
    machine.reset()
    return 0


def clean(_: argparse.Namespace) -> int:
    """Stop the sandbox and remove its data, the tools' cache and what this checkout made."""
    machine.reset()
    for folder in (paths.cache(), paths.LOCAL, paths.CHECKOUT / ".venv"):
        say(f"removing {folder}")
        shutil.rmtree(folder, ignore_errors=True)
    return 0


COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "up": up,
    "verify": check,
    "down": down,
    "env": env,
    "test": test,
    "lint": lint,
    "reset": reset,
    "clean": clean,
}


def main(words: Sequence[str]) -> int:
    """Run one command; returns its exit status: 0 done, 1 not, 130 stopped by Ctrl-C."""
    parser = argparse.ArgumentParser(prog="make", description=__doc__)
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("--stack", default=os.environ.get("STACK") or SANDBOX_STACK, help="the stack to verify")
    arguments, arguments.words = parser.parse_known_args(words)
    if arguments.words and arguments.command != "test":
        parser.error(f"{arguments.command} takes no {' '.join(arguments.words)}")
    try:
        return COMMANDS[arguments.command](arguments)
    except SandboxError as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        say(f"stopped. What was made is kept; `make {arguments.command}` goes on from here.")
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
