"""The image: built from a Dockerfile and pushed, or one that is in the registry; known by its digest from then on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import cast

import pulumi
import pulumi_docker as docker

import ibm_native
from components.names import child

MEGA = 1_000_000
NEARLY_FULL = 0.8
REGISTRY_USER = "iamapikey"
"""The user name that IBM's registry takes for every API key (IBM's docs, "Accessing your namespaces")."""


@dataclass(frozen=True, kw_only=True)
class ContainerImageArgs:
    """What to build and where to push it.

    `push_key` is an API key of a Writer on the namespace: the deployer's, never the pull identity's.
    `context` is relative to the project, `dockerfile` to the context; an empty `target` is the last stage.
    """

    registry_host: str
    namespace: pulumi.Input[str]
    name: str
    tag: str
    context: str
    platform: str
    push_key: pulumi.Input[str]
    dockerfile: str = "Dockerfile"
    target: str = ""
    build_args: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class PulledImage:
    """An image that is in the registry: what a Pod runs, and what a key must be able to pull."""

    reference: pulumi.Output[str]
    """`host/namespace/name@sha256:...`."""
    repository: pulumi.Output[str]
    """`namespace/name`, as the registry's API and its tokens call it."""
    digest: pulumi.Output[str]
    """`sha256:...` of the manifest; unknown in a preview that would build."""
    size: pulumi.Output[int]
    """Compressed bytes, as the registry lists them; unknown until it has been asked."""


class ContainerImage(pulumi.ComponentResource):
    """Owns the build and the push of one image.

    It doesn't own the namespace, and doesn't delete pushed images: one of them may be running somewhere, so removal is
    left to the registry's retention policy.
    """

    image: PulledImage

    def __init__(self, name: str, args: ContainerImageArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("icr-private-image:delivery:ContainerImage", name, None, opts)
        repository = pulumi.Output.concat(args.namespace, "/", args.name)
        image = docker.Image(
            child(name, "image", "image"),
            image_name=pulumi.Output.concat(args.registry_host, "/", repository, ":", args.tag),
            build=docker.DockerBuildArgs(
                context=args.context,
                # The plugin's own default is the context's Dockerfile: left out, a state without it goes on.
                dockerfile=None if args.dockerfile == "Dockerfile" else f"{args.context}/{args.dockerfile}",
                platform=args.platform,
                target=args.target or None,
                args=dict(args.build_args) or None,
            ),
            registry=docker.RegistryArgs(
                server=args.registry_host,
                username=REGISTRY_USER,
                password=pulumi.Output.secret(args.push_key),
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        reference = image.repo_digest.apply(pinned)
        self.image = PulledImage(reference, repository, reference.apply(_digest), _unknown())
        self.register_outputs({"reference": reference, "repository": repository, "digest": self.image.digest})


def with_room(
    namespace: pulumi.Output[str], region: str, opts: pulumi.InvokeOptions | None = None
) -> pulumi.Output[str]:
    """Return the namespace once the account's quota has room for a push; a preview pushes nothing, and doesn't ask."""
    if pulumi.runtime.is_dry_run():
        return namespace
    quota = ibm_native.get_quota(ibm_native.GetQuotaArgs(region=region), opts)
    return pulumi.Output.all(namespace, quota).apply(lambda both: roomy(both[0], region, both[1]))


def roomy(namespace: str, region: str, quota: ibm_native.GetQuotaResult) -> str:
    """Return the namespace; warns where the quota is nearly used up, and raises RunError where nothing is left."""
    for kind, used, limit in (
        ("storage", quota.storage_used_bytes, quota.storage_limit_bytes),
        ("pull traffic of this month", quota.traffic_used_bytes, quota.traffic_limit_bytes),
    ):
        said = f"the registry's {kind} in {region}: {used / MEGA:.0f} MB of {limit / MEGA:.0f} MB are used"
        mend = "remove images (`ibmcloud cr image-list`), set retainImages, or raise the quota (`ibmcloud cr quota`)"
        if 0 <= limit <= used:
            raise pulumi.RunError(f"{said}: nothing can be pushed or pulled. To mend it, {mend}")
        if limit >= 0 and used >= limit * NEARLY_FULL:
            pulumi.log.warn(f"{said}; {mend}")
    return namespace


def listed(image: PulledImage, platform: str, region: str, opts: pulumi.InvokeOptions | None = None) -> PulledImage:
    """Return the image as the registry lists it, once that has shown that it is for `platform`.

    A preview asks about no platform, and nothing at all before the digest is known.
    """
    preview = pulumi.runtime.is_dry_run()
    found = ibm_native.get_image(
        ibm_native.GetImageArgs(
            region=region,
            repository=image.repository,
            digest=image.digest,
            platform=None if preview else platform,
        ),
        opts,
    )
    held = image.reference if preview else pulumi.Output.all(image.reference, found).apply(lambda both: str(both[0]))
    return replace(image, reference=held, size=found.apply(lambda each: each.size_bytes))


def existing_image(
    name: str, registry_host: str, region: str, namespace: pulumi.Input[str], opts: pulumi.InvokeOptions | None = None
) -> PulledImage:
    """Return the image `name@sha256:...` or `name:tag` of a namespace; what the tag names now is asked, and shown."""
    own, at, digest = name.partition("@")
    own, _, tag = own.partition(":")
    repository = pulumi.Output.concat(namespace, "/", own)
    if at:
        known, size = pulumi.Output.from_input(digest), _unknown()
    else:
        found = ibm_native.get_image(ibm_native.GetImageArgs(region=region, repository=repository, tag=tag), opts)
        known, size = found.apply(lambda image: image.digest), found.apply(lambda image: image.size_bytes)
    return PulledImage(pulumi.Output.concat(registry_host, "/", repository, "@", known), repository, known, size)


def _unknown() -> pulumi.Output[int]:
    return pulumi.Output.from_input(cast("int", pulumi.UNKNOWN))


def _digest(reference: str) -> str:
    return reference.split("@", 1)[1]


def pinned(reference: str) -> str:
    """Return `reference` if it names an image by digest.

    Raises ValueError otherwise: builders were seen to answer with a tag or with `<none>@<none>` after a push went
    wrong, and a Pod must not run whatever that resolves to.
    """
    _, at, digest = reference.partition("@")
    if not at or not digest.startswith("sha256:") or len(digest) != len("sha256:") + 64:
        message = f"the push ended without a digest: got {reference!r}, expected host/namespace/name@sha256:<64 hex>"
        raise ValueError(message)
    return reference
