"""What the toolchain asks of a machine before it makes anything."""

from __future__ import annotations

import platform
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from base.errors import SandboxError
from sandbox import toolchain
from sandbox.toolchain import debian, space, system
from sandbox.toolchain.space import GIB, Need
from tests.unit.toolchain_bench import Bench

pytestmark = pytest.mark.unit


class Usage(NamedTuple):
    """What `shutil.disk_usage` returns."""

    total: int
    used: int
    free: int


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(tmp_path, monkeypatch)


@pytest.fixture
def asked_anew() -> Iterator[None]:
    system.machine.cache_clear()
    yield
    system.machine.cache_clear()


@pytest.mark.usefixtures("asked_anew")
def test_another_system_than_linux_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(platform, "system", lambda: "Darwin")

    with pytest.raises(SandboxError, match="Linux only, and this is Darwin") as caught:
        system.machine()

    assert "virtual machine" in caught.value.remedy


@pytest.mark.usefixtures("asked_anew")
def test_another_processor_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")

    with pytest.raises(SandboxError, match="x86_64 and aarch64, and this is riscv64"):
        system.machine()


@pytest.mark.usefixtures("asked_anew")
@pytest.mark.parametrize(
    ("processor", "names"),
    [
        ("x86_64", ("amd64", "amd64", "x64", "x86_64-linux-gnu")),
        ("aarch64", ("arm64", "arm64", "arm64", "aarch64-linux-gnu")),
    ],
)
def test_each_source_calls_the_processor_by_its_own_name(
    monkeypatch: pytest.MonkeyPatch, processor: str, names: tuple[str, ...]
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: processor)

    machine = system.machine()

    assert (machine.debian, machine.go, machine.pulumi, machine.multiarch) == names


def distribution(monkeypatch: pytest.MonkeyPatch, **known: str) -> None:
    monkeypatch.setattr(platform, "freedesktop_os_release", lambda: known)


@pytest.mark.parametrize(
    "known",
    [
        {"ID": "debian", "VERSION_ID": "11", "PRETTY_NAME": "Debian GNU/Linux 11 (bullseye)"},
        {"ID": "ubuntu", "VERSION_ID": "24.04", "PRETTY_NAME": "Ubuntu 24.04.3 LTS"},
        {"ID": "fedora", "VERSION_ID": "42", "PRETTY_NAME": "Fedora Linux 42"},
        {"ID": "linuxmint", "ID_LIKE": "ubuntu debian", "VERSION_ID": "22", "PRETTY_NAME": "Linux Mint 22"},
    ],
    ids=lambda known: known["PRETTY_NAME"],
)
@pytest.mark.usefixtures("asked_anew")
def test_another_distribution_or_an_older_release_is_refused_by_name_before_anything_is_made(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, known: dict[str, str]
) -> None:
    distribution(monkeypatch, **known)

    with pytest.raises(SandboxError, match=f"and this is {re.escape(known['PRETTY_NAME'])}") as caught:
        toolchain.check()

    assert "use Debian 12 or 13" in caught.value.remedy
    assert not bench.cache.exists()


@pytest.mark.parametrize(
    "known",
    [
        {"ID": "debian", "VERSION_ID": "12"},
        {"ID": "debian", "VERSION_ID": "13"},
        {"ID": "debian", "VERSION_CODENAME": "forky"},
    ],
    ids=lambda known: "-".join(known.values()),
)
def test_a_release_that_has_the_packages_is_taken(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, known: dict[str, str]
) -> None:
    distribution(monkeypatch, **known)
    for tool in ("apt-get", "apt-cache", "dpkg-deb", "dpkg-query"):
        bench.program(tool, "exit 0")

    system.require_packages()


def test_a_system_without_apt_is_told_what_is_missing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    distribution(monkeypatch, ID="debian", VERSION_ID="12")
    bench.program("dpkg-deb", "exit 0")
    bench.program("apt-cache", "exit 0")

    with pytest.raises(SandboxError, match="apt-get and dpkg-query not found") as caught:
        debian.ensure()

    assert "PATH" in caught.value.remedy
    assert not bench.cache.exists(), "nothing is made before the machine is found to be fit"


def test_a_disk_without_room_is_told_what_needs_how_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def one_gib_free(_: Path) -> Usage:
        return Usage(10 * GIB, 9 * GIB, GIB)

    monkeypatch.setattr(shutil, "disk_usage", one_gib_free)
    needs = [Need("Kubernetes", tmp_path / "not/yet/there", GIB), Need("Go's modules", tmp_path, GIB // 2)]

    with pytest.raises(
        SandboxError, match=r"1\.0 GiB free, and 1\.5 are needed \(Kubernetes 1\.0, Go's modules 0\.5\)"
    ):
        space.require(needs)

    space.require(needs[:1])
    space.require([])
