"""Refuses to work on a stack with another account's key, or in another cluster, than its state was made with."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from base.errors import SandboxError
from fleet.connection import asked, connection
from fleet.kubectl import cluster_of
from fleet.stack import Stack, resources_of
from ibm_native.cloud.connection import API_KEY_VARIABLE, Connection

_ACCOUNT = re.compile(r":a/([0-9a-f]+):")
_lock = threading.Lock()
_accounts: dict[tuple[str, str], str] = {}
"""Account by endpoint and key: many stacks share both, and each would ask IAM again."""


def check(stack: Stack, state: Mapping[str, object]) -> None:
    """Raise SandboxError unless account and cluster are those that `state` (as exported) was made in.

    A state without resources says neither; nor does a missing key, of which the provider says what it needs.
    """
    resources = resources_of(state)
    _check_account(stack, resources)
    _check_cluster(stack, resources)


def _check_account(stack: Stack, resources: Sequence[Mapping[str, Any]]) -> None:
    of_state = {account for resource in resources for account in _account_of(resource)}
    if not of_state:
        return
    to = connection(stack)
    if not to.api_key:
        return
    live = _live_account(to)
    if live not in of_state:
        raise SandboxError(
            f"stack {stack.name} was made in account {', '.join(sorted(of_state))}, and ${API_KEY_VARIABLE} is a key "
            f"of account {live}",
            f"export ${API_KEY_VARIABLE} of the stack's own account; if it is to move, --no-guard, once",
        )


def _live_account(to: Connection) -> str:
    with _lock:
        known = (to.iam_endpoint, to.api_key or "")
        if known not in _accounts:
            remedy = f"export a good {API_KEY_VARIABLE}, then run the same again"
            _accounts[known] = asked(to, lambda cloud: cloud.account("the account of the API key"), remedy)
        return _accounts[known]


def _check_cluster(stack: Stack, resources: Sequence[Mapping[str, Any]]) -> None:
    objects = {name: metadata for resource in resources for name, metadata in _object(resource)}
    if not objects:
        return
    cluster = cluster_of(stack)
    namespace = next(str(metadata.get("namespace", "default")) for metadata in objects.values())
    live = cluster.uids(namespace, [*objects])
    if not live & {metadata["uid"] for metadata in objects.values()}:
        raise SandboxError(
            f"the cluster that answers has none of stack {stack.name}'s objects ({', '.join(objects)} in {namespace}): "
            "it is another one, or somebody removed them all",
            f"choose the stack's own cluster: pulumi config set kubernetesContext CONTEXT --stack {stack.name}; if "
            "they are to be made here, --no-guard, once",
        )


def _account_of(resource: Mapping[str, Any]) -> list[str]:
    return _ACCOUNT.findall(str(_outputs(resource).get("crn")))


def _object(resource: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield `kind/name` and metadata of what lives in the cluster."""
    kind = str(resource["type"]).rpartition(":")[2].lower()
    metadata = cast("Mapping[str, Any]", _outputs(resource).get("metadata") or {})
    if str(resource["type"]).startswith("kubernetes:") and metadata.get("uid") and not resource.get("delete"):
        yield f"{kind}/{metadata['name']}", metadata


def _outputs(resource: Mapping[str, Any]) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", resource.get("outputs") or {})
