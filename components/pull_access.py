"""What lets a Pod pull: a proven key in a pull Secret, on a ServiceAccount of the stack's own."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as kubernetes

import ibm_native
from components.image import REGISTRY_USER, PulledImage
from components.names import child
from components.objects import UNCHANGED, metadata


@dataclass(frozen=True, kw_only=True)
class PullAccessArgs:
    """The key to prove, what it must be able to pull, and the names of what carries it in the cluster.

    `images` are by the name of the proof that each gets. The first one's stands before the Secret, so that a key which
    can't pull never reaches the cluster; each one's stands before the workload that runs it.
    """

    registry_host: str
    images: Mapping[str, PulledImage]
    api_key: pulumi.Input[str]
    policy_id: pulumi.Input[str]
    policy_modified_at: pulumi.Input[str | None]
    kubernetes_namespace: pulumi.Input[str]
    secret_name: str
    service_account_name: str
    timeout_seconds: int = 30


class PullAccess(pulumi.ComponentResource):
    """Owns the proofs that the key can pull, the pull Secret and the ServiceAccount.

    The ServiceAccount is the workloads' own: `default` is shared with everything else in the namespace.
    """

    secret_name: pulumi.Output[str]
    """Name of the pull Secret; stable over rotations, which change its content in place."""
    service_account_name: pulumi.Output[str]
    """Name of the ServiceAccount; a Pod that uses it is made after the Secret."""
    proofs: Mapping[str, pulumi.Resource]
    """For each image, what a workload that runs it is made after."""

    def __init__(self, name: str, args: PullAccessArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("icr-private-image:delivery:PullAccess", name, None, opts)
        proofs = {
            proof: ibm_native.Access(
                proof,
                ibm_native.AccessArgs(
                    registry_host=args.registry_host,
                    repository=image.repository,
                    digest=image.digest,
                    api_key=args.api_key,
                    policy_id=args.policy_id,
                    policy_modified_at=args.policy_modified_at,
                    timeout_seconds=args.timeout_seconds,
                ),
                opts=pulumi.ResourceOptions(parent=self),
            )
            for proof, image in args.images.items()
        }
        access = next(iter(proofs.values()))
        in_cluster = pulumi.ResourceOptions(parent=self, ignore_changes=UNCHANGED)
        secret = kubernetes.core.v1.Secret(
            child(name, "access", "pull-secret"),
            metadata=metadata(args.secret_name, args.kubernetes_namespace),
            type="kubernetes.io/dockerconfigjson",
            string_data={
                ".dockerconfigjson": pulumi.Output.secret(
                    access.api_key.apply(lambda key: docker_config(args.registry_host, key))
                )
            },
            opts=in_cluster,
        )
        service_account = kubernetes.core.v1.ServiceAccount(
            child(name, "access", "service-account"),
            metadata=metadata(args.service_account_name, args.kubernetes_namespace),
            image_pull_secrets=[{"name": secret.metadata.name}],
            opts=in_cluster,
        )
        self.proofs = proofs
        self.secret_name = secret.metadata.name
        self.service_account_name = service_account.metadata.name
        self.register_outputs({"pullSecret": self.secret_name, "serviceAccount": self.service_account_name})


def docker_config(registry_host: str, api_key: str) -> str:
    """Return the `.dockerconfigjson` with which the kubelet logs in to `registry_host` with `api_key`.

    One entry a host, without scheme or slash; `auth` is base64 of `user:password` with no line end (Kubernetes' docs,
    "Pull an Image from a Private Registry").
    """
    auth = base64.b64encode(f"{REGISTRY_USER}:{api_key}".encode()).decode()
    entry = {"username": REGISTRY_USER, "password": api_key, "auth": auth}
    return json.dumps({"auths": {registry_host: entry}}, sort_keys=True)
