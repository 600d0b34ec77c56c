"""The pull identity: a service ID that may read one namespace, and its API keys by epoch."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pulumi

import ibm_native
from components.names import child

ENDING_DAYS = 30


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
    expires_after_days: int | None = None
    """Days from a key's making after which it stops working; None is never."""
    rotate_after_days: int | None = None
    """Days from the current key's making after which every run warns of it; None is never."""
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
                ibm_native.ApiKeyArgs(
                    name=key_name(args.api_key_name, epoch),
                    iam_id=service_id.iam_id,
                    expires_after_days=args.expires_after_days,
                ),
                opts=owned,
            )
            for epoch in live_epochs(args.epoch, revoke_previous=args.revoke_previous)
        }
        current = keys[args.epoch]
        pulumi.Output.all(current.created_at, current.ends_at).apply(
            lambda times: [pulumi.log.warn(each, self) for each in _warnings(args, *times)]
        )
        self.service_id = service_id.id
        self.policy_id = policy.id
        self.policy_modified_at = policy.last_modified_at
        self.api_key_id = current.id
        self.api_key = current.api_key
        self.register_outputs(
            {"serviceId": self.service_id, "accessPolicyId": self.policy_id, "apiKeyId": self.api_key_id}
        )


def live_epochs(epoch: int, *, revoke_previous: bool) -> list[int]:
    """Return the epochs whose keys live while `epoch` is the current one, oldest first."""
    return [epoch] if revoke_previous or epoch == 1 else [epoch - 1, epoch]


def key_name(name: str, epoch: int) -> str:
    """Return the key's name in IAM: `name` itself for epoch 1, `name-2` for epoch 2."""
    return name if epoch == 1 else f"{name}-{epoch}"


def _warnings(args: PullIdentityArgs, created_at: str | None, ends_at: str | None) -> list[str]:
    mend = f"rotate it: make rotate STACK={pulumi.get_stack()}"
    return age_warnings(f"API key {key_name(args.api_key_name, args.epoch)}", args, created_at, ends_at, mend)


def age_warnings(
    what: str,
    args: PullIdentityArgs,
    created_at: str | None,
    ends_at: str | None,
    mend: str,
    now: datetime | None = None,
) -> list[str]:
    """Return what a run says of an old or ending key; it changes nothing, since no plan may hang on the day."""
    now = now or datetime.now(UTC)
    found: list[str] = []
    age = (now - datetime.fromisoformat(created_at)).days if created_at else 0
    if args.rotate_after_days and age >= args.rotate_after_days:
        found.append(f"{what} is {age} days old, rotateAfterDays is {args.rotate_after_days}; {mend}")
    if ends_at and datetime.fromisoformat(ends_at) - now < timedelta(days=ENDING_DAYS):
        found.append(f"{what} stops working at {ends_at}; {mend}")
    return found
