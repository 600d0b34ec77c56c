"""`python -m commands COMMAND`: what the Makefile's targets run."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from base import rights
from base.errors import SandboxError
from base.progress import say
from fleet.adoption import adopt
from fleet.graph import draw
from fleet.recovery import go_on
from fleet.rotation import rotate
from fleet.stack import SANDBOX_STACK, Stack
from fleet.verify import check

OF_ANY_STACK: dict[str, Callable[[Stack, argparse.Namespace], int]] = {
    "verify": lambda stack, _: check(stack),
    "recover": lambda stack, _: go_on(stack),
    "rotate": lambda stack, _: rotate(stack),
    "adopt": lambda stack, _: adopt(stack),
    "graph": lambda stack, given: draw(stack, given.out),
}
"""Commands that take a stack."""
COMMANDS = (
    "up",
    *OF_ANY_STACK,
    "down",
    "env",
    "stack",
    "test",
    "bench",
    "bench-quick",
    "machine-test",
    "lint",
    "tools",
    "packages",
    "workspace-image",
    "operator",
    "lock",
    "reset",
    "clean",
)
_TAKES_WORDS = {"stack", "test", "bench", "bench-quick", "machine-test", "lock", "operator"}


def run(arguments: argparse.Namespace) -> int:
    """Run one command; for a stack on the user's own cluster the run-time packages are enough."""
    of_stack = OF_ANY_STACK.get(arguments.command)
    if of_stack and arguments.stack != SANDBOX_STACK:
        return of_stack(Stack(arguments.stack, dict(os.environ)), arguments)
    if arguments.command == "stack":
        from fleet import new_stack  # noqa: PLC0415 - it knows the sandbox's addresses, which other commands do without

        return new_stack.main(arguments.words)
    from commands import journey  # noqa: PLC0415 - it needs the sandbox's packages, which a real stack does without

    try:
        return of_stack(journey.dev(), arguments) if of_stack else journey.COMMANDS[arguments.command](arguments)
    finally:
        rights.hand_over()


def main(words: Sequence[str]) -> int:
    """Run one command; returns its exit status: 0 done, 1 not, 130 stopped by Ctrl-C."""
    parser = argparse.ArgumentParser(prog="make", description=__doc__)
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("--stack", default=os.environ.get("STACK") or SANDBOX_STACK, help="which stack")
    parser.add_argument("--out", type=Path, metavar="FILE", help="where graph writes; graph-STACK.svg without it")
    arguments, arguments.words = parser.parse_known_args(words)
    if arguments.words and arguments.command not in _TAKES_WORDS:
        parser.error(f"{arguments.command} takes no {' '.join(arguments.words)}")
    try:
        return run(arguments)
    except SandboxError as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        say(f"stopped. What was made is kept; `make {arguments.command}` goes on from here.")
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
