"""`make operator`: the real Pulumi Kubernetes Operator on the sandbox, with three stacks of this project.

Makes them Ready, changes a commit, breaks something by hand, deletes them with what they made, and says how long each
took and what is left. The operator is what OPERATOR names (an image's archive, as `docker save` writes it), with its
custom resources from OPERATOR_CRDS; else both are downloaded.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

import httpx

from base.errors import SandboxError
from base.paths import CHECKOUT
from base.progress import say
from commands import git_server, workspace_image
from fleet import account, inventory, new_stack
from fleet.connection import asked
from fleet.export import write
from fleet.operator_manifests import Place, manifests
from fleet.operator_schema import check
from ibm_native.cloud.connection import Connection
from sandbox import addresses, machine, toolchain
from sandbox.endpoints import object_store
from sandbox.host.layout import Layout, current
from sandbox.images import docker_engine
from sandbox.kubernetes import containerd, network
from sandbox.toolchain import environment

VERSION = "2.9.0"
MANIFEST = (
    f"https://raw.githubusercontent.com/pulumi/pulumi-kubernetes-operator/v{VERSION}/deploy/quickstart/install.yaml"
)
_OWN = CHECKOUT / "commands/operator.yaml"
_SOURCE = ("Pulumi.yaml", "__main__.py", "requirements.txt", "config", "components", "ibm_native", "app")
_STACKS = {"op-one": "jp-tok", "op-two": "jp-tok", "op-three": "us-south"}
_NAMESPACE = "pulumi-operated"
_LIMIT = 900.0
_REMEDY = "look at: kubectl get stacks,workspaces,pods -A; then the same again"


class MissingError(Exception):
    """The operator can't be had; the text says what is missing, in a line."""


@dataclass(frozen=True)
class Operator:
    """`manifest` is YAML; `archive` the image's, where it isn't pulled; `crds` a folder, where `manifest` has none."""

    manifest: str
    archive: Path | None = None
    crds: Path | None = None


def run(words: Sequence[str]) -> int:
    """Return 0 if all of it was seen, 1 if not; what can't be had is 0 only with --if-available."""
    parser = argparse.ArgumentParser(prog="make operator", description=__doc__)
    parser.add_argument("--if-available", action="store_true", help="exit status 0 where the operator can't be had")
    given = parser.parse_args(words)
    try:
        operator = find(os.environ)
    except MissingError as missing:
        say(f"make operator: {missing}")
        return 0 if given.if_available else 1
    _go(operator)
    return 0


def find(environ: Mapping[str, str]) -> Operator:
    """Return the operator that the environment names, or the one that can be downloaded; raises MissingError."""
    archive, crds = environ.get("OPERATOR"), environ.get("OPERATOR_CRDS")
    if archive:
        if not crds:
            raise MissingError("OPERATOR is given, and OPERATOR_CRDS, a folder of its custom resources, is not")
        for path in (Path(archive), Path(crds)):
            if not path.exists():
                raise MissingError(f"{path} isn't there")
        manifest = Template(_OWN.read_text()).substitute(image=image_in(Path(archive)))
        return Operator(manifest, Path(archive), Path(crds))
    try:
        answer = httpx.get(MANIFEST, timeout=10, follow_redirects=True)
        answer.raise_for_status()
    except httpx.HTTPError as error:
        raise MissingError(
            f"{MANIFEST} can't be had ({error}), and OPERATOR (an archive of the operator's image) isn't set"
        ) from None
    return Operator(answer.text)


def image_in(archive: Path) -> str:
    """Return the name of the image in an archive; raises MissingError if it is none."""
    try:
        with tarfile.open(archive) as tar:
            member = tar.extractfile("manifest.json")
            listed: list[dict[str, list[str]]] = json.load(member) if member else []
        return listed[0]["RepoTags"][0]
    except (tarfile.TarError, KeyError, IndexError, ValueError, OSError) as error:
        raise MissingError(f"{archive} is no archive of an image, as `docker save` writes it ({error})") from None


