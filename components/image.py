"""The image: built from the project's Dockerfile, pushed, and known by its digest from then on."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_docker as docker

REGISTRY_USER = "iamapikey"
"""The user name that IBM's registry takes for every API key (IBM's docs, "Accessing your namespaces")."""


@dataclass(frozen=True, kw_only=True)
class ContainerImageArgs:
    """What to build and where to push it.

    `push_key` is an API key of a Writer on the namespace: the deployer's, never the pull identity's.
    `base` is handed to the Dockerfile as the build argument BASE; None leaves the Dockerfile's own.
    """

    registry_host: str
    namespace: pulumi.Input[str]
    name: str
    tag: str
    context: str
    platform: str
    push_key: pulumi.Input[str]
    base: str | None = None


class ContainerImage(pulumi.ComponentResource):
    """Owns the build and the push of one image.

    It doesn't own the namespace, and doesn't delete pushed images: one of them may be running somewhere, so removal is
    left to the registry's retention policy.
    """

    reference: pulumi.Output[str]
    """`host/namespace/name@sha256:...`: what a Pod runs."""
    repository: pulumi.Output[str]
    """`namespace/name`, as the registry's API and its tokens call it."""
    digest: pulumi.Output[str]
    """`sha256:...` of the pushed manifest; unknown in a preview that would build."""

    def __init__(self, name: str, args: ContainerImageArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("icr-private-image:delivery:ContainerImage", name, None, opts)
        self.repository = pulumi.Output.concat(args.namespace, "/", args.name)
        image = docker.Image(
            "image",
            image_name=pulumi.Output.concat(args.registry_host, "/", self.repository, ":", args.tag),
            build=docker.DockerBuildArgs(
                context=args.context,
                platform=args.platform,
                args={"BASE": args.base} if args.base else None,
            ),
            registry=docker.RegistryArgs(
                server=args.registry_host,
                username=REGISTRY_USER,
                password=pulumi.Output.secret(args.push_key),
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.reference = image.repo_digest.apply(pinned)
        self.digest = self.reference.apply(lambda reference: reference.split("@", 1)[1])
        self.register_outputs({"reference": self.reference, "repository": self.repository, "digest": self.digest})


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
