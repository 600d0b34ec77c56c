"""The whole delivery, in the order of the story: namespace, images, identity, pull access, workloads."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi

from components.identity import PullIdentity, PullIdentityArgs
from components.image import ContainerImage, ContainerImageArgs, PulledImage, existing_image
from components.names import child
from components.namespace import RegistryNamespace, RegistryNamespaceArgs
from components.pull_access import PullAccess, PullAccessArgs
from components.settings import Settings
from components.workload import Workload, WorkloadArgs
from components.workload_settings import WorkloadSettings


class PrivateImage(pulumi.ComponentResource):
    """Composes the parts and hands each what it needs of the others; owns nothing.

    `opts` brings the cluster's provider, and that of IBM Cloud where it isn't the default one.
    """

    registry_namespace: pulumi.Output[str]
    image_reference: pulumi.Output[str]
    """Of the first workload."""
    service_id: pulumi.Output[str]
    access_policy_id: pulumi.Output[str]
    api_key_id: pulumi.Output[str]
    pull_secret: pulumi.Output[str]
    service_account: pulumi.Output[str]
    pods: pulumi.Output[dict[str, dict[str, str]]]
    """Pods by name, each with its Kubernetes `namespace` and `name`; a Deployment's have names of its own."""
    workloads: pulumi.Output[dict[str, dict[str, str]]]
    """Each with its `kind`, Kubernetes `namespace` and `name`, and the `image` that it runs, by digest."""

    def __init__(
        self,
        name: str,
        settings: Settings,
        kubernetes_namespace: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("icr-private-image:delivery:PrivateImage", name, None, opts)
        owned = pulumi.ResourceOptions(parent=self)
        namespace = RegistryNamespace(
            child(name, "delivery", "namespace"),
            RegistryNamespaceArgs(
                name=settings.registry_namespace, region=settings.region, mode=settings.registry_namespace_mode
            ),
            pulumi.ResourceOptions(parent=self, protect=settings.protect),
        )
        delivered = settings.delivered()
        # The story's workload gives its parts their plain names.
        part = {key: child(name, "delivery", "" if key == settings.pod_name else f"{key}-") for key in delivered}
        images = {
            key: self._image(f"{part[key]}image", key, each, settings, namespace.namespace)
            for key, each in delivered.items()
        }
        identity = PullIdentity(
            child(name, "delivery", "identity"),
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
            owned,
        )
        access = PullAccess(
            child(name, "delivery", "access"),
            PullAccessArgs(
                registry_host=settings.registry_host,
                images={f"{part[key]}pull": image for key, image in images.items()},
                api_key=identity.api_key,
                policy_id=identity.policy_id,
                policy_modified_at=identity.policy_modified_at,
                kubernetes_namespace=kubernetes_namespace,
                secret_name=settings.pull_secret_name,
                service_account_name=settings.service_account_name,
                timeout_seconds=settings.access_timeout_seconds,
            ),
            owned,
        )
        workloads = {
            key: Workload(
                f"{part[key]}workload",
                WorkloadArgs(
                    name=key,
                    kubernetes_namespace=kubernetes_namespace,
                    image=images[key].reference,
                    service_account_name=access.service_account_name,
                    pull_secret_name=access.secret_name,
                    settings=each,
                    after=[access.proofs[f"{part[key]}pull"]],
                    timeout_seconds=settings.pod_timeout_seconds,
                ),
                owned,
            )
            for key, each in delivered.items()
        }
        self.registry_namespace = namespace.namespace
        self.image_reference = next(iter(images.values())).reference
        self.service_id = identity.service_id
        self.access_policy_id = identity.policy_id
        self.api_key_id = identity.api_key_id
        self.pull_secret = access.secret_name
        self.service_account = access.service_account_name
        self.pods = pulumi.Output.all(
            **{key: _place(each) for key, each in workloads.items() if delivered[key].kind == "Pod"}
        )
        self.workloads = pulumi.Output.all(
            **{
                key: pulumi.Output.all(kind=delivered[key].kind, image=images[key].reference, **_place(each))
                for key, each in workloads.items()
            }
        )
        self.register_outputs({"imageReference": self.image_reference, "pods": self.pods})

    def _image(
        self, name: str, key: str, workload: WorkloadSettings, settings: Settings, namespace: pulumi.Output[str]
    ) -> PulledImage:
        if workload.build is None:
            return existing_image(
                workload.image or "",
                settings.registry_host,
                settings.region,
                namespace,
                pulumi.InvokeOptions(parent=self),
            )
        build = workload.build
        return ContainerImage(
            name,
            ContainerImageArgs(
                registry_host=settings.registry_host,
                namespace=namespace,
                name=build.name or key,
                tag=build.tag or settings.image_tag,
                context=build.context,
                dockerfile=build.dockerfile,
                target=build.target,
                build_args=build.args,
                platform=workload.platform or settings.platform,
                push_key=settings.push_api_key,
            ),
            pulumi.ResourceOptions(parent=self),
        ).image


def _place(workload: Workload) -> Mapping[str, pulumi.Output[str]]:
    return {"namespace": workload.namespace, "name": workload.name}
