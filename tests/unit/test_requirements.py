"""What is installed: locked from two short lists, and for a real stack no more than the program itself needs."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from base import virtual
from base.errors import SandboxError
from base.paths import CHECKOUT
from commands import lock, system_python, testing
from tests.unit.toolchain_bench import Bench

pytestmark = pytest.mark.unit

PLAYED = """
case "$*" in
  *version_info*) echo "{version}";;
  "-m venv"*) echo "$*" >>{log}; for last; do :; done; mkdir -p "$last/bin" && cp "$0" "$last/bin/python";;
  "-m pip"*) echo "$*" >>{log};;
  "-m pytest"*) echo "$*" >>{log}; exit 1;;
esac
"""


def wheel(folder: Path, name: str) -> None:
    """Put a distribution with nothing in it into `folder`, which plays a package index."""
    with zipfile.ZipFile(folder / f"{name}-1-py3-none-any.whl", "w") as packed:
        packed.writestr(f"{name}-1.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
        packed.writestr(f"{name}-1.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        packed.writestr(f"{name}-1.dist-info/RECORD", "")


def test_a_changed_list_makes_the_lock_stale_until_it_is_renewed(tmp_path: Path) -> None:
    index = tmp_path / "index"
    index.mkdir()
    wheel(index, "one")
    wheel(index, "two")
    offline = ["--no-index", "--find-links", str(index)]
    tmp_path.joinpath("requirements.in").write_text("one==1\n")
    tmp_path.joinpath("requirements-dev.in").write_text("-c requirements.txt\n-r requirements.in\n")
    lock.compile_all(offline, tmp_path)
    assert not list(lock.stale(tmp_path))

    tmp_path.joinpath("requirements-dev.in").write_text("-c requirements.txt\n-r requirements.in\ntwo==1\n")
    found = list(lock.stale(tmp_path))
    assert [line.split()[0] for line in found] == ["requirements-dev.txt"]
    assert found[0].endswith("To mend it: make lock")

    lock.compile_all(offline, tmp_path)
    assert not list(lock.stale(tmp_path))
    compiled = tmp_path.joinpath("requirements-dev.txt").read_text()
    assert re.search(
        r"^one==1 .*\n +--hash=sha256:\w{64}\n[^=]*\ntwo==1 .*\n +--hash=sha256:\w{64}\n", compiled, re.MULTILINE
    )

    tmp_path.joinpath("requirements.in").write_text("three==1\n")
    assert len(list(lock.stale(tmp_path))) == 2
    with pytest.raises(SandboxError, match=r"(?s)requirements.in can't be compiled:\n.*three was not found"):
        lock.compile_all(offline, tmp_path)


def test_the_lock_names_no_package_index() -> None:
    for name in (virtual.RUN_TIME, virtual.EVERYTHING):
        assert "://" not in CHECKOUT.joinpath(name).read_text()


def test_verifying_a_real_stack_takes_the_run_time_packages_alone() -> None:
    script = "import sys, commands.__main__; print(*{name.partition('.')[0] for name in sys.modules})"
    ran = subprocess.run([sys.executable, "-c", script], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    listed = {
        line.partition("==")[0] for line in CHECKOUT.joinpath(virtual.RUN_TIME).read_text().splitlines() if "==" in line
    }
    owners = packages_distributions()
    needed = {owner.lower().replace("_", "-") for module in ran.stdout.split() for owner in owners.get(module, [])}

    assert "sandbox" not in ran.stdout.split()
    assert needed <= listed | {"pip", "setuptools", "psutil"}, "OpenTelemetry does without psutil, where it isn't there"


@pytest.fixture
def played(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Return a checkout whose system has Python 3.11.2, while .venv has another."""
    bench = Bench(tmp_path, monkeypatch)
    monkeypatch.setattr(system_python, "LOCAL", tmp_path)
    monkeypatch.setattr(virtual, "LOCAL", tmp_path)
    monkeypatch.setattr(virtual, "_LOG", tmp_path / "pip.log")
    monkeypatch.setattr(sys, "version_info", (3, 11, 1))
    play(bench, "3 11 2", monkeypatch)
    monkeypatch.setattr(sys, "executable", str(system_python.PYTHON))
    return bench


def play(bench: Bench, version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the system's Python be one of that version, which notes what it is asked to do; its tests fail."""
    python = bench.program("python3", PLAYED.format(version=version, log=bench.folder / "log"))
    monkeypatch.setattr(system_python, "PYTHON", python)


def asked(bench: Bench) -> list[str]:
    log = bench.folder / "log"
    return [" ".join(line.split()[:3]) for line in log.read_text().splitlines()] if log.exists() else []


def test_the_unit_tests_run_on_the_systems_other_python_and_their_failure_counts(played: Bench) -> None:
    command = system_python.unit_tests()
    assert command is not None
    assert testing.run(testing.Lane("unit", 1, command)) == 1
    assert asked(played) == ["-m venv --without-pip", "-m pip --disable-pip-version-check", "-m pytest -m"]

    assert system_python.unit_tests() == command
    assert asked(played)[3:] == [], "its environment is made once"


@pytest.mark.parametrize("version", ["3 11 1", "3 9 2"])
def test_nothing_runs_twice_on_the_same_python_nor_on_one_that_is_too_old(
    played: Bench, version: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    play(played, version, monkeypatch)

    assert system_python.unit_tests() is None

    assert asked(played) == []
    assert ("is 3.9.2, older than the project needs" in capsys.readouterr().err) == (version == "3 9 2")
