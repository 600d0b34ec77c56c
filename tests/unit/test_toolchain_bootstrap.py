"""The way in: an environment made once, mended when half made, and refused with the remedy where it can't be."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from base import paths
from base.virtual import EVERYTHING, RUN_TIME
from tests.unit.toolchain_bench import Bench

pytestmark = pytest.mark.unit

WAY_IN = ("__init__.py", "bootstrap.py", "errors.py", "files.py", "paths.py", "progress.py", "rights.py", "virtual.py")

VENV = """
case "$*" in
  *ensurepip*) exit {no_ensurepip};;
  *version_info*) echo "{version}"; exit;;
  "-m venv"*) echo "venv $*" >>{log}
    for last; do :; done
    mkdir -p "$last/bin" && cp "$0" "$last/bin/python" && touch "$last/bin/pip"; exit;;
  "-m pip"*) echo "pip $*" >>{log}; {pip}; exit;;
  "-m commands"*) echo "ran $*${{PYTHONDONTWRITEBYTECODE+ and keeps nothing compiled}}"; exit;;
esac
exec {python} "$@"
"""


class Checkout:
    """A checkout with nothing in it but the way in, and a PATH whose Pythons are played."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.folder = bench.folder / "a checkout"
        self.log = bench.folder / "log"
        package = self.folder / "base"
        package.mkdir(parents=True)
        for name in WAY_IN:
            package.joinpath(name).write_text(paths.CHECKOUT.joinpath("base", name).read_text())
        self.require("pulumi==1")

    def require(self, text: str) -> None:
        """Change what the program needs, and with it what everything needs."""
        self.folder.joinpath("requirements.txt").write_text(f"{text}\n")
        self.folder.joinpath("requirements-dev.txt").write_text(f"{text}\npytest==1\n")

    def play_python(self, *, pip: str = "exit 0", no_ensurepip: int = 0, version: str = "3 11 0") -> Path:
        """Put a python3 on the PATH that notes what it is asked to make."""
        script = VENV.format(no_ensurepip=no_ensurepip, log=self.log, pip=pip, python=sys.executable, version=version)
        return self.bench.program("python3.11", script)

    def run(self, *words: str, lie: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command as make does, with the played Python, or after a lie about what there is, as Python has it."""
        played = str(self.bench.programs / "python3.11")
        said = [*(words or ("lint", "--now"))]
        script = f"import os, runpy, sys; {lie or f'sys.executable = {played!r}'}; sys.argv[1:] = {said}; "
        script += "runpy.run_module('base.bootstrap', run_name='__main__')"
        return subprocess.run(
            [sys.executable, "-c", script], cwd=self.folder, capture_output=True, text=True, check=False
        )

    def asked(self) -> list[str]:
        """Return what the played Python was asked to make since the last time: venv, or what pip was to install."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        self.log.unlink(missing_ok=True)
        assert all("--require-hashes" in line for line in lines if line.startswith("pip"))
        return [
            line.split()[-1] if line.startswith("pip") else "venv --clear" if "--clear" in line else "venv"
            for line in lines
        ]


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    return Checkout(Bench(tmp_path, monkeypatch))


def test_the_environment_is_made_once_then_the_command_runs_in_it(checkout: Checkout) -> None:
    checkout.play_python()

    first = checkout.run()
    assert (first.returncode, first.stdout) == (0, "ran -m commands lint --now\n")
    assert checkout.asked() == ["venv", EVERYTHING]

    second = checkout.run()
    assert (second.returncode, second.stdout, second.stderr) == (0, "ran -m commands lint --now\n", "")
    assert checkout.asked() == []


def test_what_python_compiles_is_kept_however_the_users_environment_is_set(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout.play_python()
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")

    assert checkout.run().stdout == "ran -m commands lint --now\n"


def test_changed_requirements_are_installed_into_the_environment_that_is_there(checkout: Checkout) -> None:
    checkout.play_python()
    checkout.run()
    checkout.asked()

    checkout.require("pulumi==2")
    assert checkout.run().returncode == 0

    assert checkout.asked() == [EVERYTHING]


def test_a_real_stack_is_verified_with_the_run_time_packages_alone(checkout: Checkout) -> None:
    checkout.play_python()

    assert checkout.run("verify", "--stack", "jp-tok").stdout == "ran -m commands verify --stack jp-tok\n"
    assert checkout.asked() == ["venv", RUN_TIME]

    checkout.run("verify", "--stack", "dev")
    assert checkout.asked() == [EVERYTHING]

    checkout.run("verify", "--stack", "jp-tok")
    assert checkout.asked() == [], "what is there for the sandbox will do"


@pytest.mark.parametrize("command", ["up", "down", "reset", "clean"])
def test_a_command_that_needs_root_says_so_before_anything_is_made(checkout: Checkout, command: str) -> None:
    checkout.play_python()

    ran = checkout.run(command, lie="os.geteuid = lambda: 1000")

    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.endswith(f"make {command}'\n"), "no sudo on this PATH, so su is advised"
    assert checkout.asked() == []
    assert not checkout.folder.joinpath(".venv").exists()


def test_an_environment_in_which_pip_was_stopped_is_made_anew(checkout: Checkout) -> None:
    checkout.play_python(pip="kill -9 $PPID; exit 1")
    assert checkout.run().returncode < 0
    checkout.asked()

    checkout.play_python()
    assert checkout.run().returncode == 0

    assert checkout.asked() == ["venv --clear", EVERYTHING]


def test_an_environment_is_looked_at_after_a_restart_and_made_anew_if_a_power_cut_has_emptied_a_file(
    checkout: Checkout,
) -> None:
    checkout.play_python()
    checkout.run()
    checkout.asked()
    packages = checkout.folder / ".venv/lib/python3.11/site-packages"
    record = packages / "pulumi-1.dist-info/RECORD"
    record.parent.mkdir(parents=True)
    record.write_text("pulumi.py,sha256=abc,4\npulumi-1.dist-info/RECORD,,\n")
    packages.joinpath("pulumi.py").write_text("1234")
    mark = checkout.folder / ".venv/installed"
    now = mark.read_text()
    earlier = now.partition(" ")[0] + " another-run-of-the-machine"

    mark.write_text(earlier)
    assert checkout.run().returncode == 0
    assert checkout.asked() == []
    assert mark.read_text() == now, "it is looked at once"

    mark.write_text(earlier)
    packages.joinpath("pulumi.py").write_text("")
    assert checkout.run().returncode == 0
    assert checkout.asked() == ["venv --clear", EVERYTHING]
    assert mark.read_text() == now


def test_a_half_made_environment_is_completed(checkout: Checkout) -> None:
    checkout.folder.joinpath(".venv").mkdir()
    checkout.play_python()

    assert checkout.run().returncode == 0

    assert checkout.asked() == ["venv --clear", EVERYTHING]


def test_a_python_that_is_too_old_says_which_will_do(checkout: Checkout) -> None:
    ran = checkout.run(lie="sys.version_info = (3, 8, 2)")

    assert ran.returncode == 1
    assert ran.stderr == (
        "Python 3.11 or newer is needed, and `python3` is 3.8.\n"
        "  To mend it: install Python 3.11 or newer and put it on PATH as python3 or python3.11\n"
    )


def test_a_python_that_is_too_old_hands_over_to_a_newer_one_on_the_path(checkout: Checkout) -> None:
    checkout.play_python()

    ran = checkout.run(lie="sys.version_info = (3, 8, 2)")

    assert (ran.returncode, ran.stdout) == (0, "ran -m commands lint --now\n")


def test_a_python_without_venv_names_the_package_to_install(checkout: Checkout) -> None:
    checkout.play_python(no_ensurepip=1)

    ran = checkout.run()

    assert ran.returncode == 1
    assert "apt-get install python3.11-venv" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert not checkout.folder.joinpath(".venv").exists(), "nothing is half made"


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        ("ERROR: No matching distribution found for pulumi==1", "reachable for pip"),
        ("ERROR: Could not install packages: [Errno 28] No space left on device", "free some space"),
        ("ERROR: a wheel is broken", "pip.log"),
    ],
)
def test_a_failure_of_pip_is_one_line_with_its_remedy(checkout: Checkout, said: str, remedy: str) -> None:
    checkout.play_python(pip=f"echo looking; echo '{said}' >&2; exit 1")

    ran = checkout.run()

    assert ran.returncode == 1
    assert f"Could not install the Python packages: {said}\n" in ran.stderr
    assert remedy in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize("name", WAY_IN)
def test_the_way_in_can_be_read_by_an_old_python(name: str) -> None:
    text = paths.CHECKOUT.joinpath("base", name).read_text()

    ast.parse(text, feature_version=(3, 8))

    if name != "__init__.py":
        assert "from __future__ import annotations" in text, "annotations stay text, whatever their syntax"
