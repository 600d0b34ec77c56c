"""Pulumi's CLI and plugins: the user's own, else the official ones, else what this project has."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from pathlib import Path

import pytest

from base.errors import SandboxError
from sandbox.toolchain import launchers, official, plugins, pulumi_cli, system
from tests.unit.toolchain_bench import Bench

pytestmark = pytest.mark.unit

VERSION = pulumi_cli.PROGRAM.version


class Site:
    """Pulumi's download site on this machine: `files` by path, `asked` paths in order."""

    def __init__(self) -> None:
        site = self
        self.files: dict[str, bytes] = {}
        self.asked: list[str] = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.asked.append(self.path)
                body = site.files.get(self.path)
                self.send_response(200 if body is not None else 403)
                self.end_headers()
                if body and self.command == "GET":
                    self.wfile.write(body)

            do_HEAD = do_GET  # noqa: N815 - the base class's name

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def publish_cli(self, *, checksum: str | None = None, strange: tarfile.TarInfo | None = None) -> None:
        """Put a release there, with the right checksum or the one given, and perhaps an entry that no release has."""
        name = f"pulumi-v{VERSION}-linux-{system.machine().pulumi}.tar.gz"
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as tar:
            for tool in ("pulumi", "pulumi-language-python"):
                entry = tarfile.TarInfo(f"pulumi/{tool}")
                body = f"official {tool}".encode()
                entry.size, entry.mode = len(body), 0o755
                tar.addfile(entry, io.BytesIO(body))
            if strange:
                tar.addfile(strange)
        archive = packed.getvalue()
        checksum = checksum or hashlib.sha256(archive).hexdigest()
        self.files[f"/releases/sdk/{name}"] = archive
        self.files[f"/releases/sdk/pulumi-{VERSION}-checksums.txt"] = f"{checksum}  {name}\n".encode()

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(tmp_path, monkeypatch)


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    site = Site()
    monkeypatch.setattr(official, "SITE", site.url)
    yield site
    site.close()


def put_built_cli(bench: Bench) -> Path:
    return bench.program("pulumi", "echo built", bench.cache / pulumi_cli.PROGRAM.key)


def test_the_users_own_cli_of_the_right_version_is_used(bench: Bench) -> None:
    mine = bench.program("pulumi", f"echo v{VERSION}")
    bench.program("pulumi-language-python", "echo official host")

    placed = pulumi_cli.ensure()

    assert placed == launchers.FOLDER / "pulumi"
    assert placed.samefile(mine)
    assert (launchers.FOLDER / "pulumi-language-python").samefile(bench.programs / "pulumi-language-python")


def test_the_users_cli_is_asked_for_its_version_only_once(bench: Bench) -> None:
    asked = bench.folder / "asked"
    bench.program("pulumi", f"echo x >>{asked}; echo v{VERSION}")
    bench.program("pulumi-language-python", "exit 0")

    assert pulumi_cli.find() == pulumi_cli.find() == bench.programs / "pulumi"

    assert asked.read_text() == "x\n"


@pytest.mark.parametrize(("number", "host"), [("3.1.0", True), (VERSION, False)])
def test_a_cli_of_another_version_or_without_its_language_host_is_left_alone(
    bench: Bench, number: str, host: bool
) -> None:
    bench.program("pulumi", f"echo v{number}")
    if host:
        bench.program("pulumi-language-python", "exit 0")
    built = put_built_cli(bench)

    assert pulumi_cli.find() == built