def _go(operator: Operator) -> None:
    machine.up(sorted(set(_STACKS.values())))
    layout, tools = current(), toolchain.ensure()
    connection = Connection(
        api_key=layout.deployer_key.read_text().strip(),
        iam_endpoint=f"http://{addresses.IAM_ADDRESS}",
        registry_endpoints={each: f"http://{addresses.REGISTRY_ADDRESSES[each]}" for each in set(_STACKS.values())},
    )

    def held() -> set[tuple[str, str]]:
        there = asked(connection, lambda cloud: account.held(cloud, sorted(set(_STACKS.values()))), _REMEDY)
        return {(each.kind, each.id) for each in there}

    before = held()
    with tempfile.TemporaryDirectory() as folder, _installed(operator, layout, tools):
        work = Path(folder)
        image = _workspace_image(layout, tools, work)
        with (
            object_store.serving(work / "store", network.GATEWAY) as store,
            git_server.serving(
                work / "git", network.GATEWAY, layout.pki / "front.crt", layout.pki / "front.key"
            ) as served,
        ):
            clone = _repository(work)
            place = Place(
                image=image,
                repository=f"{served}/team/delivery.git",
                namespace=_NAMESPACE,
                backend=store.url,
                docker_host=docker_engine.chosen(layout),
                resync_seconds=60,
                destroy_with_stack=True,
            )
            made = {f"{name}.yaml": manifests(inventory.read(clone, name), place) for name in _STACKS}
            check([each for objects in made.values() for each in objects], operator.crds)
            write(work / "out", made)
            variables = {
                **store.environ,
                "IBMCLOUD_API_KEY": layout.deployer_key.read_text().strip(),
                "PULUMI_CONFIG_PASSPHRASE": (CHECKOUT / "sandbox/dev.passphrase").read_text().strip(),
            }
            _apply_secret(place.secret, variables)
            try:
                _kubectl("apply", "-k", str(work / "out"))
                _wait("three stacks are Ready", _all_at(_commit(clone)))
                policies = {each for each in held() - before if each[0] == "access policy"}
                broken = min(policies)
                asked(connection, lambda cloud: _remove(cloud, broken[1]), _REMEDY)
                _wait(
                    "a deleted policy is made again",
                    lambda: sum(kind == "access policy" for kind, _ in held() - before) == len(policies),
                )
                (clone / "app/index.html").write_text("a page by a commit\n")
                _git(clone, "commit", "--quiet", "--all", "--message", "Change the page")
                _git(clone, "push", "--quiet", "origin", "main")
                _wait("a new commit is on all three", _all_at(_commit(clone)))
            finally:
                _kubectl("delete", "stacks.pulumi.com", "--all", "--namespace", _NAMESPACE, "--wait=false")
            _wait("all is destroyed", lambda: not _stacks())
            _kubectl("delete", "-k", str(work / "out"), "--ignore-not-found")
            _kubectl("delete", "namespace", _NAMESPACE)
    left = held() - before
    say(f"left in the account: {', '.join(map(' '.join, sorted(left))) or 'nothing'}")
    if left:
        raise SandboxError("something is left", "fleet drift   names what no stack knows")


async def _remove(cloud: account.Cloud, policy: str) -> None:
    await account.remove(cloud, account.Held("access policy", policy, ""))


@contextmanager
def _installed(operator: Operator, layout: Layout, tools: toolchain.Tools) -> Generator[None]:
    """Have the operator run in the cluster while the block runs."""
    if operator.archive:
        containerd.give_image(layout, tools.debian, operator.archive)
    crds = ["--filename", str(operator.crds)] if operator.crds else []
    try:
        if crds:
            _kubectl("apply", "--server-side", *crds)
        _kubectl("apply", "--server-side", "--filename", "-", given=operator.manifest)
        _kubectl("create", "namespace", _NAMESPACE)
        _kubectl(
            *("wait", "--for=condition=Available", "deployment", "--all"),
            *("--namespace", "pulumi-kubernetes-operator", "--timeout=180s"),
        )
        yield
    finally:
        _kubectl("delete", "--ignore-not-found", "--wait=false", "--filename", "-", given=operator.manifest)
        _kubectl("delete", "namespace", _NAMESPACE, "--ignore-not-found", "--wait=false")
        if crds:
            _kubectl("delete", "--ignore-not-found", "--wait=false", *crds)


