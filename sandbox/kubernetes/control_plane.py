"""Kubernetes's control plane: etcd, API server, controller manager and scheduler, all from one binary.

Each part listens on 127.0.0.1 only, etcd on a unix socket only.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import yaml

from base import files
from sandbox import addresses
from sandbox.host.health import Endpoint
from sandbox.host.layout import Layout
from sandbox.host.supervisor import Command, Part
from sandbox.kubernetes import network, pki
from sandbox.kubernetes.containerd import environ
from sandbox.toolchain import Tools

NODE = "sandbox"
CONTEXT = "sandbox"

CONTROLLER_MANAGER_PORT = 7457
SCHEDULER_PORT = 7459
"""Not Kubernetes's usual ones, so that another cluster on this machine is in nobody's way."""

ISSUER = "https://kubernetes.default.svc.cluster.local"
"""Who issues ServiceAccounts' tokens; signed with `service-account.key` of the cluster's keys."""

_SERVER = f"https://{addresses.KUBERNETES_ADDRESS}"


def etcd(layout: Layout) -> Part:
    """Return Kubernetes's database; only the owner of its socket can speak to it."""
    socket = layout.socket("etcd")
    endpoint = Endpoint("http://localhost", socket)
    return Part("etcd", "etcd", f"unix://{socket}", lambda: endpoint.problem("/health"), usually=1, socket=socket)


def etcd_command(layout: Layout, tools: Tools) -> Command:
    """Return how etcd is started: a single member, so elections are over at once."""
    # Whom a member announces must look like host and port. Here nobody ever follows that.
    peer = "http://localhost:2380"
    return command(
        layout,
        tools,
        "etcd",
        {
            "name": NODE,
            "data-dir": layout.root / "etcd",
            "listen-client-urls": f"unix://{layout.socket('etcd')}",
            "advertise-client-urls": "http://localhost:2379",
            "listen-peer-urls": f"unix://{layout.socket('etcd-peer')}",
            "initial-advertise-peer-urls": peer,
            "initial-cluster": f"{NODE}={peer}",
            "heartbeat-interval": 20,
            "election-timeout": 200,
            "log-level": "warn",
        },
    )


def apiserver(layout: Layout) -> Part:
    """Return the API server."""
    endpoint = api(layout)
    return Part("kube-apiserver", "Kubernetes API server", _SERVER, lambda: endpoint.problem("/readyz"), usually=4)


def apiserver_command(layout: Layout, tools: Tools) -> Command:
    """Return how the API server is started."""
    host, port = addresses.KUBERNETES_ADDRESS.split(":")
    keys = layout.pki
    return command(
        layout,
        tools,
        "kube-apiserver",
        {
            "bind-address": host,
            "advertise-address": host,
            "secure-port": port,
            # An address on loopback is no endpoint that Pods could use, and without it nothing else is wanted.
            "endpoint-reconciler-type": "none",
            "etcd-servers": f"unix://{layout.socket('etcd')}",
            "authorization-mode": "Node,RBAC",
            "enable-admission-plugins": "NodeRestriction",
            "service-cluster-ip-range": network.SERVICES,
            "tls-cert-file": keys / "control-plane.crt",
            "tls-private-key-file": keys / "control-plane.key",
            "client-ca-file": keys / "ca.crt",
            "kubelet-certificate-authority": keys / "ca.crt",
            "kubelet-client-certificate": keys / "apiserver-to-kubelet.crt",
            "kubelet-client-key": keys / "apiserver-to-kubelet.key",
            "kubelet-preferred-address-types": "InternalIP",
            "service-account-issuer": ISSUER,
            "service-account-key-file": keys / "service-account.pub",
            "service-account-signing-key-file": keys / "service-account.key",
            "profiling": "false",
        },
    )


def controller_manager(layout: Layout) -> Part:
    """Return the controller manager; healthy when it has made what the first Pod needs."""
    url = f"https://127.0.0.1:{CONTROLLER_MANAGER_PORT}"
    endpoint, server = Endpoint(url, pki=layout.pki), api(layout)

    def problem() -> str | None:
        return endpoint.problem("/healthz") or server.problem("/api/v1/namespaces/default/serviceaccounts/default")

    return Part("kube-controller-manager", "Kubernetes controller manager", url, problem, usually=4)


def controller_manager_command(layout: Layout, tools: Tools) -> Command:
    """Return how the controller manager is started."""
    return command(
        layout,
        tools,
        "kube-controller-manager",
        _controller(layout, "kube-controller-manager", CONTROLLER_MANAGER_PORT)
        | {
            # Each controller acts under its own name, for which Kubernetes has a role.
            "use-service-account-credentials": "true",
            "service-account-private-key-file": layout.pki / "service-account.key",
            "root-ca-file": layout.pki / "ca.crt",
            "cluster-name": CONTEXT,
        },
    )


def scheduler(layout: Layout) -> Part:
    """Return the scheduler."""
    url = f"https://127.0.0.1:{SCHEDULER_PORT}"
    endpoint = Endpoint(url, pki=layout.pki)
    return Part("kube-scheduler", "Kubernetes scheduler", url, lambda: endpoint.problem("/healthz"), usually=4)


def scheduler_command(layout: Layout, tools: Tools) -> Command:
    """Return how the scheduler is started."""
    return command(layout, tools, "kube-scheduler", _controller(layout, "kube-scheduler", SCHEDULER_PORT))


def api(layout: Layout) -> Endpoint:
    """Return the API server as its administrator sees it."""
    return Endpoint(_SERVER, pki=layout.pki)


def ensure_credentials(layout: Layout) -> bool:
    """Make the cluster's certificates, and a kubeconfig for each part and for the user; True if they are new ones."""
    made = pki.ensure(layout.pki, NODE)
    for client in ("node", "kube-controller-manager", "kube-scheduler"):
        files.write(layout.pki / f"{client}.kubeconfig", _kubeconfig(layout, client))
    files.write(layout.kubeconfig, _kubeconfig(layout, "admin"))
    return made


def command(layout: Layout, tools: Tools, program: str, options: Mapping[str, str | int | Path]) -> Command:
    """Return how one program of the binary is started with these flags."""
    flags = [f"--{name}={value}" for name, value in options.items()]
    return Command([tools.node, program, *flags], environ(layout, tools.debian))


def _controller(layout: Layout, name: str, port: int) -> dict[str, str | int | Path]:
    kubeconfig = layout.pki / f"{name}.kubeconfig"
    return {
        "bind-address": "127.0.0.1",
        "secure-port": port,
        "kubeconfig": kubeconfig,
        "authentication-kubeconfig": kubeconfig,
        "authorization-kubeconfig": kubeconfig,
        "tls-cert-file": layout.pki / "control-plane.crt",
        "tls-private-key-file": layout.pki / "control-plane.key",
        # There is only ever one; an election would only make a restart wait.
        "leader-elect": "false",
        "profiling": "false",
    }


def _kubeconfig(layout: Layout, client: str) -> str:
    keys = layout.pki
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": CONTEXT,
            "contexts": [{"name": CONTEXT, "context": {"cluster": CONTEXT, "user": client}}],
            "clusters": [
                {"name": CONTEXT, "cluster": {"server": _SERVER, "certificate-authority": str(keys / "ca.crt")}}
            ],
            "users": [
                {
                    "name": client,
                    "user": {
                        "client-certificate": str(keys / f"{client}.crt"),
                        "client-key": str(keys / f"{client}.key"),
                    },
                }
            ],
        },
        sort_keys=False,
    )
