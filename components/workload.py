"""The Pod that runs the image."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as kubernetes

from components.objects import UNCHANGED, metadata

COMMAND = ["sh", "-c", "tail -f /dev/null"]
GRACE_SECONDS = 1
"""The command ignores SIGTERM, so every second of grace is a second that a replacement waits for nothing."""


@dataclass(frozen=True, kw_only=True)
class WorkloadArgs:
    """A Pod `name` that runs `image` (by digest) as `service_account_name`."""

    name: str
    kubernetes_namespace: str
    image: pulumi.Input[str]
    service_account_name: pulumi.Input[str]
    timeout_seconds: int = 150


class Workload(pulumi.ComponentResource):
    """Owns one Pod with a fixed name: a new image replaces it, old one first."""

    pod_namespace: pulumi.Output[str]
    pod_name: pulumi.Output[str]

    def __init__(self, name: str, args: WorkloadArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("icr-private-image:delivery:Workload", name, None, opts)
        timeout = f"{args.timeout_seconds}s"
        pod = kubernetes.core.v1.Pod(
            "pod",
            metadata=metadata(args.name, args.kubernetes_namespace),
            spec={
                "service_account_name": args.service_account_name,
                "automount_service_account_token": False,
                "termination_grace_period_seconds": GRACE_SECONDS,
                "containers": [{"name": args.name, "image": args.image, "command": COMMAND}],
            },
            opts=pulumi.ResourceOptions(
                parent=self,
                custom_timeouts=pulumi.CustomTimeouts(create=timeout, update=timeout),
                ignore_changes=UNCHANGED,
            ),
        )
        self.pod_namespace = pod.metadata.namespace
        self.pod_name = pod.metadata.name
        self.register_outputs({"podNamespace": self.pod_namespace, "podName": self.pod_name})