def _workspace_image(layout: Layout, tools: toolchain.Tools, work: Path) -> str:
    engine = docker_engine.engine(layout)
    built = workspace_image.make(engine, tools)
    workspace_image.save(engine, built, work / "image.tar")
    containerd.give_image(layout, tools.debian, work / "image.tar")
    return f"docker.io/{built}"


def _repository(work: Path) -> Path:
    """Make a repository of this project with the three stacks' files, and return a clone of it."""
    clone = work / "clone"
    clone.mkdir()
    for name in _SOURCE:
        source = CHECKOUT / name
        if source.is_dir():
            shutil.copytree(source, clone / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, clone / name)
    for name, region in _STACKS.items():
        new_stack.write(clone, name, new_stack.new_config(clone, name, region))
    bare = work / "git/team/delivery.git"
    bare.mkdir(parents=True)
    _git(bare, "init", "--quiet", "--bare", "--initial-branch=main")
    _git(clone, "init", "--quiet", "--initial-branch=main")
    _git(clone, "remote", "add", "origin", str(bare))
    (clone / ".gitignore").write_text(".venv\n")
    _git(clone, "add", "--all")
    _git(clone, "commit", "--quiet", "--message", "Begin")
    _git(clone, "push", "--quiet", "origin", "main")
    return clone


def _git(folder: Path, *words: str) -> str:
    who = ["-c", "user.name=sandbox", "-c", "user.email=sandbox@sandbox.invalid"]
    done = subprocess.run(["git", *who, *words], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SandboxError(f"git {words[0]}: {done.stderr.strip()}", "apt-get install git; then the same again")
    return done.stdout.strip()


def _commit(clone: Path) -> str:
    return _git(clone, "rev-parse", "HEAD")


def _apply_secret(name: str, values: Mapping[str, str]) -> None:
    about = {"name": name, "namespace": _NAMESPACE}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": about, "stringData": dict(values)}
    _kubectl("apply", "--filename", "-", given=json.dumps(secret))


def _all_at(commit: str) -> Callable[[], bool]:
    """Return what tells whether every stack is Ready, and its last update of this commit."""

    def ready(stack: dict[str, Any]) -> bool:
        status: dict[str, Any] = stack.get("status", {})
        conditions: list[dict[str, str]] = status.get("conditions", [])
        good = any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
        return good and status.get("lastUpdate", {}).get("lastSuccessfulCommit") == commit

    def there() -> bool:
        stacks = _stacks()
        return len(stacks) == len(_STACKS) and all(map(ready, stacks))

    return there


def _stacks() -> list[dict[str, Any]]:
    return json.loads(_kubectl("get", "stacks.pulumi.com", "--namespace", _NAMESPACE, "--output", "json"))["items"]


def _wait(what: str, there: Callable[[], bool]) -> None:
    began = time.monotonic()
    while not there():
        if time.monotonic() - began > _LIMIT:
            raise SandboxError(f"after {_LIMIT:.0f} s it is not so that {what}", _REMEDY)
        time.sleep(2)
    say(f"  ok  {what}, after {time.monotonic() - began:.0f} s")


def _kubectl(*words: str, given: str = "") -> str:
    environ = environment.process_environment()
    done = subprocess.run(["kubectl", *words], env=environ, input=given, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SandboxError(f"kubectl {' '.join(words)}: {done.stderr.strip()[:500]}", _REMEDY)
    return done.stdout
