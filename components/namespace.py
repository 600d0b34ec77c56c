"""The registry namespace that the image lives in."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi

import ibm_native


@dataclass(frozen=True, kw_only=True)
class RegistryNamespaceArgs:
    """A namespace `name` in one `region` of IBM Cloud Container Registry."""

    name: str
    region: str


class RegistryNamespace(pulumi.ComponentResource):
    """Owns one namespace: it is made here, and a namespace that exists already is refused rather than taken over."""

    namespace: pulumi.Output[str]
    """The namespace's name; what depends on it is made after it."""

    def __init__(self, name: str, args: RegistryNamespaceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("icr-private-image:delivery:RegistryNamespace", name, None, opts)
        namespace = ibm_native.Namespace(
            "namespace",
            ibm_native.NamespaceArgs(name=args.name, region=args.region),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.namespace = namespace.name
        self.register_outputs({"namespace": self.namespace})