def test_the_checkouts_own_folder_on_the_path_is_not_taken_for_the_users(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = put_built_cli(bench)
    pulumi_cli.ensure()
    monkeypatch.setenv("PATH", f"{launchers.FOLDER}{os.pathsep}{bench.programs}")

    assert pulumi_cli.find() == built


def test_a_built_cli_gets_this_projects_language_host_beside_its_real_file(bench: Bench) -> None:
    built = put_built_cli(bench)

    placed = pulumi_cli.ensure()

    assert placed.samefile(built)
    assert not placed.is_symlink()
    host = placed.with_name("pulumi-language-python").read_text()
    assert "-m sandbox.plugins.language_host" in host


def test_the_official_release_is_downloaded_checked_and_placed(bench: Bench, site: Site) -> None:
    site.publish_cli()

    placed = pulumi_cli.ensure()

    assert placed.read_text() == "official pulumi"
    assert placed.with_name("pulumi-language-python").read_text() == "official pulumi-language-python"
    asked = len(site.asked)
    assert pulumi_cli.ensure() == placed
    assert len(site.asked) == asked, "what is in the cache is not asked for again"
    assert not list(bench.cache.glob("*/*.tar.gz"))


@pytest.mark.parametrize(
    ("name", "kind", "points_at"),
    [
        ("../outside", tarfile.REGTYPE, ""),
        ("/tmp/outside", tarfile.REGTYPE, ""),  # noqa: S108 - refused, so never written
        ("pulumi/link", tarfile.SYMTYPE, "../.."),
        ("pulumi/link", tarfile.LNKTYPE, "../outside"),
        ("pulumi/pipe", tarfile.FIFOTYPE, ""),
    ],
)
def test_an_archive_with_anything_but_plain_files_of_its_own_folder_is_not_unpacked(
    site: Site, tmp_path: Path, name: str, kind: bytes, points_at: str
) -> None:
    strange = tarfile.TarInfo(name)
    strange.type, strange.linkname = kind, points_at
    site.publish_cli(strange=strange)
    folder = tmp_path / "release"
    folder.mkdir()

    with pytest.raises(official.DownloadError, match=f"holds {name}, which is no plain file"):
        official.fetch_cli(VERSION, system.machine().pulumi, folder)

    assert list(tmp_path.iterdir()) == [folder]
    assert not list(folder.glob("**/link")) + list(folder.glob("**/pipe"))


def test_unpacked_programs_can_be_run_and_are_nobody_elses_to_change(site: Site, tmp_path: Path) -> None:
    loose = tarfile.TarInfo("pulumi/loose")
    loose.mode = 0o6777
    site.publish_cli(strange=loose)

    official.fetch_cli(VERSION, system.machine().pulumi, tmp_path)

    assert tmp_path.joinpath("pulumi/pulumi").stat().st_mode & 0o7777 == 0o755
    assert tmp_path.joinpath("pulumi/loose").stat().st_mode & 0o7777 == 0o755


@pytest.mark.usefixtures("bench")
def test_a_download_with_a_wrong_checksum_is_refused(site: Site) -> None:
    site.publish_cli(checksum="0" * 64)

    with pytest.raises(SandboxError, match=r"has the SHA-256 .* and its release says 0000"):
        pulumi_cli.ensure()

    assert pulumi_cli.find() is None


def test_a_site_that_refuses_is_named_once_with_what_is_used_instead_and_not_asked_again(
    bench: Bench, site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not official.reachable(VERSION, "the CLI is built")
    assert not official.reachable(VERSION, "the CLI is built")

    assert capsys.readouterr().err == f"  ... {site.url} can't be used (Forbidden): the CLI is built\n"
    assert len(site.asked) == 1

    long_ago = bench.cache.stat().st_mtime - 7200
    os.utime(bench.cache / "pulumi-site-refused", (long_ago, long_ago))
    site.publish_cli()
    assert official.reachable(VERSION, "the CLI is built")


@pytest.mark.usefixtures("bench")
def test_a_site_that_never_answers_is_given_up_after_a_short_while(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()

    def hang(*_: object, **__: object) -> None:
        over.wait(30)
        raise TimeoutError

    monkeypatch.setattr(official.urllib.request, "urlopen", hang)
    assert official.PATIENCE < 3
    monkeypatch.setattr(official, "PATIENCE", 0.1)

    assert not official.reachable(VERSION, "the CLI is built")

    over.set()
    for thread in threading.enumerate():
        if thread.name == "probe":
            thread.join(10)


def test_a_plugin_of_the_users_own_pulumi_home_is_used(bench: Bench) -> None:
    for name in ("docker", "kubernetes"):
        folder = f"user/.pulumi/plugins/resource-{name}-v{version(f'pulumi-{name}')}"
        bench.folder.joinpath(folder).mkdir(parents=True)
        bench.folder.joinpath(folder, f"pulumi-resource-{name}").write_bytes(b"\x7fELF official")

    plugins.ensure(Path("/nowhere/pulumi"))

    placed = plugins.HOME / f"plugins/resource-docker-v{version('pulumi-docker')}/pulumi-resource-docker"
    assert placed.read_bytes() == b"\x7fELF official"
    assert not plugins.stand_ins_used()


@pytest.mark.usefixtures("bench", "site")
def test_without_official_plugins_this_projects_own_are_started_from_anywhere() -> None:
    plugins.ensure(Path("/nowhere/pulumi"))

    placed = plugins.HOME / f"plugins/resource-kubernetes-v{version('pulumi-kubernetes')}/pulumi-resource-kubernetes"
    assert os.access(placed, os.X_OK)
    assert '/.venv/bin/python -P -u -m sandbox.plugins.kubernetes "$@"' in placed.read_text()
    assert plugins.stand_ins_used()


def test_a_chosen_plugin_stays_when_the_site_answers_again(bench: Bench, site: Site) -> None:
    plugins.ensure(Path("/nowhere/pulumi"))
    bench.cache.joinpath("pulumi-site-refused").unlink()
    site.publish_cli()

    plugins.ensure(Path("/nowhere/pulumi"))

    assert plugins.stand_ins_used()


def test_official_plugins_are_installed_by_the_cli_into_the_cache(bench: Bench, site: Site) -> None:
    site.publish_cli()
    cli = bench.program(
        "pulumi",
        """
        [ "$1 $2 $3" = "plugin install resource" ] || exit 9
        folder="$PULUMI_HOME/plugins/resource-$4-v$5"
        mkdir -p "$folder"
        printf 'ELF %s' "$4" >"$folder/pulumi-resource-$4" """,
    )

    plugins.ensure(cli)

    placed = plugins.HOME / f"plugins/resource-docker-v{version('pulumi-docker')}/pulumi-resource-docker"
    assert placed.read_text() == "ELF docker"
    assert not plugins.stand_ins_used()


def test_a_plugin_that_cannot_be_downloaded_though_the_site_answers_is_replaced_by_this_projects(
    bench: Bench, site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    site.publish_cli()
    cli = bench.program("pulumi", "echo 'error: 502 from the site' >&2; exit 1")

    plugins.ensure(cli)

    assert plugins.stand_ins_used()
    assert "docker" in (said := capsys.readouterr().err)
    assert "can't be downloaded (error: 502 from the site): this project's is used" in said
