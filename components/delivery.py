"""The whole delivery, in the order of the story: namespace, images, identity, pull access, workloads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import pulumi

from components.identity import PullIdentity, PullIdentityArgs
from components.image import ContainerImage, ContainerImageArgs, PulledImage, existing_image, listed, with_room
from components.names import child
from components.namespace import RegistryNamespace, RegistryNamespaceArgs
from components.preflight import Preflight
from components.pull_access import PullAccess, PullAccessArgs
from components.workload import Workload, WorkloadArgs
from config.model import Settings
from config.workloads import WorkloadSettings

GIVEN = "given"
"""In place of a policy's id, where somebody else made the key."""


@dataclass(frozen=True)
class _Pull:
    identity: PullIdentity | None
    access: PullAccess


class PrivateImage(pulumi.ComponentResource):
    """Composes the parts and hands each what it needs of the others; owns nothing.

    `opts` brings the cluster's provider, and that of IBM Cloud where it isn't the default one; `preflight` looks, if it
    is given, at the cluster's nodes and into the images before any Pod.
    """

    registry_namespace: pulumi.Output[str]
    image_reference: pulumi.Output[str]
    """Of the first workload."""
    service_id: pulumi.Output[str] | None
    """Of the first workload, as all that follows; None where the key is given."""
    access_policy_id: pulumi.Output[str] | None
    api_key_id: pulumi.Output[str] | None
    pull_secret: pulumi.Output[str]
    service_account: pulumi.Output[str]
    pods: pulumi.Output[dict[str, dict[str, str]]]
    """Pods by name, each with its Kubernetes `namespace` and `name`; a Deployment's have names of its own."""
    workloads: pulumi.Output[dict[str, dict[str, str | int]]]
    """Each with `kind`, Kubernetes `namespace` and `name`, the `image` that it runs, its size in the registry in bytes,
    and the gate's verdict on it."""

    def __init__(
        self,
        name: str,
        settings: Settings,
        kubernetes_namespace: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
        preflight: Preflight | None = None,
    ) -> None:
        super().__init__("icr-private-image:delivery:PrivateImage", name, None, opts)
        owned = pulumi.ResourceOptions(parent=self)
        namespace = RegistryNamespace(
            child(name, "delivery", "namespace"),
            RegistryNamespaceArgs(
                name=settings.registry_namespace,
                region=settings.region,
                mode=settings.registry_namespace_mode,
                retain_images=settings.retain_images,
            ),
            pulumi.ResourceOptions(parent=self, protect=settings.protect),
        )
        delivered = settings.delivered()
        asked = pulumi.InvokeOptions(parent=self)
        room = with_room(namespace.namespace, settings.region, asked) if _builds(delivered) else namespace.namespace
        # The story's workload gives its parts their plain names.
        part = {key: child(name, "delivery", "" if key == settings.pod_name else f"{key}-") for key in delivered}
        images: dict[str, PulledImage] = {}
        for key, each in delivered.items():
            platform = each.platform or settings.platform
            built = self._image(f"{part[key]}image", key, each, settings, room)
            # A preview without a key can say nothing of an image that is named by digest.
            unasked = pulumi.runtime.is_dry_run() and not each.build
            image = built if unasked else listed(built, platform, settings.region, asked)
            if preflight:
                image = replace(image, reference=preflight.held(key, image.reference, each, platform))
            images[key] = image
        proved = {key: {f"{part[key]}pull": image} for key, image in images.items()}
        own = settings.pull_identity.kind == "workload"
        pulls = [
            self._pull(
                part[keys[0]] if own else child(name, "delivery", ""),
                "" if not own or keys[0] == settings.pod_name else f"-{keys[0]}",
                {proof: image for key in keys for proof, image in proved[key].items()},
                settings,
                namespace.namespace,
                kubernetes_namespace,
            )
            for keys in ([[key] for key in delivered] if own else [list(delivered)])
        ]
        access = {proof: each.access for each in pulls for proof in each.access.proofs}
        workloads: dict[str, Workload] = {}
        for key, each in delivered.items():
            proof = f"{part[key]}pull"
            workloads[key] = Workload(
                f"{part[key]}workload",
                WorkloadArgs(
                    name=key,
                    kubernetes_namespace=kubernetes_namespace,
                    image=images[key].reference,
                    service_account_name=access[proof].service_account_name,
                    pull_secret_name=access[proof].secret_name,
                    settings=each,
                    region=settings.region,
                    repository=images[key].repository,
                    digest=images[key].digest,
                    after=[access[proof].proofs[proof]],
                    timeout_seconds=settings.pod_timeout_seconds,
                ),
                owned,
            )
        identity, first = pulls[0].identity, pulls[0].access
        self.registry_namespace = namespace.namespace
        self.image_reference = next(iter(images.values())).reference
        self.service_id = identity.service_id if identity else None
        self.access_policy_id = identity.policy_id if identity else None
        self.api_key_id = identity.api_key_id if identity else None
        self.pull_secret = first.secret_name
        self.service_account = first.service_account_name
        self.pods = pulumi.Output.all(
            **{key: _place(each) for key, each in workloads.items() if delivered[key].kind == "Pod"}
        )
        self.workloads = pulumi.Output.all(
            **{
                key: pulumi.Output.all(
                    kind=delivered[key].kind,
                    image=images[key].reference,
                    sizeBytes=images[key].size,
                    **_place(each),
                    **_security(each),
                )
                for key, each in workloads.items()
            }
        )
        self.register_outputs({"imageReference": self.image_reference, "pods": self.pods})

    def _pull(
        self,
        stem: str,
        suffix: str,
        images: Mapping[str, PulledImage],
        settings: Settings,
        namespace: pulumi.Output[str],
        kubernetes_namespace: pulumi.Input[str],
    ) -> _Pull:
        """Make who pulls these images, unless a key is given, and what carries the key in the cluster."""
        owned = pulumi.ResourceOptions(parent=self)
        given = settings.pull_identity.given_key()
        identity = None
        if given is None:
            identity = PullIdentity(
                f"{stem}identity",
                PullIdentityArgs(
                    service_id_name=f"{settings.service_id_name}{suffix}",
                    api_key_name=f"{settings.api_key_name}{suffix}",
                    region=settings.region,
                    namespace=namespace,
                    role=settings.pull_role,
                    epoch=settings.key_epoch,
                    revoke_previous=settings.revoke_previous,
                    expires_after_days=settings.expires_after_days or None,
                    rotate_after_days=settings.rotate_after_days or None,
                    protect=settings.protect,
                ),
                owned,
            )
        access = PullAccess(
            f"{stem}access",
            PullAccessArgs(
                registry_host=settings.registry_host,
                images=images,
                api_key=identity.api_key if identity else given or "",
                policy_id=identity.policy_id if identity else GIVEN,
                policy_modified_at=identity.policy_modified_at if identity else None,
                kubernetes_namespace=kubernetes_namespace,
                secret_name=f"{settings.pull_secret_name}{suffix}",
                service_account_name=f"{settings.service_account_name}{suffix}",
                timeout_seconds=settings.access_timeout_seconds,
            ),
            owned,
        )
        return _Pull(identity, access)

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


def _security(workload: Workload) -> Mapping[str, pulumi.Output[str]]:
    return {"security": workload.security} if workload.security else {}


def _builds(workloads: Mapping[str, WorkloadSettings]) -> bool:
    return any(each.build for each in workloads.values())
