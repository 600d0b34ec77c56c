"""A real Kubernetes API server with its database, and the controllers that finish deletions; no node, so no kubelet.

What a kubelet would do to a Pod, tests do themselves: they write its status.
"""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from sandbox.kubernetes import pki

_START_SECONDS = 60.0
_STOP_SECONDS = 20.0
_CONTROLLERS = "garbage-collector-controller,namespace-controller,serviceaccount-controller"


@dataclass(frozen=True)
class ApiServer:
    """A running server; `http` is its administrator's connection, `kubeconfig` the same right for a plugin."""

    kubeconfig: Path
    http: httpx.Client

    def get(self, path: str) -> dict[str, Any] | None:
        """Return the object at a path, below /api/v1/ unless it begins with a slash, or None when there is none."""
        answer = self.http.get(_absolute(path))
        if answer.status_code == 404:
            return None
        return cast("dict[str, Any]", answer.raise_for_status().json())

    def post(self, path: str, body: dict[str, Any]) -> None:
        """Make an object."""
        self.http.post(_absolute(path), json=body).raise_for_status()

    def merge(self, path: str, body: dict[str, Any], manager: str = "somebody") -> None:
        """Change an object or its status as somebody else would: a merge patch under another manager's name."""
        headers = {"Content-Type": "application/merge-patch+json"}
        parameters = {"fieldManager": manager}
        answer = self.http.patch(_absolute(path), content=json.dumps(body), headers=headers, params=parameters)
        answer.raise_for_status()

    def delete(self, path: str) -> None:
        """Delete an object at once."""
        answer = self.http.request("DELETE", _absolute(path), json={"gracePeriodSeconds": 0})
        answer.raise_for_status()


def _absolute(path: str) -> str:
    return path if path.startswith("/") else f"/api/v1/{path}"


@contextmanager
def running(node: Path, folder: Path) -> Generator[ApiServer]:
    """Run etcd, kube-apiserver and the controllers out of the one binary `node`; their data and logs go to `folder`."""
    keys = folder / "pki"
    pki.ensure(keys, "tests")
    port = _free_port()
    address = f"https://127.0.0.1:{port}"
    kubeconfig = folder / "admin.kubeconfig"
    kubeconfig.write_text(json.dumps(_kubeconfig(address, keys)))
    context = ssl.create_default_context(cafile=keys / "ca.crt")
    context.load_cert_chain(keys / "admin.crt", keys / "admin.key")
    with ExitStack() as stack:
        http = stack.enter_context(httpx.Client(base_url=address, verify=context, trust_env=False))
        etcd = _etcd(folder)
        stack.enter_context(_process(node, "etcd", etcd, folder))
        stack.enter_context(_process(node, "kube-apiserver", _apiserver(port, keys, folder), folder))
        _wait_until(http, "/readyz", folder)
        stack.enter_context(_process(node, "kube-controller-manager", _controllers(kubeconfig, keys), folder))
        _wait_until(http, "/api/v1/namespaces/default/serviceaccounts/default", folder)
        yield ApiServer(kubeconfig, http)


def _etcd(folder: Path) -> dict[str, object]:
    peer = "http://localhost:2380"
    return {
        "name": "tests",
        "data-dir": folder / "etcd",
        "listen-client-urls": f"unix://{folder / 'etcd.sock'}",
        "advertise-client-urls": "http://localhost:2379",
        "listen-peer-urls": f"unix://{folder / 'peer.sock'}",
        "initial-advertise-peer-urls": peer,
        "initial-cluster": f"tests={peer}",
        "heartbeat-interval": 20,
        "election-timeout": 200,
        "unsafe-no-fsync": "true",
        "log-level": "warn",
    }


def _apiserver(port: int, keys: Path, folder: Path) -> dict[str, object]:
    return {
        "bind-address": "127.0.0.1",
        "advertise-address": "127.0.0.1",
        "secure-port": port,
        "endpoint-reconciler-type": "none",
        "etcd-servers": f"unix://{folder / 'etcd.sock'}",
        "authorization-mode": "RBAC",
        "service-cluster-ip-range": "10.89.0.0/24",
        "tls-cert-file": keys / "control-plane.crt",
        "tls-private-key-file": keys / "control-plane.key",
        "client-ca-file": keys / "ca.crt",
        "service-account-issuer": "https://kubernetes.default.svc.cluster.local",
        "service-account-key-file": keys / "service-account.pub",
        "service-account-signing-key-file": keys / "service-account.key",
        "profiling": "false",
    }


def _controllers(kubeconfig: Path, keys: Path) -> dict[str, object]:
    return {
        "kubeconfig": kubeconfig,
        "controllers": _CONTROLLERS,
        "leader-elect": "false",
        "secure-port": 0,
        "service-account-private-key-file": keys / "service-account.key",
    }


@contextmanager
def _process(node: Path, program: str, flags: dict[str, object], folder: Path) -> Generator[None]:
    command = [str(node), program, *(f"--{name}={value}" for name, value in flags.items())]
    with (folder / f"{program}.log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder)
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until(http: httpx.Client, path: str, folder: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        try:
            if http.get(path).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    logs = {path.name: path.read_text()[-800:] for path in folder.glob("*.log")}
    pytest.fail(f"{path} did not answer 200 within {_START_SECONDS:.0f} s: {logs}")


def _kubeconfig(address: str, keys: Path) -> dict[str, object]:
    user = {"client-certificate": str(keys / "admin.crt"), "client-key": str(keys / "admin.key")}
    cluster = {"server": address, "certificate-authority": str(keys / "ca.crt")}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "tests",
        "contexts": [{"name": "tests", "context": {"cluster": "tests", "user": "admin"}}],
        "clusters": [{"name": "tests", "cluster": cluster}],
        "users": [{"name": "admin", "user": user}],
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
