"""A stack as the Pulumi Kubernetes Operator runs it: its objects, with references to Secrets and never a value.

Sources: the operator's Stack and Workspace (`pulumi.com/v1`, `auto.pulumi.com/v1alpha1`, 2.9.0); Kubernetes's RBAC.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import yaml

from base.errors import SandboxError
from config.model import PROVIDER
from fleet.inventory import StackFile
from sandbox import addresses

Object = dict[str, Any]
_TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount"  # noqa: S105 - where a Pod has its token and the cluster's CA
_KUBECONFIG = "/etc/pulumi/kubeconfig"
_SOCKET = "/run/docker.sock"
_CHANGE = ["get", "create", "patch", "update", "delete"]
_WATCH = ["get", "list", "watch"]


@dataclass(frozen=True)
class Place:
    """What the operator is to know beside the stack's file.

    `secret` is a Secret in `namespace` with a key a variable; `docker_host` an engine that Pods reach, or a socket of
    the node as `unix://PATH`. `resync_seconds` is how often drift is healed and the branch looked at, 60 at least.
    """

    image: str
    repository: str
    branch: str = "main"
    namespace: str = "pulumi"
    backend: str = ""
    secret: str = "pulumi"  # noqa: S105 - a Secret's name
    pull_secret: str = ""
    docker_host: str = ""
    resync_seconds: int = 3600
    destroy_with_stack: bool = False


def manifests(stack: StackFile, place: Place) -> list[Object]:
    """Return a stack's objects: ServiceAccount and its rights, kubeconfig, Stack.

    Raises SandboxError for a state in a folder, and for a stack that makes its Kubernetes namespace: that right can't
    be bound to a name.
    """
    if place.backend.startswith("file:"):
        raise SandboxError(
            f"{place.backend} is a folder of this machine, and a Pod has none that stays",
            "give a bucket (docs/state.md), or leave --backend out for Pulumi Cloud",
        )
    if stack.config.get("kubernetesNamespaceMode") == "create":
        raise SandboxError(
            f"stack {stack.name} makes its Kubernetes namespace, which takes the right to make any",
            f"kubectl create namespace NAME; pulumi config set kubernetesNamespaceMode use --stack {stack.name}",
        )
    name = f"pulumi-{stack.name}"
    account = _object("v1", "ServiceAccount", name, place.namespace)
    if place.pull_secret:
        account["imagePullSecrets"] = [{"name": place.pull_secret}]
    made = [account, _binding("ClusterRole", "system:auth-delegator", "", name, place.namespace)]
    if not _elsewhere(stack):
        target = stack.config.get("kubernetesNamespace") or "default"
        role = _object("rbac.authorization.k8s.io/v1", "Role", name, target) | {"rules": _rules(stack)}
        kubeconfig = _object("v1", "ConfigMap", name, place.namespace)
        kubeconfig["data"] = {"kubeconfig": yaml.safe_dump(_kubeconfig(stack), sort_keys=False)}
        made += [role, _binding("Role", name, target, name, place.namespace), kubeconfig]
    return [*made, _stack(stack, place, name)]


def _stack(stack: StackFile, place: Place, account: str) -> Object:
    made = _object("pulumi.com/v1", "Stack", stack.name, place.namespace)
    made["spec"] = {
        "stack": stack.name,
        "projectRepo": place.repository,
        "branch": place.branch,
        **({"backend": place.backend} if place.backend else {}),
        "serviceAccountName": account,
        "refresh": True,
        "continueResyncOnCommitMatch": True,
        "resyncFrequencySeconds": place.resync_seconds,
        "destroyOnFinalize": place.destroy_with_stack,
        **({"config": config} if (config := config_in_pod(stack)) else {}),
        "envRefs": {each: _secret(place.secret, each) for each in secrets_of(place)},
        "workspaceTemplate": {"spec": _workspace(stack, place, account)},
    }
    return made


def secrets_of(place: Place) -> list[str]:
    """Return the keys that the Secret must have, each the name of a variable."""
    keys = ["IBMCLOUD_API_KEY"]
    if not place.backend or place.backend.startswith("https://"):
        return [*keys, "PULUMI_ACCESS_TOKEN"]
    aws = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] if place.backend.startswith("s3://") else []
    return [*keys, "PULUMI_CONFIG_PASSPHRASE", *aws]


def config_in_pod(stack: StackFile) -> dict[str, object]:
    """Return what a stack's config must be otherwise in a Pod: the sandbox's addresses. The rest is in its file."""
    if not stack.on_sandbox:
        return {}
    shared = {f"http://{each}": f"https://{addresses.shared(each)}" for each in _loopback()}
    found: dict[str, object] = {}
    for key, value in stack.config.items():
        if not key.startswith(f"{PROVIDER}:"):
            continue
        if value in shared:
            found[key] = shared[value]
        elif value.startswith("{"):
            by_region = cast("dict[str, str]", json.loads(value))
            found[key] = {region: shared.get(each, each) for region, each in by_region.items()}
    return found


def _loopback() -> Sequence[str]:
    return [addresses.IAM_ADDRESS, *addresses.REGISTRY_ADDRESSES.values()]


def _workspace(stack: StackFile, place: Place, account: str) -> Object:
    variables: dict[str, str] = {}
    mounts: list[Object] = []
    volumes: list[Object] = []
    groups: list[int] = []
    if not _elsewhere(stack):
        variables["KUBECONFIG"] = _KUBECONFIG
        mounts.append({"name": "kubeconfig", "mountPath": _KUBECONFIG.rpartition("/")[0], "readOnly": True})
        volumes.append({"name": "kubeconfig", "configMap": {"name": account}})
    if place.docker_host.startswith("unix://"):
        variables["DOCKER_HOST"] = f"unix://{_SOCKET}"
        mounts.append({"name": "docker", "mountPath": _SOCKET})
        path = place.docker_host.removeprefix("unix://")
        volumes.append({"name": "docker", "hostPath": {"path": path, "type": "Socket"}})
        groups = [0]
    elif place.docker_host:
        variables["DOCKER_HOST"] = place.docker_host
    if stack.on_sandbox:
        variables |= dict.fromkeys(("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"), f"{_TOKEN}/ca.crt")
    return {
        "image": place.image,
        "env": [{"name": key, "value": value} for key, value in variables.items()],
        "podTemplate": {
            "spec": {
                "terminationGracePeriodSeconds": 30,
                **({"securityContext": {"supplementalGroups": groups}} if groups else {}),
                "containers": [{"name": "pulumi", "volumeMounts": mounts}],
                "volumes": volumes,
            }
        },
    }


def _rules(stack: StackFile) -> list[Object]:
    """Return what the stack does in its Kubernetes namespace, and no more."""
    given = cast("dict[str, Mapping[str, object]]", json.loads(stack.config.get("workloads") or "{}"))
    kinds = {str(each.get("kind", "Pod")) for each in given.values()} or {"Pod"}
    rules = [
        _rule("", ["secrets", "serviceaccounts"], _CHANGE),
        _rule("", ["pods"], sorted({*_WATCH, *(_CHANGE if "Pod" in kinds else [])})),
    ]
    if "Deployment" in kinds:
        rules += [
            _rule("apps", ["deployments"], sorted({*_WATCH, *_CHANGE})),
            _rule("apps", ["replicasets"], _WATCH),
            _rule("", ["events", "persistentvolumeclaims"], _WATCH),
        ]
    return rules


def _rule(group: str, resources: list[str], verbs: list[str]) -> Object:
    return {"apiGroups": [group], "resources": resources, "verbs": [*verbs]}


def _binding(kind: str, role: str, target: str, account: str, namespace: str) -> Object:
    """Bind a role to the workspace's ServiceAccount: in the namespace `target`, or in the cluster if that is empty.

    In the cluster it is the right to ask who calls: the workspace's agent lets nobody but the operator in.
    """
    made = _object(
        "rbac.authorization.k8s.io/v1",
        "RoleBinding" if target else "ClusterRoleBinding",
        account if target else f"{namespace}-{account}",
        target,
    )
    made["roleRef"] = {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role}
    made["subjects"] = [{"kind": "ServiceAccount", "name": account, "namespace": namespace}]
    return made


def _kubeconfig(stack: StackFile) -> Object:
    """Return a kubeconfig for the cluster that the Pod is in; it names the token's file, and holds none."""
    context = stack.config.get("kubernetesContext") or "in-cluster"
    server = {"server": "https://kubernetes.default.svc", "certificate-authority": f"{_TOKEN}/ca.crt"}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": context,
        "contexts": [{"name": context, "context": {"cluster": context, "user": context}}],
        "clusters": [{"name": context, "cluster": server}],
        "users": [{"name": context, "user": {"tokenFile": f"{_TOKEN}/token"}}],
    }


def _elsewhere(stack: StackFile) -> bool:
    """Tell whether the stack brings a kubeconfig of its own, and so a cluster and rights of its own."""
    return bool(stack.config.get("kubeconfig")) or "kubeconfig" in stack.secrets


def _secret(name: str, key: str) -> Object:
    return {"type": "Secret", "secret": {"name": name, "key": key}}


def _object(version: str, kind: str, name: str, namespace: str) -> Object:
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": {"name": name, **({"namespace": namespace} if namespace else {})},
    }
