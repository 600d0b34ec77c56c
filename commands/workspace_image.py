"""The workspace image: what runs a stack of this project in a Pod, under the Pulumi Kubernetes Operator or without it.

In it, and why: Debian's Python with what its packages need; the locked run-time packages, as the virtual environment
that Pulumi.yaml names, with pip, because the operator runs `pulumi install`; the CLI, its language host, and the
plugins for Docker and Kubernetes, which `pulumi install` would fetch; and the provider on PATH, because a stack is
destroyed in a folder that has no source. This project's own plugins, where they are used, bring kubectl and docker. No
git, no compiler, no shell but dash.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import shutil
import sys
import sysconfig
import tarfile
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any

import httpx

from base.errors import SandboxError
from base.paths import CHECKOUT
from base.progress import step
from sandbox import toolchain
from sandbox.host.health import Endpoint
from sandbox.images import debian_root
from sandbox.toolchain import DebianTree, cache, children, launchers, plugins, system

NAME = "pulumi-workspace"
_LOCAL = f"sandbox/{NAME}:1"
_PYTHON = "3.11"
"""Of Debian's release `debian_root.SUITE`."""
_PLATFORMS = {"amd64": "x86_64-manylinux_2_36", "arm64": "aarch64-manylinux_2_36"}
_PACKAGES = ("ca-certificates", "coreutils", "dash", "libc6", "libstdc++6", "python3")
_FINISH = r"""
set -e
printf 'root:x:0:0:root:/root:/bin/sh\npulumi:x:1000:1000:pulumi:/home/pulumi:/bin/sh\n' >"$1/etc/passwd"
printf 'root:x:0:\npulumi:x:1000:\n' >"$1/etc/group"
mkdir -p "$1/home/pulumi" "$1/etc/ssl/certs"
chmod 1777 "$1/tmp"
find "$1/usr/share/ca-certificates" -name '*.crt' -exec cat {} + >"$1/etc/ssl/certs/ca-certificates.crt"
chown -R 1000:1000 "$1/home/pulumi"
rm -rf "$1/usr/share/doc" "$1/usr/share/man" "$1/usr/share/locale"
"""
_RECIPE = hashlib.sha256("\n".join((debian_root.SUITE, *_PACKAGES, _FINISH)).encode()).hexdigest()[:12]
_BASE = f"sandbox/workspace-base:{_RECIPE}"
_HOME = Path("/home/pulumi")
_PULUMI = """
# A project's `.venv` is the image's, unless it brings its own.
if [ -f Pulumi.yaml ] && [ ! -e .venv ] && [ -w . ]; then ln -s /home/pulumi/.venv .venv; fi
exec /home/pulumi/lib/pulumi "$@"
"""


def make(engine: Endpoint, tools: toolchain.Tools) -> str:
    """Build the image on a Docker Engine, unless it has it; returns its name there. Raises SandboxError."""
    if not _has(engine, _BASE):
        debian_root.give(engine, _base(tools.debian), _BASE, [])
    with step("build the workspace image", usually=20), tempfile.TemporaryFile() as context:
        _write(context, tools)
        context.seek(0)
        told(engine, "/build", {"t": _LOCAL, "buildargs": json.dumps({"BASE": _BASE})}, debian_root.chunks(context))
    return _LOCAL


def _base(debian: DebianTree) -> Path:
    return debian_root.archive(f"workspace-base-{_RECIPE}", "workspace image's base", _PACKAGES, _FINISH, debian)


def save(engine: Endpoint, image: str, archive: Path) -> None:
    """Write an image to a file, as `docker save` does."""
    with engine.client(timeout=900) as client, client.stream("GET", f"/images/{image}/get") as answer:
        answer.raise_for_status()
        with archive.open("wb") as file:
            for chunk in answer.iter_bytes():
                file.write(chunk)


def push(engine: Endpoint, image: str, target: str, key: str) -> str:
    """Push an image as `target` (host/namespace/name:tag) with an API key; returns its reference by digest."""
    repository, _, tag = target.rpartition(":")
    login = {"username": "iamapikey", "password": key, "serveraddress": repository.partition("/")[0]}
    headers = {"X-Registry-Auth": base64.urlsafe_b64encode(json.dumps(login).encode()).decode()}
    with step(f"push {target}", usually=20):
        with engine.client() as client:
            client.post(f"/images/{image}/tag", params={"repo": repository, "tag": tag}).raise_for_status()
        said = told(engine, f"/images/{repository}/push", {"tag": tag}, headers=headers)
    digest = next(each["aux"]["Digest"] for each in said if "Digest" in each.get("aux", {}))
    return f"{repository}@{digest}"


def told(
    engine: Endpoint,
    path: str,
    parameters: dict[str, str],
    content: Iterator[bytes] | None = None,
    headers: dict[str, str] | None = None,
) -> list[dict[str, Any]]:
    """Return the messages of a long request to the engine; raises SandboxError with the one that is an error."""
    try:
        with engine.client(timeout=900) as client:
            answer = client.post(path, params=parameters, content=content, headers=headers)
    except (httpx.HTTPError, OSError) as error:
        raise _refused(str(error)) from error
    said = [json.loads(line) for line in answer.text.splitlines() if line.startswith("{")]
    if error := next((each["error"] for each in said if "error" in each), None):
        raise _refused(str(error))
    if not answer.is_success:
        raise _refused(answer.text)
    return said


