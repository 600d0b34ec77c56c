"""Retention policies: how many images each repository of a registry namespace keeps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, cast

import pulumi

from ibm_native.cloud.errors import ProviderError
from ibm_native.cloud.refusals import Job
from ibm_native.cloud.sdk import Json
from ibm_native.model import rules
from ibm_native.model.declare import resource
from ibm_native.model.derive import Problem
from ibm_native.model.inputs import Args, In, Known, Plain, Prop
from ibm_native.model.lifecycle import Call, or_none
from ibm_native.registry.account_setting import Setting, SettingLife

_NEEDS = "the role Manager on container-registry (Writer sets, Reader reads)"
_ALL = -1
_NONE: Setting = {"images_per_repo": _ALL, "retain_untagged": True}
"""What keeps everything: IBM has no policy then, and no call to remove one."""


class RetentionPolicyArgs(Args):
    """Inputs of a retention policy."""

    namespace: In[str] = In("Namespace whose repositories it is for.", replaces=True, rule=rules.namespace_name)
    region: In[str] = In("Region of the registry, such as jp-tok.", replaces=True, rule=rules.region)
    images_per_repo: In[int] = In(
        "Images to keep in each repository, the latest built; -1 keeps all.", rule=rules.images_per_repo
    )
    retain_untagged: In[bool] = In("Keep images without a tag too.", default=False)


class RetentionPolicy(
    resource(RetentionPolicyArgs),
    token="ibm-native:registry:RetentionPolicy",
    import_id="`region/namespace`, such as `jp-tok/my-images`",
    refresh="all inputs are compared; images and the trash are left alone",
    needs=_NEEDS,
):
    """The retention policy of one registry namespace. IBM runs it at once, and then daily: it removes images.

    Removed images stay in the registry's trash for 30 days. Pods that pull by digest need theirs: keep enough. On
    delete the policy from before is set again.
    """

    namespace: pulumi.Output[str]
    region: pulumi.Output[str]
    images_per_repo: pulumi.Output[int]
    retain_untagged: pulumi.Output[bool]
    previous_images_per_repo: Annotated[pulumi.Output[int | None], Prop("Number that was kept before; -1 for all.")]
    previous_retain_untagged: Annotated[
        pulumi.Output[bool | None], Prop("Whether images without a tag were kept before.")
    ]


class RetentionPolicyLife(SettingLife[RetentionPolicyArgs]):
    """A retention policy's id is `region/namespace`."""

    declaration = RetentionPolicy.declaration
    kind = "retention policy"
    parts = ("images_per_repo", "retain_untagged")

    def problems(self, given: frozenset[str], inputs: Known) -> list[Problem]:
        """Refuse a policy that keeps everything."""
        del given
        if all(inputs.get(part) == value for part, value in _NONE.items()):
            return [
                Problem("imagesPerRepo", "-1 with retainUntagged", "a policy that removes anything, or none at all")
            ]
        return []

    def natural_id(self, inputs: Known) -> str | None:
        """Return `region/namespace`."""
        return f"{inputs['region']}/{inputs['namespace']}" if {"region", "namespace"} <= inputs.keys() else None

    def place(self, resource_id: str) -> Mapping[str, Plain]:
        """Return region and namespace."""
        region, slash, namespace = resource_id.partition("/")
        if not slash or rules.region(region):
            raise ProviderError(
                f"read retention policy {resource_id!r}", "that is no id of one", "An id is region/namespace."
            )
        return {"region": region, "namespace": namespace}

    def unset(self) -> Setting:
        """Return what keeps everything."""
        return _NONE

    async def get(self, call: Call, resource_id: str) -> Setting | None:
        """Return the policy, if the namespace has one."""
        region, _, namespace = resource_id.partition("/")
        job = Job(f"read the retention policy of namespace {namespace!r} in {region}", _NEEDS)
        reply = await or_none(lambda: call.cloud.registry(region, job, lambda api: api.get_retention_policy(namespace)))
        found: Json = reply.fields if reply else {}
        images, untagged = found.get("images_per_repo", _ALL), found.get("retain_untagged", reply is None)
        now: Setting = {"images_per_repo": cast("int", images), "retain_untagged": bool(untagged)}
        return None if now == _NONE else now

    async def put(self, call: Call, resource_id: str, wanted: Setting) -> None:
        """Replace the policy, whole."""
        region, _, namespace = resource_id.partition("/")
        job = Job(f"set the retention policy of namespace {namespace!r} in {region}", _NEEDS)
        await call.cloud.registry(
            region,
            job,
            lambda api: api.set_retention_policy(
                namespace,
                images_per_repo=cast("int", wanted["images_per_repo"]),
                retain_untagged=cast("bool", wanted["retain_untagged"]),
            ),
        )
