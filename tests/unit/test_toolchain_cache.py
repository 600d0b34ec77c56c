"""The cache: what is made counts only when whole, once, and for every run."""

from __future__ import annotations

import contextlib
import errno
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import Future
from pathlib import Path

import psutil
import pytest

from base import paths
from base.errors import SandboxError
from sandbox.toolchain import cache, children
from tests.unit.toolchain_bench import Bench

pytestmark = pytest.mark.unit


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(tmp_path, monkeypatch)


def put_tool(folder: Path) -> None:
    folder.joinpath("tool").write_text("whole")


def test_an_entry_is_made_once_and_found_from_then_on(bench: Bench) -> None:
    made = cache.obtain("tool-1", "the tool", put_tool)

    assert made == bench.cache / "tool-1"
    assert cache.find("tool-1") == made
    assert cache.obtain("tool-1", "the tool", lambda _: pytest.fail("it was made again")) == made


def test_what_failed_half_way_does_not_count_and_leaves_nothing(bench: Bench) -> None:
    def fail(folder: Path) -> None:
        put_tool(folder)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.obtain("tool-1", "the tool", fail)

    assert cache.find("tool-1") is None
    assert [path.name for path in bench.cache.iterdir()] == ["tool-1.lock"]


def test_what_a_killed_run_left_is_removed_by_the_next(bench: Bench) -> None:
    left = bench.cache / ".tool-1.abcdef"
    left.mkdir(parents=True)
    put_tool(left)

    cache.obtain("tool-1", "the tool", put_tool)

    assert not left.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount, and so leave a mount behind")
def test_what_a_killed_run_left_mounted_is_unmounted_and_not_emptied(bench: Bench, tmp_path: Path) -> None:
    elsewhere, left = tmp_path / "elsewhere", bench.cache / ".tool-1.abcdef/dev"
    elsewhere.mkdir()
    put_tool(elsewhere)
    left.mkdir(parents=True)
    subprocess.run(["/bin/mount", "--bind", elsewhere, left], check=True)

    cache.obtain("tool-1", "the tool", put_tool)

    assert (elsewhere / "tool").read_text() == "whole"
    assert not left.exists()


