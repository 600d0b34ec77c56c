"""One stack: private images from one region's registry to one cluster."""

import pulumi

from components.cluster import Cluster, ClusterArgs
from components.delivery import PrivateImage
from components.preflight import Preflight
from components.settings import SettingsError, load

try:
    settings = load()
except SettingsError as error:
    raise pulumi.RunError(str(error)) from None

cluster = Cluster(
    "cluster",
    ClusterArgs(
        kubeconfig=settings.kubeconfig,
        context=settings.kubernetes_context,
        identifier=settings.cluster_identifier,
        namespace=settings.kubernetes_namespace,
        make_namespace=settings.kubernetes_namespace_mode == "create",
    ),
)
preflight = Preflight(settings.kubeconfig, settings.kubernetes_context)
opts = pulumi.ResourceOptions(providers=[cluster.provider])
delivery = PrivateImage("delivery", settings, cluster.namespace, opts, preflight)

pulumi.export("registryHost", settings.registry_host)
pulumi.export("registryNamespace", delivery.registry_namespace)
pulumi.export("imageReference", delivery.image_reference)
pulumi.export("serviceId", delivery.service_id)
pulumi.export("accessPolicyId", delivery.access_policy_id)
pulumi.export("apiKeyId", delivery.api_key_id)
pulumi.export("pullSecret", delivery.pull_secret)
pulumi.export("serviceAccount", delivery.service_account)
pulumi.export("pods", delivery.pods)
pulumi.export("workloads", delivery.workloads)
