"""State in an S3 server, as in a bucket of IBM Cloud Object Storage: lock, killed run, wrong key, nothing in clear."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from base.paths import CHECKOUT
from sandbox import toolchain
from sandbox.endpoints import object_store
from sandbox.endpoints.object_store import ObjectStore
from sandbox.toolchain import environment

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]
"""The server is built where the cache has none."""

PROJECT = f"name: bucket\nruntime:\n  name: python\n  options:\n    virtualenv: {CHECKOUT}/.venv\n"
PROGRAM = """
import pathlib, time
import pulumi

pulumi.export("token", pulumi.Output.secret("canary-in-the-state"))
while pathlib.Path("wait").exists():
    pathlib.Path("waiting").touch()
    time.sleep(0.1)
"""
"""Runs for as long as there is a file `wait`."""


@dataclass
class Bucket:
    """A project in `folder` whose state is in the store's bucket, in `data`."""

    folder: Path
    store: ObjectStore
    data: Path

    def start(self, *words: str, **variables: str) -> subprocess.Popen[str]:
        """Start the CLI with the bucket as its backend, and `variables` in its environment."""
        environ = environment.process_environment() | {
            **self.store.environ,
            "PULUMI_BACKEND_URL": self.store.url,
            **variables,
        }
        return subprocess.Popen(
            ["pulumi", *words, "--non-interactive"],
            cwd=self.folder,
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *words: str, **variables: str) -> tuple[int, str]:
        """Run the CLI to its end; returns its exit status and all that it said."""
        process = self.start(*words, **variables)
        text, _ = process.communicate()
        return process.returncode, text

    def up_that_waits(self) -> subprocess.Popen[str]:
        """Start an update, and return once its program runs."""
        (self.folder / "wait").touch()
        (self.folder / "waiting").unlink(missing_ok=True)
        process = self.start("up", "--yes", "--skip-preview", "--stack", "one")
        while not (self.folder / "waiting").exists():
            assert process.poll() is None, process.communicate()
            time.sleep(0.05)
        return process

    def locks(self) -> list[Path]:
        """Return the files of the locks that are held."""
        return [path for path in self.data.glob("buckets/state/.pulumi/locks/**/*.json") if path.is_file()]


@pytest.fixture
def bucket(tmp_path: Path) -> Iterator[Bucket]:
    toolchain.ensure()
    (tmp_path / "project").mkdir()
    (tmp_path / "project/Pulumi.yaml").write_text(PROJECT)
    (tmp_path / "project/__main__.py").write_text(PROGRAM)
    with object_store.serving(tmp_path / "store") as store:
        yield Bucket(tmp_path / "project", store, tmp_path / "store")


def test_a_bucket_is_locked_freed_after_a_kill_and_closed_to_a_wrong_key(bucket: Bucket) -> None:
    status, text = bucket.run("stack", "init", "one")
    assert status == 0, text

    first = bucket.up_that_waits()
    status, text = bucket.run("up", "--yes", "--skip-preview", "--stack", "one")
    assert status != 0
    assert "the stack is currently locked by 1 lock" in text
    (bucket.folder / "wait").unlink()
    assert first.wait() == 0
    first.communicate()
    assert bucket.locks() == []

    second = bucket.up_that_waits()
    second.send_signal(signal.SIGKILL)
    second.communicate()
    (bucket.folder / "wait").unlink()
    assert len(bucket.locks()) == 1
    status, text = bucket.run("up", "--yes", "--skip-preview", "--stack", "one")
    assert status != 0
    assert "locked" in text
    assert bucket.run("cancel", "--yes", "one")[0] == 0
    status, text = bucket.run("up", "--yes", "--skip-preview", "--stack", "one")
    assert status == 0, text

    status, text = bucket.run("stack", "ls", AWS_SECRET_ACCESS_KEY="wrong")
    assert status != 0
    assert "SignatureDoesNotMatch" in text

    stored = [path for path in bucket.data.rglob("*") if path.is_file()]
    assert [path for path in stored if path.name == "one.json"], stored
    assert [path for path in stored if b"canary-in-the-state" in path.read_bytes()] == []
