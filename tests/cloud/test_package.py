"""The stand-in as a distribution: what its users install works beside nothing but what it declares."""

from __future__ import annotations

import json
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

from base.paths import CHECKOUT
from tests import packages

pytestmark = [pytest.mark.cloud, pytest.mark.sandbox_only]

SOURCE = CHECKOUT / "sandbox/cloud"
KEY = "an-api-key-of-the-tests-own-that-is-long-enough"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return packages.wheel(SOURCE, tmp_path_factory.mktemp("package") / "wheel")


@pytest.fixture(scope="module")
def installed(wheel: Path) -> packages.Environment:
    return packages.Environment(wheel.parents[1] / "environment", wheel)


def test_the_source_distribution_makes_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    source = packages.source_distribution(SOURCE, tmp_path / "source")
    assert packages.wheel(source, tmp_path / "wheel").read_bytes() == wheel.read_bytes()


def test_the_command_answers_a_token(installed: packages.Environment, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ["--data", str(tmp_path / "data"), "--port", str(port), "--region", f"jp-tok=127.0.0.1:{port}"]
    command = [installed.programs / "ibm-cloud-stand-in", *words]
    with subprocess.Popen(command, cwd=tmp_path, env={"SANDBOX_ADMIN_APIKEY": KEY}) as process:
        try:
            token = ask_for_token(f"http://127.0.0.1:{port}/identity/token", process)
        finally:
            process.terminate()
    assert token["token_type"] == "Bearer"


def ask_for_token(url: str, process: subprocess.Popen[bytes]) -> dict[str, object]:
    form = {"grant_type": "urn:ibm:params:oauth:grant-type:apikey", "apikey": KEY}
    while process.poll() is None:
        try:
            with urllib.request.urlopen(url, urllib.parse.urlencode(form).encode()) as answer:
                return json.load(answer)
        except urllib.error.URLError:
            time.sleep(0.05)
    pytest.fail(f"the command ended with status {process.returncode}")


def test_the_page_s_test_passes_beside_folders_called_like_this_checkouts(
    installed: packages.Environment, tmp_path: Path
) -> None:
    (example,) = packages.python_of(SOURCE / "README.md")
    tmp_path.joinpath("test_example.py").write_text(example)
    for name in ("base", "sandbox"):
        tmp_path.joinpath(name).mkdir()
        tmp_path.joinpath(name, "__init__.py").touch()
    installed.add("pytest", "ibm-platform-services")
    said = packages.run([installed.programs / "python", "-m", "pytest", "-p", "no:cacheprovider"], tmp_path)
    assert "1 passed" in said


def test_the_license_is_the_projects() -> None:
    assert SOURCE.joinpath("LICENSE").read_text() == CHECKOUT.joinpath("LICENSE").read_text()
