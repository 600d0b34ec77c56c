"""The examples of the stand-in's page in docs/ work as they are printed."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from base.paths import CHECKOUT
from sandbox.cloud.advisor.advisories import Advisories

pytestmark = [pytest.mark.cloud, pytest.mark.sandbox_only]

PAGE = CHECKOUT.joinpath("docs/cloud.md").read_text()
PYTHON: list[str] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
(SHELL,) = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
(KNOWN,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("example", PYTHON)
def test_a_python_example_works(example: str) -> None:
    exec(example, {})  # noqa: S102 (our own page)


def test_there_are_three_examples() -> None:
    assert len(PYTHON) == 2
    assert SHELL


def test_the_file_of_known_vulnerabilities_is_one_that_the_advisor_reads(tmp_path: Path) -> None:
    tmp_path.joinpath("advisories.json").write_text(KNOWN)
    (known,) = Advisories(tmp_path / "advisories.json").known()
    assert known.applies({"openssl": "3.0.14-1~deb12u2"})
    assert not known.applies({"openssl": "3.0.15-1~deb12u1"})


def test_the_shell_example_works(tmp_path: Path) -> None:
    ports: list[str] = []
    with socket.socket() as one, socket.socket() as two:
        for each in (one, two):
            each.bind(("127.0.0.1", 0))
            ports.append(str(each.getsockname()[1]))
    script = SHELL.replace("7080", ports[0]).replace("7090", ports[1]).replace("cloud-data", str(tmp_path / "data"))
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    ran = subprocess.run(
        ["bash", "-m", "-c", f"{script}\nwait"],
        cwd=CHECKOUT,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert '{"status":"ready"}' in ran.stdout, ran
    assert '"apikeys":[{"' in ran.stdout
    assert "Service Unavailable: a fault of the sandbox." in ran.stdout
