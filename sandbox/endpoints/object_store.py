"""An S3 server for as long as a block runs: buckets are folders, and every request's signature is checked."""

from __future__ import annotations

import secrets
import socket
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from base.errors import SandboxError
from sandbox.toolchain import versitygw

_REGION = "us-east-1"
_LIMIT = 30.0


@dataclass(frozen=True)
class ObjectStore:
    """`url` is a Pulumi backend in the server's one bucket; `environ` holds the credentials."""

    url: str
    environ: dict[str, str] = field(repr=False)


@contextmanager
def serving(folder: Path, host: str = "127.0.0.1") -> Generator[ObjectStore]:
    """Serve the bucket `state` below `folder`, on a free port of `host`; raises SandboxError if it doesn't start."""
    program = versitygw.PROGRAM.ensure()
    for part in ("buckets/state", "attributes"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    with socket.socket() as probe:
        probe.bind((host, 0))
        port = probe.getsockname()[1]
    access, secret = "sandbox", secrets.token_urlsafe(24)
    command = [program, "--quiet", "--port", f"{host}:{port}", "--region", _REGION, "posix"]
    command += ["--sidecar", folder / "attributes", folder / "buckets"]
    with (folder / "log").open("ab") as log:
        environ = {"ROOT_ACCESS_KEY": access, "ROOT_SECRET_KEY": secret, "HOME": str(folder)}
        process = subprocess.Popen([str(word) for word in command], env=environ, stdout=log, stderr=log)
        try:
            _await(process, host, port, folder / "log")
            yield ObjectStore(
                f"s3://state?region={_REGION}&endpoint=http://{host}:{port}&s3ForcePathStyle=true",
                {
                    "AWS_ACCESS_KEY_ID": access,
                    "AWS_SECRET_ACCESS_KEY": secret,
                    "AWS_RESPONSE_CHECKSUM_VALIDATION": "when_required",
                },
            )
        finally:
            process.terminate()
            process.wait()


def _await(process: subprocess.Popen[bytes], host: str, port: int, log: Path) -> None:
    deadline = time.monotonic() + _LIMIT
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection((host, port), timeout=1):
            return
        time.sleep(0.05)
    raise SandboxError(f"The S3 server did not start; its log ends: {log.read_text()[-300:]}", f"read {log}")
