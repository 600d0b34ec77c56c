"""The registry namespace that the images live in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pulumi

import ibm_native
from components.names import child

Mode = Literal["create", "adopt", "use"]


@dataclass(frozen=True, kw_only=True)
class RegistryNamespaceArgs:
    """A namespace `name` in one `region` of IBM Cloud Container Registry, and whose it is.

    `create` makes it, and refuses one that exists; `adopt` takes one that exists into the state; `use` only reads it.
    """

    name: str
    region: str
    mode: Mode = "create"
    retain_images: int = 0
    """Images that each repository keeps, the latest; 0 sets no policy."""


class RegistryNamespace(pulumi.ComponentResource):
    """Owns one namespace, or reads it, and its retention policy. A destroy removes it only if this stack made it."""

    namespace: pulumi.Output[str]
    """The namespace's name; what depends on it is made after it."""

    def __init__(self, name: str, args: RegistryNamespaceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("icr-private-image:delivery:RegistryNamespace", name, None, opts)
        namespace = ibm_native.Namespace(
            child(name, "namespace", "namespace"),
            ibm_native.NamespaceArgs(name=args.name, region=args.region, adopt=args.mode == "adopt"),
            # With an id the engine reads and owns nothing: a namespace that it owned until then is let go, not deleted.
            opts=pulumi.ResourceOptions(parent=self, id=f"{args.region}/{args.name}" if args.mode == "use" else None),
        )
        if args.retain_images:
            ibm_native.RetentionPolicy(
                child(name, "namespace", "retention"),
                ibm_native.RetentionPolicyArgs(
                    namespace=namespace.name,
                    region=args.region,
                    images_per_repo=args.retain_images,
                    # A tag that moved on leaves its image untagged, and a Pod may run that still.
                    retain_untagged=True,
                ),
                opts=pulumi.ResourceOptions(parent=self),
            )
        self.namespace = namespace.name
        self.register_outputs({"namespace": self.namespace})
