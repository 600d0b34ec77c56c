"""Power cuts at random moments: the same command goes on to the same end, and nothing damaged is taken for whole."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import random
import signal
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from base import files, mounts, paths
from base.errors import SandboxError
from sandbox import addresses, machine
from sandbox.host import cgroups
from sandbox.host.layout import Layout
from sandbox.host.supervisor import Command, Supervisor
from sandbox.images import base_image, docker_engine
from sandbox.kubernetes import containerd
from sandbox.toolchain import cache, children, debian
from tests.e2e.cut_disk import CutDisk

pytestmark = pytest.mark.e2e

CHANCE = random.Random(8)  # noqa: S311 - no secret: it chooses moments, the same ones in every run
ENTRIES, FILES, SIZE = 6, 20, 100_000
PIPE_HOLDS = 65536
"""Bytes that a pipe takes on Linux before its writer waits."""
_OBTAIN = """
import sys
from tests.e2e.test_power_cuts import ENTRIES, obtain
for number in range(ENTRIES):
    obtain(number)
    print(number, flush=True)
"""


def _content(number: int, file: int) -> bytes:
    return hashlib.sha256(f"{number} {file}".encode()).digest() * (SIZE // 32)


def obtain(number: int) -> Path:
    """Obtain one entry of the cache, made of files whose contents are known."""

    def make(folder: Path) -> None:
        for file in range(FILES):
            folder.joinpath(str(file)).write_bytes(_content(number, file))

    return cache.obtain(f"tool-{number}", "the tool", make)


def _is_right(number: int, folder: Path) -> bool:
    return all(folder.joinpath(str(file)).read_bytes() == _content(number, file) for file in range(FILES))


@pytest.fixture
def disk() -> Iterator[CutDisk]:
    with tempfile.TemporaryDirectory(prefix="icr-") as folder:  # a short path, because unix sockets want one
        disk = CutDisk(Path(folder, "disk.img"), Path(folder, "d"))
        yield disk
        disk.unmount()


@pytest.mark.parametrize(("whole", "moment"), [(CHANCE.randint(1, 5), CHANCE.uniform(0, 0.2)) for _ in range(8)])
def test_after_a_cut_while_tools_are_obtained_those_that_were_said_to_be_there_are_and_the_others_follow(
    disk: CutDisk, monkeypatch: pytest.MonkeyPatch, whole: int, moment: float
) -> None:
    disk.format(64)
    disk.mount()
    monkeypatch.setenv("ICR_SANDBOX_CACHE", str(disk.place / "cache"))
    with subprocess.Popen(
        [sys.executable, "-c", _OBTAIN], cwd=paths.CHECKOUT, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as run:
        assert run.stdout
        said = [int(run.stdout.readline()) for _ in range(whole)]
        time.sleep(moment)
        os.killpg(run.pid, signal.SIGSTOP)
        copy = disk.snapshot()
        os.killpg(run.pid, signal.SIGKILL)
    disk.go_on_from(copy)
    monkeypatch.setattr(files, "boot", lambda: "after the cut")

    there = [number for number in range(ENTRIES) if cache.find(f"tool-{number}")]
    assert set(said) <= set(there)
    assert [number for number in there if not _is_right(number, disk.place / f"cache/tool-{number}")] == []
    assert [number for number in range(ENTRIES) if not _is_right(number, obtain(number))] == []


class Node:
    """containerd and a Docker Engine of their own on a disk whose power can be cut."""

    def __init__(self, disk: CutDisk) -> None:
        self.disk = disk
        self.layout = Layout(disk.place / "home")
        self.supervisor = Supervisor(self.layout)
        self.debian = debian.ensure()

    def start(self, *, docker: bool) -> None:
        """Start them, as `up` does."""
        machine.forget_earlier_boot(self.layout)
        files.write(self.layout.boot_id, files.boot())
        self.layout.make()
        files.write(self.layout.docker_host, f"unix://{self.layout.socket('docker')}\n")
        self.supervisor.cgroup.make()
        self.supervisor.ensure(containerd.part(self.layout), lambda: containerd.command(self.layout, self.debian))
        if docker:
            self.supervisor.ensure(docker_engine.part(self.layout), self._docker_command)

    def _docker_command(self) -> Command:
        # No container runs here, and a sandbox beside this one may have the network.
        command = docker_engine.command(self.layout, self.debian)
        words = [word for word in map(str, command.arguments) if not word.startswith(("--bridge", "--bip"))]
        return Command([*words, "--bridge=none"], command.environ)

    def cut(self, during: Callable[[], None], after: float) -> None:
        """Cut the power `after` seconds from when `during` began, and mount what is left."""

        def work() -> None:
            with contextlib.suppress(Exception):
                during()

        thread = threading.Thread(target=work)
        thread.start()
        thread.join(after)
        cgroups.send(self.supervisor.cgroup.everyone(), signal.SIGSTOP)
        copy = self.disk.snapshot()
        self.end()
        children.stop_all()
        thread.join()
        self.disk.go_on_from(copy)

    def end(self) -> None:
        """Kill them."""
        assert cgroups.kill_all(self.supervisor.cgroup) == set()
        mounts.remove_below(self.layout.root)
        self.supervisor.cgroup.remove()

    def ctr(self, *words: str | Path) -> None:
        """Run containerd's own client."""
        subprocess.run(
            [self.debian.binary("ctr"), "-a", self.layout.socket("containerd"), "-n", "k8s.io", *words],
            check=True,
            capture_output=True,
            env=containerd.environ(self.layout, self.debian),
        )


