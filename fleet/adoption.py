"""`make adopt`: an import file for what the manual procedure has made, so that a stack goes on with it.

What exists is found by the names in the stack's settings; nothing is made, changed or removed but the stack's own
state and file. A key's value is shown once, so that the key found becomes that of epoch 1, and the stack begins with
epoch 2: the next update makes a key, proves it and puts it into the Secret, as every rotation does.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, cast

from base import files
from base.errors import SandboxError
from base.progress import say
from components.names import MARK
from fleet.connection import asked, connection
from fleet.kubectl import cluster_of
from fleet.recovery import NAME_KEYS
from fleet.stack import Stack, resources_of
from ibm_native.cloud.client import Cloud
from ibm_native.cloud.refusals import Job
from ibm_native.cloud.sdk import Json
from ibm_native.iam import lists
from ibm_native.iam.service_id import NEEDS_TO_SEE_KEYS

SPACE, IDENTITY, POLICY, KEY = (
    "ibm-native:registry:Namespace",
    "ibm-native:iam:ServiceId",
    "ibm-native:iam:AccessPolicy",
    "ibm-native:iam:ApiKey",
)
_PLACEHOLDER = "<PLACEHOLDER>"
_FIRST_KEY = "pull-key-1"
_WHAT = "look for what exists already"


def adopt(stack: Stack) -> int:
    """Write the import file and say what to type next; raises SandboxError, with nothing changed, if it can't be."""
    if any(each.get("custom") and not _is_provider(each) for each in resources_of(stack.export())):
        raise SandboxError(
            f"stack {stack.name} has resources already: an import file is for a stack that has none",
            f"pulumi preview --stack {stack.name}   shows them",
        )
    settings = stack.settings()
    to = connection(stack)
    in_cloud = asked(to, lambda cloud: _in_cloud(cloud, settings), "then run the same command again")
    found = in_cloud | _in_cluster(stack, settings)
    if not found:
        raise SandboxError(
            f"nothing exists under the names in stack {stack.name}'s settings",
            f"set the names that were used (pulumi config --stack {stack.name} shows them), or: pulumi up",
        )
    _make_parents(stack, settings, with_key=KEY in found)
    wanted = _import_file(stack)
    wanted["resources"] = [each for each in wanted["resources"] if _filled(each, found)]
    path = stack.folder / f"import-{stack.name}.json"
    files.write(path, json.dumps(wanted, indent=2) + "\n", 0o644)
    for each in wanted["resources"]:
        say(f"  found {each['type'].rpartition(':')[2]} {each['id']}")
    say(f"{path.name} names them; all else is made by the update. Next:")
    say(f"    pulumi import --file {path.name} --generate-code=false --stack {stack.name}")
    say(f"    pulumi up --stack {stack.name}")
    say(f"    pulumi preview --stack {stack.name}      # 0 changes")
    return 0


def _is_provider(resource: Mapping[str, Any]) -> bool:
    return str(resource["type"]).startswith("pulumi:providers:")


async def _in_cloud(cloud: Cloud, settings: Mapping[str, str]) -> dict[str, str]:
    """Return the import id of each type that the account has under the stack's names."""
    return {kind: each async for kind, each in _look(cloud, settings)}


async def _look(cloud: Cloud, settings: Mapping[str, str]) -> AsyncIterator[tuple[str, str]]:
    region, space = settings["region"], settings["registryNamespace"]
    spaces = await cloud.registry(
        region, Job(_WHAT, "the role Reader on Container Registry"), lambda api: api.list_namespace_details()
    )
    if any(each["name"] == space for each in cast("list[Json]", spaces.body)):
        yield SPACE, f"{region}/{space}"
    account = await cloud.account(_WHAT)
    job = Job(_WHAT, "the role Viewer on IAM Identity")
    identities = lists.service_ids(cloud, job, account, settings["serviceIdName"])
    identity = _only([str(each["id"]) async for each in identities], "service IDs", settings["serviceIdName"])
    if not identity:
        return
    yield IDENTITY, identity
    iam_id = f"iam-{identity}"
    keys = lists.api_keys(cloud, Job(_WHAT, NEEDS_TO_SEE_KEYS), account, iam_id=iam_id)
    named = [str(each["id"]) async for each in keys if each["name"] == settings["apiKeyName"]]
    if key := _only(named, "API keys", settings["apiKeyName"]):
        yield KEY, key
    policies = lists.policies(cloud, job, account, iam_id=iam_id)
    for_space = [str(each["id"]) async for each in policies if _is_for(each, region, space)]
    if policy := _only(for_space, "access policies", f"{settings['serviceIdName']} on {space}"):
        yield POLICY, policy