def _refused(reason: str) -> SandboxError:
    return SandboxError(f"The Docker Engine did not do it: {reason[:300]}", "make up   mends it; then the same again")


def _has(engine: Endpoint, image: str) -> bool:
    with engine.client() as client:
        return client.get(f"/images/{image}/json").is_success


def _write(context: IO[bytes], tools: toolchain.Tools) -> None:
    """Write the build's context: a virtual environment, and what lies in the user's home."""
    with tarfile.open(fileobj=context, mode="w") as tar:
        tar.add(CHECKOUT / "commands/workspace.Dockerfile", "Dockerfile")
        add_text(tar, "packages/pyvenv.cfg", f"home = /usr/bin\nversion = {_PYTHON}\n")
        for name in ("python", "python3"):
            link = tarfile.TarInfo(f"packages/bin/{name}")
            link.type, link.linkname = tarfile.SYMTYPE, f"/usr/bin/python{_PYTHON}"
            tar.addfile(link)
        site = f"packages/lib/python{_PYTHON}/site-packages"
        for each in sorted(_packages().glob("[!.]*")):
            tar.add(each, f"{site}/{each.name}")
        for each in Path(sysconfig.get_path("purelib")).glob("pip*"):
            if each.name == "pip" or each.name.startswith("pip-"):
                _tree(tar, each, f"{site}/{each.name}")
        _tree(tar, CHECKOUT / "ibm_native", f"{site}/ibm_native")
        _script(tar, "bin/pulumi-resource-ibm-native", 'exec /home/pulumi/.venv/bin/python -u -m ibm_native "$@"')
        _script(tar, "bin/pulumi", _PULUMI)
        _cli(tar, tools)


def _cli(tar: tarfile.TarFile, tools: toolchain.Tools) -> None:
    """Add CLI and plugins: the official ones as they are, this project's with the Python that runs them here."""
    own = f"PYTHONPATH={_HOME}/stand-ins exec {_HOME}/.venv/bin/python -P -u -m sandbox.plugins"
    for each in sorted(launchers.FOLDER.glob("pulumi*")):
        if _is_stand_in(each):
            _script(tar, f"lib/{each.name}", f'{own}.language_host "$@"')
        else:
            tar.add(each, f"tools/lib/{each.name}")
    for name in ("docker", "kubernetes"):
        plugin = plugins.binary(name)
        target = f".pulumi/{plugin.parent.relative_to(plugins.HOME)}"
        if _is_stand_in(plugin):
            _script(tar, f"{target}/{plugin.name}", f'{own}.{name} "$@"')
        else:
            tar.add(plugin.parent, f"tools/{target}")
    if plugins.stand_ins_used():
        _tree(tar, CHECKOUT / "sandbox/plugins", "tools/stand-ins/sandbox/plugins")
        tar.add(CHECKOUT / "sandbox/__init__.py", "tools/stand-ins/sandbox/__init__.py")
        tar.add(tools.node, "tools/lib/node")
        _script(tar, "bin/kubectl", f'exec {_HOME}/lib/node kubectl "$@"')
        tar.add(tools.debian.root / "usr/bin/docker", "tools/bin/docker")
        if tools.debian.docker_plugins.is_dir():
            tar.add(tools.debian.docker_plugins, "tools/.docker/cli-plugins")


def _is_stand_in(program: Path) -> bool:
    with program.open("rb") as file:
        return b"sandbox.plugins" in file.read(4096)


def _packages() -> Path:
    """Return a folder with the locked run-time packages, and what this project's docker plugin needs."""
    lock = (CHECKOUT / "requirements.txt").read_bytes()
    platform = _PLATFORMS[system.machine().go]
    key = hashlib.sha256(lock + f"{platform} {version('docker')}".encode()).hexdigest()[:12]
    uv = [Path(sys.executable).with_name("uv"), "pip", "install", "--quiet", "--only-binary=:all:"]
    uv += [f"--python-version={_PYTHON}", f"--python-platform={platform}"]

    def fill(folder: Path) -> None:
        for what in (
            ["--require-hashes", "--requirement", "requirements.txt"],
            ["--constraint", "requirements-dev.txt", f"docker=={version('docker')}"],
        ):
            done = children.run([*uv, "--target", folder, *what], folder=CHECKOUT)
            if done.status:
                raise SandboxError(
                    f"The workspace image's Python packages can't be had: {done.reason()}",
                    "make PyPI or your own index reachable for uv (UV_DEFAULT_INDEX), then run the command again",
                )
        shutil.rmtree(folder / "bin", ignore_errors=True)
        (folder / ".lock").unlink(missing_ok=True)

    return cache.obtain(f"workspace-packages-{key}", "the workspace image's Python packages", fill)


def _tree(tar: tarfile.TarFile, source: Path, target: str) -> None:
    tar.add(source, target, filter=lambda entry: None if "__pycache__" in entry.name else entry)


def _script(tar: tarfile.TarFile, name: str, body: str) -> None:
    add_text(tar, f"tools/{name}", f"#!/bin/sh\n{body.strip()}\n", mode=0o755)


def add_text(tar: tarfile.TarFile, name: str, text: str, mode: int = 0o644) -> None:
    """Add a file with this text."""
    entry = tarfile.TarInfo(name)
    content = text.encode()
    entry.size, entry.mode = len(content), mode
    tar.addfile(entry, io.BytesIO(content))
