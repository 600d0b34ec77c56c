"""Go programs: pinned in one place, built once, and refused with the remedy where they can't be."""

from __future__ import annotations

import re
from importlib.metadata import version
from pathlib import Path

import pytest

from base.errors import SandboxError
from sandbox.toolchain import kubernetes, pulumi_cli
from sandbox.toolchain.gobuild import Program
from tests.unit.toolchain_bench import Bench

pytestmark = pytest.mark.unit

GO_MOD = """module sandbox/tool

go 1.25.3

require (
	example.com/part v1.0.0
	example.com/whole v2.3.4
)
"""


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(tmp_path, monkeypatch)


def a_program(bench: Bench) -> Program:
    folder = bench.folder / "module"
    folder.mkdir(exist_ok=True)
    folder.joinpath("go.mod").write_text(GO_MOD)
    folder.joinpath("go.sum").touch()
    return Program("tool", "the Tool", folder, ".", "example.com/whole", "whole.Version=v{version}", usually=1)


def play_go(bench: Bench, *, release: str = "go1.25.3", toolchain: str = "auto", build: str = "") -> Path:
    """Play Go; return the file in which each build is noted."""
    builds = bench.folder / "builds"
    settings = ", ".join(
        f'"{name}": "{value}"'
        for name, value in {
            "GOVERSION": release,
            "GOTOOLCHAIN": toolchain,
            "GOMODCACHE": str(bench.folder / "modules"),
            "GOCACHE": str(bench.folder / "builds-cache"),
            "GOPROXY": "https://proxy.example",
        }.items()
    )
    bench.program(
        "go",
        f"""
        if [ "$1" = env ]; then echo '{{{settings}}}'; exit; fi
        echo "$GOFLAGS CGO_ENABLED=$CGO_ENABLED $*" >>{builds}
        {build}
        while [ "$1" != -o ]; do shift; done
        echo built >"$2\"""",
    )
    return builds


def test_a_program_is_built_once_with_its_pinned_version_in_it(bench: Bench) -> None:
    builds = play_go(bench)

    binary = a_program(bench).ensure()
    again = a_program(bench).ensure()

    assert binary == again == a_program(bench).find()
    assert binary.read_text() == "built\n"
    assert [path.name for path in binary.parent.glob("[!.]*")] == ["tool"]
    (line,) = builds.read_text().splitlines()
    assert "-mod=readonly -buildvcs=false -trimpath CGO_ENABLED=0 build -ldflags -s -w -X whole.Version=v2.3.4" in line


@pytest.mark.parametrize("changed", ["main.go", "replaced/go.mod", "replaced/inner/part.go"])
def test_a_changed_module_or_one_that_replaces_another_is_another_entry(bench: Bench, changed: str) -> None:
    before = a_program(bench).key
    program = a_program(bench)
    program.folder.joinpath("replaced/inner").mkdir(parents=True)
    program.folder.joinpath(changed).write_text("package main\n")

    assert program.key != before
    assert program.key.startswith("tool-2.3.4-go-")


def test_the_versions_fit_the_python_packages() -> None:
    assert pulumi_cli.PROGRAM.version == version("pulumi")
    assert re.fullmatch(r"1\.\d+\.\d+", kubernetes.PROGRAM.version)


def test_a_machine_without_go_is_told_where_to_get_it(bench: Bench) -> None:
    with pytest.raises(SandboxError, match="Go is not installed") as caught:
        a_program(bench).require_go()

    assert re.search(r"install Go 1\.25\.\d+ or newer", caught.value.remedy)


@pytest.mark.parametrize(("release", "toolchain"), [("go1.19.8", "auto"), ("go1.24.1", "local"), ("go1.25.2", "local")])
def test_a_go_that_is_too_old_and_may_not_get_a_newer_one_is_refused(
    bench: Bench, release: str, toolchain: str
) -> None:
    play_go(bench, release=release, toolchain=toolchain)

    with pytest.raises(SandboxError, match=rf"needs Go 1\.25\.3 or newer, and the `go` on PATH is {release[2:]}"):
        a_program(bench).require_go()


@pytest.mark.parametrize(("release", "toolchain"), [("go1.25.3", "local"), ("go1.26.0", "local"), ("go1.21.0", "auto")])
def test_a_go_that_is_new_enough_or_gets_the_newer_one_by_itself_will_do(
    bench: Bench, release: str, toolchain: str
) -> None:
    play_go(bench, release=release, toolchain=toolchain)

    a_program(bench).require_go()


@pytest.mark.parametrize(
    ("said", "message", "remedy"),
    [
        (
            'go: example.com/part@v1.0.0: Get "https://proxy.example/x": dial tcp: lookup proxy.example: no such host',
            "The Go modules of the Tool can't be fetched: .*no such host",
            "https://proxy.example",
        ),
        ("link: write /x: no space left on device", "The disk ran full while the Tool was built", "GOCACHE"),
        ("main.go:3: undefined: x", "the Tool can't be built: main.go:3: undefined: x", "tool.log"),
    ],
)
def test_a_failed_build_is_one_line_with_its_remedy_and_leaves_nothing(
    bench: Bench, said: str, message: str, remedy: str
) -> None:
    play_go(bench, build=f"echo 'go: downloading x' >&2; echo '{said}' >&2; exit 1")

    with pytest.raises(SandboxError, match=message) as caught:
        a_program(bench).ensure()

    assert remedy in caught.value.remedy
    assert a_program(bench).find() is None