@pytest.fixture
def node(disk: CutDisk) -> Iterator[Node]:
    node = Node(disk)
    yield node
    node.end()


def test_containerd_that_ends_while_it_takes_an_image_is_told(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its client tries again for ever where it was about to send a blob."""
    monkeypatch.setattr(containerd, "_LIMIT", "3s")
    node.disk.format(96)
    node.disk.mount()
    node.start(docker=False)
    archive = node.layout.run / "image.tar"
    os.mkfifo(archive)
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as tar:
        for name, text in (("manifest.json", b"[" + b" " * PIPE_HOLDS * 2 + b"]"), ("layer.tar", b"a layer")):
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text))
    with ThreadPoolExecutor(1) as pool:
        giving = pool.submit(containerd.give_image, node.layout, node.debian, archive)
        with archive.open("wb", buffering=0) as pipe:
            # More than the pipe holds: what has begun to read it has containerd's promise to take an image.
            pipe.write(content.getvalue()[: PIPE_HOLDS * 3 // 2])
            node.end()
            pipe.write(content.getvalue()[PIPE_HOLDS * 3 // 2 :])
        with pytest.raises(SandboxError, match="containerd did not take"):
            giving.result(60)


@pytest.mark.parametrize("moment", [*(CHANCE.uniform(0, 0.5) for _ in range(4)), 30], ids=str)
def test_after_a_cut_the_image_that_starts_a_pod_is_whole(
    node: Node, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, moment: float
) -> None:
    node.disk.format(96)
    node.disk.mount()
    node.start(docker=False)
    node.cut(lambda: containerd.ensure_pause_image(node.layout, node.debian), moment)

    monkeypatch.setattr(files, "boot", lambda: "after the cut")
    node.start(docker=False)
    containerd.ensure_pause_image(node.layout, node.debian)

    mounted = tmp_path / "image"
    mounted.mkdir()
    node.ctr("images", "mount", containerd.PAUSE_IMAGE, mounted)
    try:
        assert mounted.joinpath("pause").read_bytes() == node.debian.binary("catatonit").read_bytes()
    finally:
        node.ctr("images", "unmount", "--rm", mounted)


@pytest.mark.parametrize("moment", [CHANCE.uniform(0, 3), 60], ids=str)
def test_after_a_cut_the_base_image_is_whole(node: Node, monkeypatch: pytest.MonkeyPatch, moment: float) -> None:
    node.disk.format(600)
    node.disk.mount()
    node.start(docker=True)
    node.cut(lambda: base_image.ensure(node.layout, node.debian), moment)

    monkeypatch.setattr(files, "boot", lambda: "after the cut")
    node.start(docker=True)
    base_image.ensure(node.layout, node.debian)

    with docker_engine.engine(node.layout).client(timeout=60) as client:
        # The engine compares every file with its checksum while it packs them.
        saved = client.get(f"/images/{addresses.BASE_IMAGE}/get")
    assert saved.status_code == 200
    assert len(saved.content) > 10 << 20
