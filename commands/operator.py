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
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from base.errors import SandboxError
from base.paths import CHECKOUT
from base.progress import say
from commands import git_server, workspace_image
from commands.operator_install import REMEDY, MissingError, Operator, found, give, installed
from fleet import account, inventory, new_stack
from fleet.connection import asked
from fleet.export import write
from fleet.kubectl import Cluster
from fleet.operator_manifests import Place, manifests
from fleet.operator_schema import check
from ibm_native.cloud.connection import Connection
from sandbox import addresses, machine, toolchain
from sandbox.endpoints import object_store
from sandbox.host.layout import current
from sandbox.images import docker_engine
from sandbox.kubernetes import network
from sandbox.toolchain import environment

_SOURCE = ("Pulumi.yaml", "__main__.py", "requirements.txt", "config", "components", "ibm_native", "app")
_STACKS = {"op-one": "jp-tok", "op-two": "jp-tok", "op-three": "us-south"}
_NAMESPACE = "pulumi-operated"
_LIMIT = 900.0


def run(words: Sequence[str]) -> int:
    """Return 0 if all of it was seen, 1 if not; what can't be had is 0 only with --if-available."""
    parser = argparse.ArgumentParser(prog="make operator", description=__doc__)
    parser.add_argument("--if-available", action="store_true", help="exit status 0 where the operator can't be had")
    given = parser.parse_args(words)
    try:
        with found(os.environ) as operator:
            _go(operator)
    except MissingError as missing:
        say(f"make operator: {missing}")
        return 0 if given.if_available else 1
    return 0


def _go(operator: Operator) -> None:
    machine.up(sorted(set(_STACKS.values())))
    layout, tools = current(), toolchain.ensure()
    cluster = Cluster(environment.process_environment(), "")
    connection = Connection(
        api_key=layout.deployer_key.read_text().strip(),
        iam_endpoint=f"http://{addresses.IAM_ADDRESS}",
        registry_endpoints={each: f"http://{addresses.REGISTRY_ADDRESSES[each]}" for each in set(_STACKS.values())},
    )

    def held() -> set[tuple[str, str]]:
        there = asked(connection, lambda cloud: account.held(cloud, sorted(set(_STACKS.values()))), REMEDY)
        return {(each.kind, each.id) for each in there}

    before = held()
    with tempfile.TemporaryDirectory() as folder, installed(operator, layout, tools, cluster):
        work = Path(folder)
        image = give(layout, tools, workspace_image.make(docker_engine.engine(layout), tools))
        cluster.run("create", "namespace", _NAMESPACE)
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
            _apply_secret(cluster, place.secret, variables)
            try:
                cluster.run("apply", "-k", str(work / "out"))
                _wait("three stacks are Ready", _all_at(cluster, _git(clone, "rev-parse", "HEAD")))
                policies = {each for each in held() - before if each[0] == "access policy"}
                broken = min(policies)
                asked(connection, lambda cloud: _remove(cloud, broken[1]), REMEDY)
                _wait(
                    "a deleted policy is made again",
                    lambda: sum(kind == "access policy" for kind, _ in held() - before) == len(policies),
                )
                (clone / "app/index.html").write_text("a page by a commit\n")
                _git(clone, "commit", "--quiet", "--all", "--message", "Change the page")
                _git(clone, "push", "--quiet", "origin", "main")
                _wait("a new commit is on all three", _all_at(cluster, _git(clone, "rev-parse", "HEAD")))
            finally:
                cluster.run("delete", "stacks.pulumi.com", "--all", "--namespace", _NAMESPACE, "--wait=false")
                try:
                    # With its rights, and the namespace that its workspace is in: only then can a Stack be destroyed.
                    _wait("all is destroyed", lambda: not _stacks(cluster))
                finally:
                    cluster.run("delete", "-k", str(work / "out"), "--ignore-not-found", "--wait=false")
                    cluster.run("delete", "namespace", _NAMESPACE, "--wait=false")
    left = held() - before
    say(f"left in the account: {', '.join(map(' '.join, sorted(left))) or 'nothing'}")
    if left:
        raise SandboxError("something is left", "fleet drift   names what no stack knows")


async def _remove(cloud: account.Cloud, policy: str) -> None:
    await account.remove(cloud, account.Held("access policy", policy, ""))


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


def _apply_secret(cluster: Cluster, name: str, values: Mapping[str, str]) -> None:
    about = {"name": name, "namespace": _NAMESPACE}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": about, "stringData": dict(values)}
    cluster.run("apply", "--filename", "-", given=json.dumps(secret))


def _all_at(cluster: Cluster, commit: str) -> Callable[[], bool]:
    """Return what tells whether every stack is Ready, and its last update of this commit."""

    def ready(stack: dict[str, Any]) -> bool:
        status: dict[str, Any] = stack.get("status", {})
        conditions: list[dict[str, str]] = status.get("conditions", [])
        good = any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
        return good and status.get("lastUpdate", {}).get("lastSuccessfulCommit") == commit

    def there() -> bool:
        stacks = _stacks(cluster)
        return len(stacks) == len(_STACKS) and all(map(ready, stacks))

    return there


def _stacks(cluster: Cluster) -> list[dict[str, Any]]:
    return json.loads(cluster.run("get", "stacks.pulumi.com", "--namespace", _NAMESPACE, "--output", "json"))["items"]


def _wait(what: str, there: Callable[[], bool]) -> None:
    began = time.monotonic()
    while not there():
        if time.monotonic() - began > _LIMIT:
            raise SandboxError(f"after {_LIMIT:.0f} s it is not so that {what}", REMEDY)
        time.sleep(2)
    say(f"  ok  {what}, after {time.monotonic() - began:.0f} s")