def _is_for(policy: Json, region: str, space: str) -> bool:
    attributes = cast("list[Json]", cast("Json", policy.get("resource") or {}).get("attributes") or [])
    values = {str(each["key"]): each["value"] for each in attributes}
    wanted = {"serviceName": "container-registry", "region": region, "resource": space}
    return wanted.items() <= values.items()


def _only(ids: list[str], what: str, name: str) -> str | None:
    if len(ids) > 1:
        raise SandboxError(
            f"there are {len(ids)} {what} called {name}: {', '.join(ids)}",
            "rename or delete those that the cluster doesn't use, then run the same command again",
        )
    return ids[0] if ids else None


def _in_cluster(stack: Stack, settings: Mapping[str, str]) -> dict[str, str]:
    """Return the import id of each kind that the cluster has; raises SandboxError for what another stack made."""
    cluster = cluster_of(stack)
    namespace = settings["kubernetesNamespace"]
    found: dict[str, str] = {}
    for kind, key in NAME_KEYS.items():
        metadata = cluster.metadata(kind, namespace, settings[key])
        if metadata is None:
            continue
        if owner := metadata.get("annotations", {}).get(MARK):
            raise SandboxError(
                f"{kind} {namespace}/{settings[key]} is stack {owner}'s",
                f"pulumi config set --plaintext {key} ANOTHER-NAME --stack {stack.name}",
            )
        found[f"kubernetes:core/v1:{kind}"] = f"{namespace}/{settings[key]}"
    return found


def _make_parents(stack: Stack, settings: Mapping[str, str], *, with_key: bool) -> None:
    """Put the components and the cluster's provider into the state: an import finds its parents there only.

    The engine's own import of a provider with a component above it writes a state that it can't read again.
    """
    values = {"protect": "true"}
    if with_key and settings["keyEpoch"] == "1":
        values["keyEpoch"] = "2"
    pairs = [word for pair in values.items() for word in ("--plaintext", "=".join(pair))]
    stack.ask("config", "set-all", *pairs, "--stack", stack.name)
    planned = _import_file(stack)
    urns: dict[str, str] = {}
    project = f"urn:pulumi:{stack.name}::{stack.project}::"
    for each in planned["resources"]:
        if each.get("component") or _is_provider(each):
            above = urns.get(each.get("parent", ""), "")
            types = f"{above.removeprefix(project).rpartition('::')[0]}$" if above else ""
            urns[each["name"]] = f"{project}{types}{each['type']}::{each.get('logicalName', each['name'])}"
    if urns:
        targets = [word for urn in urns.values() for word in ("--target", urn)]
        stack.ask("up", "--yes", "--skip-preview", "--stack", stack.name, *targets)


def _import_file(stack: Stack) -> dict[str, Any]:
    """Return the engine's own list of what an update would make, with a placeholder for each id."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "import.json")
        stack.ask("preview", "--stack", stack.name, "--import-file", os.fspath(path))
        return cast("dict[str, Any]", json.loads(path.read_text()))


def _filled(resource: dict[str, Any], found: Mapping[str, str]) -> bool:
    """Put the id of what exists in place of the placeholder; returns whether there is one."""
    if resource.get("id") != _PLACEHOLDER or resource["type"] not in found:
        return False
    if resource["type"] == KEY and resource.get("logicalName", resource["name"]) != _FIRST_KEY:
        return False
    resource["id"] = found[resource["type"]]
    return True
