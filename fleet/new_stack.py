"""Writes the file of a new stack: names of its own wherever two stacks would collide, and what to type next."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml

from base import files
from base.errors import SandboxError
from base.paths import CHECKOUT
from components.names import derived
from config import stack_files
from config.model import PROVIDER, Settings
from ibm_native.cloud.regions import FORMER_NAMES, REGISTRY_HOSTS
from sandbox import addresses

COLLIDING = {
    "registryNamespace": 30,
    "serviceIdName": 255,
    "apiKeyName": 255,
    "pullSecretName": 253,
    "serviceAccountName": 253,
    "podName": 63,
}
"""Keys that name what two stacks of one account and one cluster can't both make; each with its longest value."""

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")


def main(words: Sequence[str]) -> int:
    """Write a stack file and print what to type next; returns 0, or raises SandboxError with nothing written."""
    parser = argparse.ArgumentParser(prog="make stack", description=__doc__)
    parser.add_argument("--name", default="")
    parser.add_argument("--region", default="")
    parser.add_argument("--real", action="store_true", help="on IBM Cloud and a cluster of yours, not on the sandbox")
    parser.add_argument("--share", default="", metavar="STACK", help="use that stack's registry namespace")
    given = parser.parse_args(words)
    config = new_config(CHECKOUT, given.name, given.region, real=given.real, share=given.share)
    path = write(CHECKOUT, given.name, config)
    print(f"{path.name} is written. Next:")
    print("".join(f"    {line}\n" for line in next_steps(given.name, given.region, real=given.real)), end="")
    return 0


def new_config(folder: Path, name: str, region: str, *, real: bool = False, share: str = "") -> dict[str, Any]:
    """Return the config of a new stack of the project in `folder`, key by key.

    `share` names the stack of which it only uses the registry namespace. Raises SandboxError if it can't be had.
    """
    _check(folder, name, region)
    own = {key: derived(_default(key), name, longest) for key, longest in COLLIDING.items()}
    values: dict[str, Any] = {"region": region, **own}
    if share:
        values |= _shared(folder, share, region) | {"imageName": derived(_default("imageName"), name, 120)}
    if real:
        return values
    sandbox = {"imageBase": addresses.BASE_IMAGE, "kubernetesContext": "sandbox", "clusterIdentifier": "sandbox"}
    return {
        f"{PROVIDER}:iamEndpoint": f"http://{addresses.IAM_ADDRESS}",
        f"{PROVIDER}:registryEndpoints": {region: f"http://{addresses.REGISTRY_ADDRESSES[region]}"},
        **values,
        **sandbox,
    }


def write(folder: Path, name: str, config: dict[str, Any]) -> Path:
    """Write the stack's file into the project in `folder`; returns it."""
    path = folder / f"Pulumi.{name}.yaml"
    files.write(path, yaml.safe_dump({"config": config}, sort_keys=False, width=120), 0o644)
    return path


def next_steps(name: str, region: str, *, real: bool) -> list[str]:
    """Return the commands that lead from the stack's file to its Pod."""
    if real:
        before = [
            "export IBMCLOUD_API_KEY=...          # never a command's argument",
            "export KUBECONFIG=...",
            f"pulumi config set kubernetesContext CONTEXT --stack {name}      # as kubectl config get-contexts has it",
            f"pulumi config set clusterIdentifier ID --stack {name}",
            f"pulumi config set registryNamespace NAME --stack {name}      # unique in its region, for all accounts",
        ]
        made = [f"pulumi stack init {name}", *before[2:]]
        return [*before[:2], *made, f"pulumi up --stack {name}", f"make verify STACK={name}"]
    return [
        f".venv/bin/python -m sandbox up --region {region}      # as root",
        'eval "$(make env)"',
        f"pulumi stack init {name}",
        f"pulumi up --stack {name}",
        f"make verify STACK={name}",
    ]


def _check(folder: Path, name: str, region: str) -> None:
    again = f"make stack NAME={name or 'staging'} REGION={region or 'us-south'}"
    if not _NAME.fullmatch(name):
        wanted = "1 to 40 lowercase letters, digits and '-', with a letter or digit at both ends"
        raise SandboxError(
            f"NAME: got {name!r}, expected {wanted}: it becomes part of names in the registry and the cluster",
            f"make stack NAME=staging REGION={region or 'us-south'}",
        )
    if region not in REGISTRY_HOSTS:
        near = FORMER_NAMES.get(region) or next(iter(get_close_matches(region, REGISTRY_HOSTS, n=1)), "us-south")
        raise SandboxError(
            f"REGION: got {region!r}, expected one of {', '.join(sorted(REGISTRY_HOSTS))}",
            f"make stack NAME={name} REGION={near}",
        )
    if (folder / f"Pulumi.{name}.yaml").exists():
        raise SandboxError(f"Pulumi.{name}.yaml exists already", f"another NAME, or edit that file; then: {again}")


def _shared(folder: Path, share: str, region: str) -> dict[str, str]:
    try:
        config, _ = stack_files.read(folder, share)
    except FileNotFoundError:
        known = ", ".join(stack_files.stacks_of(folder))
        raise SandboxError(f"SHARE: there is no Pulumi.{share}.yaml", f"name one of: {known}") from None
    theirs = config.get("region", _default("region"))
    if theirs != region:
        raise SandboxError(
            f"SHARE: stack {share} is in {theirs}, and a registry namespace is of one region, here {region}",
            "name a stack of that region, or leave SHARE out",
        )
    return {
        "registryNamespace": config.get("registryNamespace", _default("registryNamespace")),
        "registryNamespaceMode": "use",
    }


def _default(key: str) -> str:
    return next(str(field.default) for field in Settings.model_fields.values() if field.alias == key)