def test_a_second_run_waits_for_the_first_says_so_and_makes_nothing(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    begun, go_on = threading.Event(), threading.Event()
    times_made: list[Path] = []

    def make(folder: Path) -> None:
        times_made.append(folder)
        begun.set()
        go_on.wait()
        put_tool(folder)

    runs = [threading.Thread(target=cache.obtain, args=("tool-1", "the tool", make)) for _ in range(2)]
    runs[0].start()
    begun.wait()
    runs[1].start()
    said = ""
    while "waiting for another run that is busy with the tool" not in said:
        time.sleep(0.01)
        said += capsys.readouterr().err
    go_on.set()
    for run in runs:
        run.join()

    assert len(times_made) == 1
    assert (bench.cache / "tool-1/tool").read_text() == "whole"


@pytest.mark.parametrize(
    ("number", "message"), [(errno.ENOSPC, "is full"), (errno.EACCES, "can't be written"), (errno.EROFS, "Read-only")]
)
@pytest.mark.usefixtures("bench")
def test_a_disk_that_takes_nothing_is_one_clear_error(number: int, message: str) -> None:
    def refuse(folder: Path) -> None:
        raise OSError(number, os.strerror(number), str(folder))

    with pytest.raises(SandboxError, match=message) as caught:
        cache.obtain("tool-1", "the tool", refuse)

    assert "ICR_SANDBOX_CACHE" in caught.value.remedy
    assert cache.find("tool-1") is None


def test_a_cache_folder_that_cannot_be_made_is_one_clear_error(bench: Bench) -> None:
    bench.cache.write_text("a file is in the way")

    with pytest.raises(SandboxError, match=r"cache.*can't be written"):
        cache.obtain("tool-1", "the tool", put_tool)


@pytest.mark.parametrize("spoilt", ["", "half", "WHOLE", None])
def test_a_damaged_entry_counts_as_none_and_is_made_again_with_a_line_that_says_so(
    bench: Bench, capsys: pytest.CaptureFixture[str], spoilt: str | None
) -> None:
    tool = cache.obtain("tool-1", "the tool", put_tool) / "tool"
    if spoilt is None:
        tool.unlink()
    else:
        tool.write_text(spoilt)
    if spoilt == "WHOLE":  # as long as before: found when the contents are read, after the next start of the machine
        assert cache.find("tool-1")
        bench.cache.joinpath("tool-1/.checked").write_text("another run of the machine")

    assert cache.find("tool-1") is None
    cache.obtain("tool-1", "the tool", put_tool)

    assert tool.read_text() == "whole"
    assert f"{tool} is damaged: the tool is made again" in capsys.readouterr().err


def test_an_entry_whose_seal_is_damaged_counts_as_none(bench: Bench) -> None:
    cache.obtain("tool-1", "the tool", put_tool)
    bench.cache.joinpath("tool-1/.seal").write_text("")

    assert cache.find("tool-1") is None


def test_an_entry_of_an_earlier_version_has_no_seal_and_is_sealed_unless_a_program_in_it_is_empty(bench: Bench) -> None:
    earlier = bench.cache / "tool-1"
    earlier.mkdir(parents=True)
    put_tool(earlier)
    earlier.joinpath("empty.conf").touch()

    assert cache.find("tool-1") == earlier
    earlier.joinpath("tool").write_text("")
    assert cache.find("tool-1") is None, "it has been sealed"

    earlier.joinpath(".seal").unlink()
    earlier.joinpath("tool").chmod(0o755)
    assert cache.find("tool-1") is None


def test_a_dropped_entry_is_gone_and_dropping_nothing_is_no_error(bench: Bench) -> None:
    cache.obtain("tool-1", "the tool", put_tool)

    cache.drop("tool-1")
    cache.drop("tool-1")

    assert [path.name for path in bench.cache.iterdir()] == ["tool-1.lock"]


def test_a_small_file_is_written_only_when_that_changes_it(tmp_path: Path) -> None:
    script = tmp_path / "new/script"

    cache.write(script, "one", executable=True)
    first = script.stat()
    cache.write(script, "one", executable=True)
    assert script.stat().st_ino == first.st_ino

    cache.write(script, "two", executable=True)
    assert script.read_text() == "two"
    assert script.stat().st_mode & 0o777 == 0o755
    assert [path.name for path in script.parent.iterdir()] == ["script"]


def test_programs_of_other_threads_are_stopped_when_a_run_is_left_early(tmp_path: Path) -> None:
    started = tmp_path / "started"
    runs: list[Future[children.Result]] = []
    command = ["/bin/sh", "-c", f"touch {started}; sleep 60 & wait"]

    def be_cancelled() -> None:
        with children.workers(1) as pool:
            runs.append(pool.submit(children.run, command))
            while not started.exists():
                time.sleep(0.01)
            raise KeyboardInterrupt

    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        be_cancelled()

    assert isinstance(runs[0].exception(), children.CancelledError)
    assert time.monotonic() - began < 50
    assert children.run(["/bin/true"]).status == 0, "the next run is not held back by the cancelled one"


def test_work_that_waits_for_a_lock_gives_up_when_the_run_is_cancelled(bench: Bench) -> None:
    waits: list[Future[Path]] = []

    def be_cancelled() -> None:
        with cache.locked("tool-1", "the tool"), children.workers(1) as pool:
            waits.append(pool.submit(cache.obtain, "tool-1", "the tool", put_tool))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        be_cancelled()

    assert isinstance(waits[0].exception(), children.CancelledError)
    assert not (bench.cache / "tool-1").exists()


def test_a_program_ends_with_a_run_that_is_killed(tmp_path: Path) -> None:
    noted = tmp_path / "pid"
    script = f"from sandbox.toolchain import children; children.run(['sh', '-c', 'echo $$ >{noted}.new; "
    script += f"mv {noted}.new {noted}; exec sleep 60'])"
    with subprocess.Popen([sys.executable, "-c", script], cwd=paths.CHECKOUT) as run:
        while not noted.exists():
            time.sleep(0.01)
        run.kill()

    program = int(noted.read_text())
    with contextlib.suppress(psutil.NoSuchProcess):
        # A zombie has ended too; a container's first process may be one that collects none.
        while psutil.Process(program).status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.01)
