"""Debian's packages are chosen, fetched and unpacked with the system's tools, played here by scripts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from base.errors import SandboxError
from sandbox.toolchain import debian, system
from tests.unit.toolchain_bench import Bench

pytestmark = pytest.mark.unit

CHOICE = """
Inst libseccomp2 (2.5.4-1 Debian:12/oldstable [{arch}])
Inst libgreen1:{arch} (1:2.0~rc1-3 Debian:12/oldstable [{arch}]) []
Inst iproute2 (6.1.0-3 Debian:12/oldstable [{arch}])
Conf runc (1.0-1 Debian:12/oldstable [{arch}])
"""


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(tmp_path, monkeypatch)


def play_apt(
    bench: Bench,
    *,
    install_status: int = 0,
    installed: str = "libseccomp2 iproute2 runc",
    packages: Mapping[str, Iterable[str]] = debian.PACKAGES,
) -> Path:
    """Play apt and dpkg of a release with these packages and programs; return the file that notes each download."""
    arch = system.machine().debian
    downloads = bench.folder / "downloads"
    choice = CHOICE.format(arch=arch)
    names = "\n".join(packages)
    bench.program("apt-cache", f"echo '{names}'")
    bench.program(
        "apt-get",
        f"""
        while [ "${{1#-o}}" != "$1" ]; do shift; done
        case "$1" in
          update) echo "E: Failed to fetch http://mirror.example/InRelease  403  Forbidden" >&2; exit 100;;
          install) cat <<'END'
{choice}
END
            shift 3
            for each in "$@"; do [ "$each" = iproute2 ] || echo "Inst $each (1.0-1 Debian:12/oldstable [{arch}])"; done
            exit {install_status};;
          download) shift; for each in "$@"; do echo "$each" >>{downloads}; touch "${{each%%=*}}.deb"; done;;
        esac""",
    )
    rows = "\n".join(f"{name} {arch} installed" for name in installed.split())
    bench.program("dpkg-query", f"cat <<'END'\n{rows}\nremoved {arch} config-files\nEND")
    contents = "\n".join(f"{name}) programs='{' '.join(programs)}';;" for name, programs in packages.items())
    bench.program(
        "dpkg-deb",
        f"""
        programs=
        case "$(basename "$2" .deb)" in
          {contents}
        esac
        mkdir -p "$3/usr/bin"
        for each in $programs; do touch "$3/usr/bin/$each"; done""",
    )
    return downloads


def test_what_the_system_has_is_not_fetched_but_for_the_programs_that_run_as_debians(bench: Bench) -> None:
    downloads = play_apt(bench)

    tree = debian.ensure()

    fetched = set(downloads.read_text().split())
    helpers = {f"{name}=1.0-1" for name in debian.HELPERS if name != "iproute2"}
    assert fetched == {"libgreen1=1:2.0~rc1-3", *helpers, *(f"{name}=1.0-1" for name in debian.PACKAGES)}
    assert tree.binary("runc") == tree.root / "usr/bin/runc"
    assert not tree.root.joinpath(".apt").exists(), "lists and archives are not kept"


def test_a_source_that_does_not_answer_is_no_harm_while_all_packages_are_found(bench: Bench) -> None:
    play_apt(bench)  # its `update` fails

    assert debian.ensure().path("usr/bin/runc").exists()


def test_a_release_that_has_dockers_client_in_packages_of_its_own_gives_all(bench: Bench) -> None:
    packages = {**debian.PACKAGES, "docker.io": ("dockerd",), "docker-cli": ("docker",), "docker-buildx": ()}
    downloads = play_apt(bench, packages=packages)

    tree = debian.ensure()

    assert tree.binary("docker") == tree.root / "usr/bin/docker"
    assert {"docker-cli=1.0-1", "docker-buildx=1.0-1"} <= set(downloads.read_text().split())


@pytest.mark.parametrize(
    ("package", "program"), [(package, program) for package in debian.PACKAGES for program in debian.PACKAGES[package]]
)
def test_a_program_that_no_package_brought_is_named_at_once(bench: Bench, package: str, program: str) -> None:
    left = [name for name in debian.PACKAGES[package] if name != program]
    play_apt(bench, packages={**debian.PACKAGES, package: left})
    bench.program(program, "exit 0")

    with pytest.raises(SandboxError, match=f"has no {program} in its package {package}"):
        debian.ensure()

    assert debian.find() is None


def test_packages_that_cannot_be_found_are_one_error_with_the_reason_of_the_update(bench: Bench) -> None:
    play_apt(bench, install_status=100)

    with pytest.raises(
        SandboxError, match=r"can't be fetched: E: Failed to fetch http://mirror\.example.*403"
    ) as caught:
        debian.ensure()

    assert "apt-get update" in caught.value.remedy
    assert debian.find() is None


def test_the_tree_is_unpacked_anew_when_the_system_has_lost_what_it_leans_on(bench: Bench) -> None:
    downloads = play_apt(bench)
    debian.ensure()
    downloads.unlink()

    assert debian.find()
    debian.ensure()
    assert not downloads.exists(), "nothing is fetched while the tree fits"

    play_apt(bench, installed="iproute2")
    assert debian.find() is None
    debian.ensure()
    assert "libseccomp2=2.5.4-1" in downloads.read_text().split()


def test_a_package_that_cannot_be_unpacked_for_want_of_room_says_so(bench: Bench) -> None:
    play_apt(bench)
    bench.program("dpkg-deb", "echo 'dpkg-deb: error: failed to write: No space left on device' >&2; exit 2")

    with pytest.raises(SandboxError, match="No space left on device") as caught:
        debian.ensure()

    assert "ICR_SANDBOX_CACHE" in caught.value.remedy


def test_the_trees_programs_find_each_other_before_the_systems(bench: Bench) -> None:
    root = bench.folder / "tree"
    for folder in ("usr/sbin", "usr/bin", "usr/lib/x86_64-linux-gnu/xtables", "usr/share/perl5"):
        root.joinpath(folder).mkdir(parents=True)
    tree = debian.DebianTree(root, "x86_64-linux-gnu")

    environ = tree.environ({"PATH": "/usr/bin", "LD_LIBRARY_PATH": "/opt/lib", "HOME": "/root"})

    assert environ == {
        "PATH": f"{root}/usr/sbin:{root}/usr/bin:/usr/bin",
        "LD_LIBRARY_PATH": f"{root}/usr/lib/x86_64-linux-gnu:/opt/lib",
        "PERL5LIB": f"{root}/usr/share/perl5",
        "XTABLES_LIBDIR": f"{root}/usr/lib/x86_64-linux-gnu/xtables",
        "HOME": "/root",
    }


def test_a_program_is_the_trees_or_the_systems_or_an_error_that_names_the_remedy(bench: Bench) -> None:
    tree = debian.DebianTree(bench.folder / "tree", "x86_64-linux-gnu")
    bench.program("ip", "exit 0")

    assert tree.binary("ip") == bench.programs / "ip"
    with pytest.raises(SandboxError, match="dockerd is not in") as caught:
        tree.binary("dockerd")
    assert "rm -r" in caught.value.remedy
