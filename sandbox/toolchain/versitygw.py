"""An S3 server over a folder, built from its Go module: for trying state in a bucket without one of IBM Cloud's."""

from __future__ import annotations

from pathlib import Path

from sandbox.toolchain.gobuild import Program

PROGRAM = Program(
    name="versitygw",
    what="the S3 server versitygw",
    folder=Path(__file__).parent / "versitygw",
    package="github.com/versity/versitygw/cmd/versitygw",
    pinned_by="github.com/versity/versitygw",
    version_symbol="main.Version={version}",
    usually=100,
)
