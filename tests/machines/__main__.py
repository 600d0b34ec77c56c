"""`make machine-test`: the README's two commands on plain machines, over a restart and two power cuts.

Words: names of machines (all, if none), and `--prepare` to fetch the Python packages and the distribution's packages
before the machine boots, which matters where machines are emulated.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import sys

from base import paths
from base.errors import SandboxError
from base.progress import say, step
from tests.machines import image, power
from tests.machines.machine import Machine

_PASSED_ON = (
    "GONOSUMDB",
    "GOPROXY",
    "GOSUMDB",
    "PIP_CERT",
    "PIP_DEFAULT_TIMEOUT",
    "PIP_EXTRA_INDEX_URL",
    "PIP_INDEX_URL",
    "http_proxy",
    "https_proxy",
    "no_proxy",
)
"""How this shell reaches the package indexes; the machine's commands are given it, its disk never holds it."""
_UP = 15 * 60.0
"""Seconds that README allows for a `make up` from nothing."""


def main() -> int:
    """Run the journey on each machine; returns 0 if every one came through."""
    parser = argparse.ArgumentParser(prog="make machine-test", description=__doc__)
    parser.add_argument("machines", nargs="*", metavar="MACHINE", help=", ".join(image.SUITES))
    parser.add_argument("--prepare", action="store_true")
    parser.add_argument("--tests", default="-m unit", help="what `make test` is given on the machine")
    arguments = parser.parse_args()
    chosen: list[str] = arguments.machines or list(image.SUITES)
    if unknown := sorted(set(chosen) - image.SUITES.keys()):
        parser.error(f"there is no machine {', '.join(unknown)}; there are {', '.join(image.SUITES)}")
    try:
        ways = power.ways()
        for release in chosen:
            _try(release, ways, prepare=arguments.prepare, tests=arguments.tests)
    except SandboxError as error:
        say(str(error))
        return 1
    return 0


def _try(release: str, ways: list[power.Way], *, prepare: bool, tests: str) -> None:
    folder = paths.LOCAL / "machines" / release
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    environ = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    image.make(release, folder, prepare=prepare, environ=environ)
    with Machine(folder, ways) as machine:
        _journey(release, machine, _shell(environ), tests)
    (folder / "disk.img").unlink()
    say(f"{release}: came through, by {machine.way.name}")


def _shell(environ: dict[str, str]) -> str:
    """Return what the machine's user types first."""
    exported = "".join(f" && export {name}={shlex.quote(value)}" for name, value in environ.items())
    return f"cd /{image.CHECKOUT}{exported}"


def _journey(release: str, machine: Machine, shell: str, tests: str) -> None:
    def done(what: str, command: str, seconds: float) -> None:
        with step(f"{release}: {what}", usually=seconds / 3):
            machine.run(f"{shell} && {command}", seconds, image.USER)

    def as_root(command: str) -> str:
        """Return the line that the command prints for a user who isn't root, with root's password typed."""
        line = machine.advice(f"{shell} && {command}", image.USER)
        return f"echo {shlex.quote(image.ROOTS_PASSWORD)} | {line}"

    def goes_on() -> None:
        done("make up", as_root("make up"), _UP)
        done("make verify", "make verify", 60)

    def cut(what: str, sign: str) -> None:
        with step(f"{release}: power cut in {what}", usually=20):
            machine.cut_during(f"{shell} && {as_root('make up')}", sign, _UP, image.USER)
        machine.boot()
        goes_on()

    machine.boot()
    goes_on()
    done(f"make test {tests}", f"make test TESTS={shlex.quote(tests)}", 600)
    machine.restart()
    goes_on()
    done("change the page", "echo 'after the cut' >app/index.html", 10)
    cut("an update", "docker:index:Image image updating")
    done("make reset", as_root("make reset"), 60)
    cut("the first start", "ok  give the Docker Engine")
    done("make down", as_root("make down"), 120)


if __name__ == "__main__":
    sys.exit(main())
