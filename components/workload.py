"""What runs the image: a Pod, or a Deployment of Pods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.apps import v1 as apps
from pulumi_kubernetes.core import v1 as core
from pulumi_kubernetes.meta import v1 as meta

import ibm_native
from components.names import child
from components.objects import UNCHANGED, metadata
from config.workloads import Probe, Security, WorkloadSettings

LABEL = "app.kubernetes.io/name"
"""By which a Deployment finds its Pods (Kubernetes' docs, "Recommended Labels")."""
ARCHITECTURE = "kubernetes.io/arch"
"""A node's label; a Pod waits, with the scheduler's own words, where no node has its image's architecture."""
PAGE_SAYS = 'case "$(cat "$0")" in *"$1"*) ;; *) echo "$0 lacks: $1" >&2; exit 1;; esac'


@dataclass(frozen=True, kw_only=True)
class WorkloadArgs:
    """A Pod or Deployment `name` that runs `image` (by digest) as `service_account_name`; `after` comes before it.

    `repository` and `digest`, of the image, and `region` are for the settings' gate.
    """

    name: str
    kubernetes_namespace: pulumi.Input[str]
    image: pulumi.Input[str]
    service_account_name: pulumi.Input[str]
    pull_secret_name: pulumi.Input[str]
    settings: WorkloadSettings
    region: str
    repository: pulumi.Input[str]
    digest: pulumi.Input[str]
    after: Sequence[pulumi.Resource] = ()
    timeout_seconds: int = 150


class Workload(pulumi.ComponentResource):
    """Owns one Pod with a fixed name, which a new image replaces, old one first; or one Deployment.

    And the gate that its image must pass, if there is one: a finding that blocks leaves what runs as it is.
    """

    namespace: pulumi.Output[str]
    name: pulumi.Output[str]
    security: pulumi.Output[str] | None
    """Vulnerability Advisor's verdict on the image; None where nobody asked."""

    def __init__(self, name: str, args: WorkloadArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("icr-private-image:delivery:Workload", name, None, opts)
        gate = _gate(child(name, "workload", "gate"), args, self)
        self.security = gate.status if gate else None
        timeout = f"{args.timeout_seconds}s"
        owned = pulumi.ResourceOptions(
            parent=self,
            custom_timeouts=pulumi.CustomTimeouts(create=timeout, update=timeout),
            depends_on=[*args.after, *([gate] if gate else [])],
            ignore_changes=UNCHANGED,
        )
        if args.settings.kind == "Pod":
            about = metadata(args.name, args.kubernetes_namespace)
            made = core.Pod(child(name, "workload", "pod"), metadata=about, spec=pod_spec(args), opts=owned)
        else:
            labels = {LABEL: args.name}
            made = apps.Deployment(
                child(name, "workload", "deployment"),
                metadata=metadata(args.name, args.kubernetes_namespace, labels),
                spec=apps.DeploymentSpecArgs(
                    replicas=args.settings.replicas,
                    strategy=apps.DeploymentStrategyArgs(
                        type=args.settings.strategy,
                        rolling_update=_rolling() if args.settings.strategy == "RollingUpdate" else None,
                    ),
                    selector=meta.LabelSelectorArgs(match_labels=labels),
                    template=core.PodTemplateSpecArgs(metadata=meta.ObjectMetaArgs(labels=labels), spec=pod_spec(args)),
                ),
                opts=owned,
            )
        self.namespace, self.name = made.metadata.namespace, made.metadata.name
        self.register_outputs({"namespace": self.namespace, "name": self.name})


def _rolling() -> apps.RollingUpdateDeploymentArgs:
    """Return Kubernetes' own defaults: what the program sets it takes away again where a workload goes to Recreate.

    Not a constant: the SDK imports the group `apps` when it is first used, and a stack of Pods never uses it.
    """
    return apps.RollingUpdateDeploymentArgs(max_surge="25%", max_unavailable="25%")


def _gate(name: str, args: WorkloadArgs, parent: pulumi.Resource) -> ibm_native.ScanGate | None:
    chosen = args.settings.gate
    if chosen is None or chosen.action == "off":
        return None
    action = "fail" if chosen.action == "block" else "warn"
    return ibm_native.ScanGate(
        name,
        ibm_native.ScanGateArgs(
            region=args.region,
            repository=args.repository,
            digest=args.digest,
            max_issues=chosen.allowed,
            exemptions=[f"{key}: {each.reason}; until {each.until}" for key, each in chosen.exemptions.items()] or None,
            on_issues=action,
            on_unsupported=action,
        ),
        opts=pulumi.ResourceOptions(parent=parent),
    )


def pod_spec(args: WorkloadArgs) -> core.PodSpecArgs:
    """Return the spec of the workload's Pods; what isn't set is left to Kubernetes and to the image."""
    settings, security = args.settings, args.settings.security_context
    container = core.ContainerArgs(
        name=args.name,
        image=args.image,
        command=settings.command,
        args=settings.args,
        ports=[core.ContainerPortArgs(container_port=port) for port in settings.ports] or None,
        env=[core.EnvVarArgs(name=key, value=value) for key, value in sorted(settings.env.items())] or None,
        env_from=[core.EnvFromSourceArgs(secret_ref=core.SecretEnvSourceArgs(name=each)) for each in settings.env_from]
        or None,
        resources=core.ResourceRequirementsArgs(
            requests=settings.resources.requests or None, limits=settings.resources.limits or None
        )
        if settings.resources.requests or settings.resources.limits
        else None,
        readiness_probe=_probe(settings.probes.readiness),
        liveness_probe=_probe(settings.probes.liveness),
        startup_probe=_probe(settings.probes.startup),
        security_context=_security(security) if security else None,
    )
    return core.PodSpecArgs(
        service_account_name=args.service_account_name,
        automount_service_account_token=False,
        termination_grace_period_seconds=settings.termination_grace_period_seconds,
        containers=[container],
        node_selector={ARCHITECTURE: settings.platform.removeprefix("linux/")} if settings.platform else None,
        image_pull_secrets=[core.LocalObjectReferenceArgs(name=args.pull_secret_name)]
        if settings.pull_via == "pod"
        else None,
    )


def _probe(probe: Probe | None) -> core.ProbeArgs | None:
    if probe is None:
        return None
    command = ("sh", "-c", PAGE_SAYS, probe.page.file, probe.page.text) if probe.page else probe.command
    return core.ProbeArgs(
        http_get=core.HTTPGetActionArgs(path=probe.http.path, port=probe.http.port) if probe.http else None,
        tcp_socket=core.TCPSocketActionArgs(port=probe.tcp) if probe.tcp else None,
        exec_=core.ExecActionArgs(command=command) if command else None,
        initial_delay_seconds=probe.initial_delay_seconds,
        period_seconds=probe.period_seconds,
        timeout_seconds=probe.timeout_seconds,
        failure_threshold=probe.failure_threshold,
    )


def _security(security: Security) -> core.SecurityContextArgs:
    """Return the context: no new rights for anybody, and for a user of its own nothing of root's."""
    return core.SecurityContextArgs(
        allow_privilege_escalation=False,
        seccomp_profile=core.SeccompProfileArgs(type="RuntimeDefault"),
        read_only_root_filesystem=security.read_only_root_filesystem,
        run_as_user=security.run_as_user,
        run_as_non_root=True if security.run_as_user else None,
        capabilities=core.CapabilitiesArgs(drop=["ALL"]) if security.run_as_user else None,
    )
