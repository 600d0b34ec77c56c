"""The cluster: how it is reached, and the namespace in it."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as kubernetes

from components.names import child
from components.objects import UNCHANGED, metadata

_EARLIER_PARENT = "urn:pulumi:{}::{}::icr-private-image:delivery:PrivateImage::delivery"
"""What owned the provider in earlier releases, whose states go on."""


@dataclass(frozen=True, kw_only=True)
class ClusterArgs:
    """Which cluster, and which namespace in it.

    `kubeconfig` is a path, or a kubeconfig's content as a secret; empty means $KUBECONFIG, else ~/.kube/config.
    `identifier` is the cluster's id: with it, a new kubeconfig for the same cluster replaces nothing, and no path that
    $KUBECONFIG has on one machine gets into the state.
    """

    kubeconfig: pulumi.Input[str] = ""
    context: str = ""
    identifier: str = ""
    namespace: str = "default"
    make_namespace: bool = False


class Cluster(pulumi.ComponentResource):
    """Owns the choice of cluster, and the namespace if it is to make it."""

    provider: kubernetes.Provider
    """For `providers` of what lives in the cluster."""
    namespace: pulumi.Output[str]
    """The namespace's name; what depends on it is made after it."""

    def __init__(self, name: str, args: ClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("icr-private-image:delivery:Cluster", name, None, opts)
        self.provider = kubernetes.Provider(
            child(name, "cluster", "cluster"),
            # For None, the SDK puts $KUBECONFIG into the state, where a refresh or destroy on another machine looks for
            # the file; for an empty text, the plugin takes the $KUBECONFIG that it is started with.
            kubeconfig=args.kubeconfig or ("" if args.identifier else None),
            context=args.context or None,
            cluster_identifier=args.identifier or None,
            enable_secret_mutable=True,
            opts=pulumi.ResourceOptions(parent=self, aliases=[pulumi.Alias(parent=_EARLIER_PARENT.format(*_stack()))]),
        )
        self.namespace = pulumi.Output.from_input(args.namespace)
        if args.make_namespace:
            made = kubernetes.core.v1.Namespace(
                child(name, "cluster", "kubernetes-namespace"),
                metadata=metadata(args.namespace, None),
                opts=pulumi.ResourceOptions(parent=self, provider=self.provider, ignore_changes=UNCHANGED),
            )
            self.namespace = made.metadata.name
        self.register_outputs({"namespace": self.namespace})


def _stack() -> tuple[str, str]:
    return pulumi.get_stack(), pulumi.get_project()
