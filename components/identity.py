"""The pull identity: a service ID that may read one namespace, and its API keys by epoch."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi

import ibm_native
from components.names import child


@dataclass(frozen=True, kw_only=True)
class PullIdentityArgs:
    """Who pulls, from where, and with which generation of key.

    `epoch` n keeps the keys of n and n-1, so that a rotation leaves the key that running nodes still hold valid until
    the next one; `revoke_previous` drops n-1 at once.
    """

    service_id_name: str
    api_key_name: str
    region: str
    namespace: pulumi.Input[str]
    role: str = "Reader"
    epoch: int = 1
    revoke_previous: bool = False
    protect: bool = False
    """Refuse to delete the service ID; its keys come and go with their epochs."""


class PullIdentity(pulumi.ComponentResource):
    """Owns a service ID, its only access policy (one role on one namespace in one region) and its API keys.

    It doesn't prove that the key works: IAM's changes take a while to be seen, and only a use tells.
    """

    service_id: pulumi.Output[str]
    """`ServiceId-<uuid>`."""
    policy_id: pulumi.Output[str]
    """UUID of the access policy."""
    policy_modified_at: pulumi.Output[str | None]
    """When the access policy was changed last."""
    api_key_id: pulumi.Output[str]
    """`ApiKey-<uuid>` of this epoch's key."""
    api_key: pulumi.Output[str]
    """Value of this epoch's key; a secret."""

    def __init__(self, name: str, args: PullIdentityArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("icr-private-image:delivery:PullIdentity", name, None, opts)
        owned = pulumi.ResourceOptions(parent=self)
        pull = child(name, "identity", "pull")
        service_id = ibm_native.ServiceId(
            pull,
            ibm_native.ServiceIdArgs(name=args.service_id_name, description="Pulls images into Kubernetes"),
            opts=pulumi.ResourceOptions(parent=self, protect=args.protect),
        )
        policy = ibm_native.AccessPolicy(
            pull,
            ibm_native.AccessPolicyArgs(
                iam_id=service_id.iam_id, roles=[args.role], region=args.region, namespace=args.namespace
            ),
            opts=owned,
        )
        keys = {
            epoch: ibm_native.ApiKey(
                f"{pull}-key-{epoch}",
                ibm_native.ApiKeyArgs(name=key_name(args.api_key_name, epoch), iam_id=service_id.iam_id),
                opts=owned,
            )
            for epoch in live_epochs(args.epoch, revoke_previous=args.revoke_previous)
        }
        self.service_id = service_id.id
        self.policy_id = policy.id
        self.policy_modified_at = policy.last_modified_at
        self.api_key_id = keys[args.epoch].id
        self.api_key = keys[args.epoch].api_key
        self.register_outputs(
            {"serviceId": self.service_id, "accessPolicyId": self.policy_id, "apiKeyId": self.api_key_id}
        )


def live_epochs(epoch: int, *, revoke_previous: bool) -> list[int]:
    """Return the epochs whose keys live while `epoch` is the current one, oldest first."""
    return [epoch] if revoke_previous or epoch == 1 else [epoch - 1, epoch]


def key_name(name: str, epoch: int) -> str:
    """Return the key's name in IAM: `name` itself for epoch 1, `name-2` for epoch 2."""
    return name if epoch == 1 else f"{name}-{epoch}"
