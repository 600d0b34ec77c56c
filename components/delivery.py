"""The whole delivery, in the order of the story: namespace, image, identity, pull access, Pod."""

from __future__ import annotations

import pulumi
import pulumi_kubernetes as kubernetes

from components.identity import PullIdentity, PullIdentityArgs
from components.image import ContainerImage, ContainerImageArgs
from components.namespace import RegistryNamespace, RegistryNamespaceArgs
from components.pull_access import PullAccess, PullAccessArgs
from components.settings import Settings
from components.workload import Workload, WorkloadArgs


class PrivateImage(pulumi.ComponentResource):
    """Composes the five parts and hands each what it needs of the others; owns nothing but the choice of cluster."""

    registry_namespace: pulumi.Output[str]
    image_reference: pulumi.Output[str]
    service_id: pulumi.Output[str]
    access_policy_id: pulumi.Output[str]
    api_key_id: pulumi.Output[str]
    pull_secret: pulumi.Output[str]
    service_account: pulumi.Output[str]
    pods: pulumi.Output[dict[str, dict[str, str]]]
    """Pods by name, each with its Kubernetes `namespace` and `name`."""

    def __init__(self, name: str, settings: Settings, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("icr-private-image:delivery:PrivateImage", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        namespace = RegistryNamespace(
            "namespace",
            RegistryNamespaceArgs(
                name=settings.registry_namespace, region=settings.region, mode=settings.registry_namespace_mode
            ),
            pulumi.ResourceOptions(parent=self, protect=settings.protect),
        )
        image = ContainerImage(
            "image",
            ContainerImageArgs(
                registry_host=settings.registry_host,
                namespace=namespace.namespace,
                name=settings.image_name,
                tag=settings.image_tag,
                context=settings.image_context,
                platform=settings.platform,
                push_key=settings.push_api_key,
                base=settings.image_base or None,
            ),
            child,
        )
        identity = PullIdentity(
            "identity",
            PullIdentityArgs(
                service_id_name=settings.service_id_name,
                api_key_name=settings.api_key_name,
                region=settings.region,
                namespace=namespace.namespace,
                role=settings.pull_role,
                epoch=settings.key_epoch,
                revoke_previous=settings.revoke_previous,
                protect=settings.protect,
            ),
            child,
        )
        cluster = kubernetes.Provider(
            "cluster",
            context=settings.kubernetes_context or None,
            cluster_identifier=settings.cluster_identifier or None,
            enable_secret_mutable=True,
            opts=child,
        )
        in_cluster = pulumi.ResourceOptions(parent=self, providers=[cluster])
        access = PullAccess(
            "access",
            PullAccessArgs(
                registry_host=settings.registry_host,
                repository=image.repository,
                digest=image.digest,
                api_key=identity.api_key,
                policy_id=identity.policy_id,
                policy_modified_at=identity.policy_modified_at,
                kubernetes_namespace=settings.kubernetes_namespace,
                secret_name=settings.pull_secret_name,
                service_account_name=settings.service_account_name,
                timeout_seconds=settings.access_timeout_seconds,
            ),
            in_cluster,
        )
        workload = Workload(
            "workload",
            WorkloadArgs(
                name=settings.pod_name,
                kubernetes_namespace=settings.kubernetes_namespace,
                image=image.reference,
                service_account_name=access.service_account_name,
                timeout_seconds=settings.pod_timeout_seconds,
            ),
            in_cluster,
        )
        self.registry_namespace = namespace.namespace
        self.image_reference = image.reference
        self.service_id = identity.service_id
        self.access_policy_id = identity.policy_id
        self.api_key_id = identity.api_key_id
        self.pull_secret = access.secret_name
        self.service_account = access.service_account_name
        self.pods = pulumi.Output.all(namespace=workload.pod_namespace, name=workload.pod_name).apply(
            lambda pod: {pod["name"]: {"namespace": pod["namespace"], "name": pod["name"]}}
        )
        self.register_outputs({"imageReference": self.image_reference, "pods": self.pods})
