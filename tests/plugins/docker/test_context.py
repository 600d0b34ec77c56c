"""A build context's digest."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from sandbox.plugins.docker import context
from sandbox.plugins.serving import PluginError

pytestmark = pytest.mark.plugins


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a project whose context is `app`, and go there, as the engine starts plugins."""
    write("app/Dockerfile", "FROM scratch\n", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(name: str, text: str, project: Path) -> Path:
    path = project / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o644)
    return path


def digest() -> str:
    return context.digest("app", "app/Dockerfile")


def record(name: str, mode: str, content: str) -> bytes:
    return name.encode() + mode.encode() + hashlib.sha256(content.encode()).digest() + b"\0"


def test_the_digest_is_over_names_modes_and_contents_folder_by_folder(project: Path) -> None:
    """`a.txt` comes after what lies in `a`, since folders are walked in the order of their own names."""
    write("app/a.txt", "2", project)
    write("app/a/z", "1", project).chmod(0o755)
    (project / "app/link").symlink_to("a/z")
    expected = hashlib.sha256(
        record("Dockerfile", "----------", "FROM scratch\n")
        + record("Dockerfile", "-rw-r--r--", "FROM scratch\n")
        + record("a/z", "-rwxr-xr-x", "1")
        + record("a.txt", "-rw-r--r--", "2")
        + record("link", "Lrwxrwxrwx", "app/a/z")
    ).hexdigest()
    assert digest() == expected


@pytest.mark.parametrize(
    ("target", "content"),
    [("/etc/hostname", "/etc/hostname"), ("../outside", "outside"), ("chain", "app/Dockerfile")],
)
def test_a_link_counts_by_where_it_leads(project: Path, target: str, content: str) -> None:
    """As Go resolves it: relative to the project as long as the links are relative."""
    write("outside", "", project)
    (project / "app/chain").symlink_to("./Dockerfile")
    (project / "app/z").symlink_to(target)
    wanted = hashlib.sha256(
        record("Dockerfile", "----------", "FROM scratch\n")
        + record("Dockerfile", "-rw-r--r--", "FROM scratch\n")
        + record("chain", "Lrwxrwxrwx", "app/Dockerfile")
        + record("z", "Lrwxrwxrwx", content)
    ).hexdigest()
    assert digest() == wanted


def test_what_dockerignore_names_does_not_count(project: Path) -> None:
    write("app/.dockerignore", "*.log\n", project)
    before = digest()
    write("app/build.log", "x", project)
    assert digest() == before
    write("app/page", "x", project)
    assert digest() != before


def test_the_dockerfiles_own_ignore_file_comes_first(project: Path) -> None:
    write("app/.dockerignore", "page\n", project)
    write("app/page", "1", project)
    before = digest()
    write("app/Dockerfile.dockerignore", "# nothing is ignored\n", project)
    with_page = digest()
    write("app/page", "2", project)
    assert len({before, with_page, digest()}) == 3


def test_a_dockerfile_outside_the_context_counts(project: Path) -> None:
    dockerfile = write("other.Dockerfile", "FROM scratch\n", project)
    before = context.digest("app", "other.Dockerfile")
    dockerfile.write_text("FROM other\n")
    assert context.digest("app", "other.Dockerfile") != before


@pytest.mark.parametrize(
    ("mode", "text"),
    [
        (0o100644, "-rw-r--r--"),
        (0o104755, "urwxr-xr-x"),
        (0o106755, "ugrwxr-xr-x"),
        (0o101777, "trwxrwxrwx"),
        (0o120777, "Lrwxrwxrwx"),
        (0o040755, "drwxr-xr-x"),
        (0o020666, "Dcrw-rw-rw-"),
        (0o010600, "prw-------"),
    ],
)
def test_modes_are_written_as_go_writes_them(mode: int, text: str) -> None:
    assert context.go_mode(mode) == text


def test_a_context_that_is_not_there_is_named() -> None:
    with pytest.raises(PluginError, match="unable to hash build context: nowhere: No such file"):
        context.digest("nowhere", "app/Dockerfile")


def test_a_link_into_nothing_is_named(project: Path) -> None:
    (project / "app/broken").symlink_to("nothing")
    with pytest.raises(PluginError, match="app/nothing: No such file"):
        digest()


def test_a_link_that_leads_to_itself_is_no_endless_walk(project: Path) -> None:
    (project / "app/loop").symlink_to("loop")
    with pytest.raises(PluginError, match="too many links"):
        digest()
