"""The project's invariants, one function each: what is wrong with a resource's inputs, in a line that names the mend.

Inputs are as the program gave them, in the resource's own words. What a preview can't know yet raises while it is
read; the engine then says that the rule waits for `pulumi up`, which holds it against the real value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Inputs = Mapping[str, Any]

POD = "kubernetes:core/v1:Pod"
DEPLOYMENT = "kubernetes:apps/v1:Deployment"
WORKLOADS = (POD, DEPLOYMENT)
CLUSTERS_OWN = {"serviceAccount": "default", "secret": "all-icr-io"}
"""What IBM's clusters come with, for every other Pod of the namespace (IBM's docs, "Setting up an image registry")."""
_SECRET_WORDS = ("KEY", "PASSWORD", "SECRET", "TOKEN")


@dataclass(frozen=True)
class Rule:
    """One invariant: what it holds against which resource types, and whether breaking it stops the run."""

    name: str
    why: str
    types: tuple[str, ...]
    problems: Callable[[Inputs], Iterable[str]]
    mandatory: bool = True


def by_digest(inputs: Inputs) -> Iterable[str]:
    """Hold that every container runs an image by digest."""
    for container in _containers(inputs):
        if "@sha256:" not in container["image"]:
            yield f"container {container['name']} runs {container['image']}: name it by digest, host/name@sha256:..."


def not_latest(inputs: Inputs) -> Iterable[str]:
    """Hold that no image is pushed as `latest`, which says nothing about what it is."""
    tag = inputs["imageName"].rpartition("/")[2].partition(":")[2]
    if tag in {"", "latest"}:
        yield f"{inputs['imageName']} is pushed as latest: give it a tag with `pulumi config set imageTag v1`"


def reads_one_namespace(inputs: Inputs) -> Iterable[str]:
    """Hold that the pull identity is Reader on one registry namespace in one region, and no more."""
    roles = [str(role).rpartition(":")[2] for role in inputs["roles"]]
    if roles != ["Reader"]:
        yield f"the policy gives {', '.join(roles)}: pulling takes Reader alone"
    for scope in ("region", "namespace"):
        if not inputs.get(scope):
            yield f"the policy names no {scope}: without one it holds for all of the account's"


def key_expires(inputs: Inputs) -> Iterable[str]:
    """Hold that an API key that nobody uses any more ends by itself."""
    if not inputs.get("expiresAt") and not inputs.get("expiresAfterDays"):
        yield "the API key never expires: give it an end with expiresAfterDays"


def own_service_account(inputs: Inputs) -> Iterable[str]:
    """Hold that a Pod runs under a ServiceAccount of its own, not under the namespace's default one."""
    if _pod(inputs).get("serviceAccountName", "default") == CLUSTERS_OWN["serviceAccount"]:
        yield "the Pod runs under the ServiceAccount `default`, which others use: name one of its own"


def not_the_clusters_own(inputs: Inputs) -> Iterable[str]:
    """Hold that what the cluster came with stays as it is."""
    name = inputs["metadata"].get("name")
    if name in CLUSTERS_OWN.values():
        yield f"{name} belongs to the cluster: give it another name"


def no_secret_in_clear(inputs: Inputs) -> Iterable[str]:
    """Hold that no container gets a secret as a plain value: everybody who may read Pods could read it."""
    for container in _containers(inputs):
        for variable in container.get("env") or ():
            if variable.get("value") and any(word in variable["name"].upper() for word in _SECRET_WORDS):
                yield f"{variable['name']} of container {container['name']} is a plain value: take it from a Secret"


def not_privileged(inputs: Inputs) -> Iterable[str]:
    """Hold that no container has rights on its node."""
    pod = _pod(inputs)
    for shared in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.get(shared):
            yield f"the Pod sets {shared}: it shares the node's"
    for container in _containers(inputs):
        context: Inputs = container.get("securityContext") or {}
        if context.get("privileged"):
            yield f"container {container['name']} is privileged: it has the node's rights"


def no_api_token(inputs: Inputs) -> Iterable[str]:
    """Hold that a Pod that doesn't call Kubernetes has no token for it."""
    if _pod(inputs).get("automountServiceAccountToken") is not False:
        yield "the Pod mounts a token for the Kubernetes API: set automountServiceAccountToken to false"


RULES = (
    Rule("image-by-digest", "A tag can be moved to another image; a digest can't.", WORKLOADS, by_digest),
    Rule("tag-not-latest", "`latest` says nothing about what it is.", ("docker:index/image:Image",), not_latest),
    Rule(
        "reader-on-one-namespace",
        "A pull key in wrong hands reads one namespace and no more.",
        ("ibm-native:iam:AccessPolicy",),
        reads_one_namespace,
    ),
    Rule(
        "key-expires",
        "A key that is forgotten ends by itself.",
        ("ibm-native:iam:ApiKey",),
        key_expires,
    ),
    Rule("own-service-account", "Others use `default`.", WORKLOADS, own_service_account),
    Rule(
        "clusters-own-untouched",
        "`default` and `all-icr-io` serve every other Pod of the namespace.",
        ("kubernetes:core/v1:ServiceAccount", "kubernetes:core/v1:Secret"),
        not_the_clusters_own,
    ),
    Rule("no-secret-in-clear", "Whoever may read Pods reads their environment.", WORKLOADS, no_secret_in_clear),
    Rule("not-privileged", "A container has no rights on its node.", WORKLOADS, not_privileged),
    Rule("no-api-token", "A Pod that doesn't call Kubernetes needs no token for it.", WORKLOADS, no_api_token),
)


def _pod(inputs: Inputs) -> Inputs:
    """Return the spec of the Pod that a workload is or makes."""
    spec = inputs["spec"]
    return spec["template"]["spec"] if "template" in spec else spec


def _containers(inputs: Inputs) -> Iterable[Inputs]:
    pod = _pod(inputs)
    return [*(pod.get("initContainers") or ()), *pod["containers"]]
