"""Command line of the sandbox: python -m sandbox up | down | status | env | reset."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from base import progress
from base.errors import SandboxError
from sandbox import machine, status
from sandbox.toolchain import environment

_NOT_UP = 3
_REGIONS = "ICR_SANDBOX_REGIONS"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status: 0 done, 1 failed, 3 `status` found a part down, 130 cancelled."""
    commands = {"down": _down, "status": _status, "env": _env, "reset": _reset}
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    subparsers = parser.add_subparsers(dest="command", required=True)
    for name, what in {
        "up": "start what doesn't run",
        "down": "stop everything; the data stays for the next `up`",
        "status": "show each part: up or not, since when, address, log",
        "env": "print shell lines that make pulumi, kubectl and docker work on the sandbox",
        "reset": "stop everything and remove the data",
    }.items():
        subparser = subparsers.add_parser(name, help=what)
        if name == "up":
            subparser.add_argument(
                "--region",
                action="append",
                default=[],
                metavar="NAME",
                help=f"also run this region of the registry, such as us-south; repeatable; {_REGIONS} names several",
            )
    options = parser.parse_args(arguments)
    try:
        return _up(options.region) if options.command == "up" else commands[options.command]()
    except SandboxError as error:
        progress.say(f"error: {error}")
        return 1
    except KeyboardInterrupt:
        progress.say("Stopped. The same command goes on from here.")
        return 130


def _up(regions: list[str]) -> int:
    machine.up([*os.environ.get(_REGIONS, "").replace(",", " ").split(), *regions])
    progress.say("The sandbox is up. Its parts: python -m sandbox status")
    status.tell_regions(machine.regions_running())
    return 0


def _down() -> int:
    machine.down()
    progress.say("The sandbox is down: no process, mount, network interface or cgroup of it is left.")
    return 0


def _reset() -> int:
    machine.reset()
    progress.say("The sandbox and its data are gone.")
    return 0


def _status() -> int:
    parts = machine.status()
    status.show(parts)
    status.tell_regions(machine.regions_running())
    if names := machine.kernel_modules():
        print(f"Kernel modules loaded since the sandbox came up, until the machine restarts: {', '.join(names)}")
    return 0 if all(part.up for part in parts) else _NOT_UP


def _env() -> int:
    sys.stdout.write("".join(f"{line}\n" for line in environment.shell_lines()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
