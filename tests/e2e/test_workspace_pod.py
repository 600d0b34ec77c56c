"""A stack in a Pod, from the workspace image and the exported objects: what the operator's agent does there."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from base.paths import CHECKOUT
from commands import workspace_image
from fleet import inventory
from fleet.operator_manifests import Object, Place, manifests
from fleet.operator_schema import check
from sandbox import addresses, toolchain
from sandbox.endpoints import object_store
from sandbox.endpoints.object_store import ObjectStore
from sandbox.host.layout import Layout
from sandbox.images import docker_engine
from sandbox.kubernetes import containerd, network
from tests.e2e.project import PAGE, PROGRAM, STACK, Project
from tests.e2e.sandbox_account import REGISTRY, Account

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]

SOURCE, EMPTY = "/share/source", "/share/empty"
EMPTY_PROJECT = "name: icr-private-image\nruntime: python\n"
"""All that there is where a deleted Stack is destroyed."""
SEEN = """
import json, os, socket, ssl, threading, urllib.request
from http.server import HTTPServer, SimpleHTTPRequestHandler

def found(name):
    try:
        return socket.gethostbyname(name)
    except OSError:
        return None

server = HTTPServer(("", 8000), SimpleHTTPRequestHandler)
threading.Thread(target=server.serve_forever, daemon=True).start()
tls = ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"])
api = f"https://{os.environ['KUBERNETES_SERVICE_HOST']}/version"
print(json.dumps({
    "names": {name: found(name) for name in ("kubernetes.default", "web", "pods", "iam.sandbox.internal", "jp.icr.io")},
    "page": urllib.request.urlopen("http://web:8080/").status,
    "api": json.load(urllib.request.urlopen(api, context=tls))["major"],
}))
"""


@dataclass
class Workspace:
    """A Pod of the workspace image, made of a stack's exported objects."""

    project: Project
    stack: Object
    namespace: str
    is_up: bool = False

    def kubectl(self, *words: str, given: object = None) -> str:
        """Run kubectl, with an object or bytes to read; asserts that it ends well."""
        content = given if isinstance(given, bytes) else json.dumps(given).encode()
        done = subprocess.run(
            ["kubectl", *words],
            env=dict(self.project.stack.environ),
            input=content,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        assert done.returncode == 0, done.stdout.decode()
        return done.stdout.decode()

    def apply(self, *objects: Object) -> None:
        """Make objects in the cluster."""
        self.kubectl("apply", "-f", "-", given={"apiVersion": "v1", "kind": "List", "items": [*objects]})

    def run(self, folder: str, *words: str, given: bytes = b"") -> str:
        """Run a program in the Pod."""
        inside = ["sh", "-c", f'mkdir -p {folder} && cd {folder} && exec "$@"', "sh", *words]
        return self.kubectl("exec", "-i", "workspace", "--namespace", self.namespace, "--", *inside, given=given)

    def destroy(self) -> None:
        """Destroy the stack in a folder without its source, as for a Stack that was deleted."""
        self.run(EMPTY, "python3", "-c", f"open('Pulumi.yaml', 'w').write({EMPTY_PROJECT!r})")
        self.run(EMPTY, "pulumi", "destroy", "--yes", "--skip-preview", "--stack", STACK)
        self.is_up = False

    def pod(self) -> Object:
        """Return the Pod that the operator would make of the Stack, restricted as it is there, but for its agent."""
        spec = self.stack["spec"]
        template = spec["workspaceTemplate"]["spec"]
        inside = template["podTemplate"]["spec"]
        secret = [
            {"name": name, "valueFrom": {"secretKeyRef": each["secret"]}} for name, each in spec["envRefs"].items()
        ]
        confined: dict[str, Any] = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
        container = {
            **inside["containers"][0],
            "image": template["image"],
            "command": ["sleep", "infinity"],
            "env": [*template["env"], {"name": "PULUMI_BACKEND_URL", "value": spec["backend"]}, *secret],
            "securityContext": confined,
        }
        container["volumeMounts"] = [*container["volumeMounts"], {"name": "share", "mountPath": "/share"}]
        group = {"runAsNonRoot": True, "fsGroup": 1000, "seccompProfile": {"type": "RuntimeDefault"}}
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "workspace", "namespace": self.namespace, "labels": {"app": "workspace"}},
            "spec": {
                **inside,
                "serviceAccountName": spec["serviceAccountName"],
                "terminationGracePeriodSeconds": 0,
                "securityContext": {**inside["securityContext"], **group},
                "containers": [container],
                "volumes": [*inside["volumes"], {"name": "share", "emptyDir": {}}],
            },
        }

    def source(self) -> bytes:
        """Return what a clone of the repository holds."""
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as tar:
            for name in (*PROGRAM, f"Pulumi.{STACK}.yaml"):
                tar.add(self.project.folder / name, name)
        return packed.getvalue()


@pytest.fixture
def store(tmp_path: Path, sandbox_home: Path) -> Iterator[ObjectStore]:
    assert sandbox_home.is_dir(), "Pods reach what listens on their bridge, which is there while the sandbox is up"
    with object_store.serving(tmp_path / "store", network.GATEWAY) as serving:
        yield serving


@pytest.fixture
def account(sandbox_home: Path) -> Iterator[Account]:
    made = Account((sandbox_home / "deployer.key").read_text().strip())
    yield made
    made.clean()


@pytest.fixture
def workspace(
    project: Project, sandbox_home: Path, store: ObjectStore, account: Account, tmp_path: Path
) -> Iterator[Workspace]:
    """Return a Pod that runs, in a Kubernetes namespace of its own."""
    layout, tools = Layout(sandbox_home), toolchain.ensure()
    engine = docker_engine.engine(layout)
    built = workspace_image.make(engine, tools)
    workspace_image.save(engine, built, tmp_path / "image.tar")
    containerd.give_image(layout, tools.debian, tmp_path / "image.tar")
    place = Place(
        image=f"docker.io/{built}",
        repository="https://git.example.com/team/delivery.git",
        namespace=f"pulumi-{project.suffix}",
        backend=store.url,
        docker_host=docker_engine.chosen(layout),
    )
    *objects, stack = manifests(inventory.read(project.folder, STACK), place)
    check([*objects, stack], None)
    made = Workspace(project, stack, place.namespace)
    passphrase = (CHECKOUT / "sandbox/dev.passphrase").read_text().strip()
    variables = {**store.environ, "IBMCLOUD_API_KEY": account.key, "PULUMI_CONFIG_PASSPHRASE": passphrase}
    made.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": place.namespace}})
    try:
        made.apply(
            *objects,
            _secret(place.secret, place.namespace, variables),
            _service("web", place.namespace),
            _service("pods", place.namespace, clusterIP="None"),
        )
        made.apply(made.pod())
        made.kubectl("wait", "--for=condition=Ready", "pod/workspace", "-n", place.namespace, "--timeout=180s")
        yield made
    finally:
        if made.is_up:
            with suppress(AssertionError):
                made.destroy()
        made.kubectl("delete", "namespace", place.namespace, "--wait=false")
        for each in objects:
            kind, about = each["kind"].lower(), each["metadata"]
            if about.get("namespace") != place.namespace:
                of = ["--namespace", about["namespace"]] if "namespace" in about else []
                made.kubectl("delete", kind, about["name"], *of)


def _secret(name: str, namespace: str, values: dict[str, str]) -> Object:
    about = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": about, "stringData": values}


def _service(name: str, namespace: str, **spec: object) -> Object:
    ports = [{"port": 8080, "targetPort": 8000}]
    about = {"name": name, "namespace": namespace}
    spec = {"selector": {"app": "workspace"}, "ports": ports, **spec}
    return {"apiVersion": "v1", "kind": "Service", "metadata": about, "spec": spec}


def test_a_stack_lives_in_a_pod_and_is_destroyed_without_its_source(
    workspace: Workspace, project: Project, account: Account
) -> None:
    address = workspace.kubectl("get", "pod", "workspace", "-n", workspace.namespace, "-o", "jsonpath={.status.podIP}")
    seen = json.loads(workspace.run("/share", "python3", "-c", SEEN).splitlines()[-1])
    web = seen["names"].pop("web")
    assert seen == {
        "names": {
            "kubernetes.default": network.API_SERVICE,
            "pods": address,
            "iam.sandbox.internal": network.GATEWAY,
            "jp.icr.io": None,
        },
        "page": 200,
        "api": "1",
    }
    assert web not in {None, address}

    unpack = "import sys, tarfile; tarfile.open(fileobj=sys.stdin.buffer, mode='r|gz').extractall('.')"
    workspace.run(SOURCE, "python3", "-c", unpack, given=workspace.source())
    installed = workspace.run(SOURCE, "pulumi", "install")
    assert "Collecting" not in installed, "something was to be downloaded"
    workspace.run(SOURCE, "pulumi", "stack", "select", "--create", STACK)
    config = workspace.stack["spec"]["config"]
    words = [word for key, value in config.items() for word in ("--plaintext", f"{key}={value}")]
    workspace.run(SOURCE, "pulumi", "config", "set-all", *words, "--stack", STACK)
    workspace.run(SOURCE, "pulumi", "refresh", "--yes", "--skip-preview", "--stack", STACK)
    workspace.is_up = True
    said = workspace.run(SOURCE, "pulumi", "up", "--yes", "--skip-preview", "--stack", STACK)

    image = json.loads(workspace.run(SOURCE, "pulumi", "stack", "output", "--json", "--stack", STACK))["imageReference"]
    assert image.startswith(f"{addresses.shared(REGISTRY)}/e2e-{project.suffix}/nginx-custom@sha256:")
    pod = f"nginx-{project.suffix}"
    assert project.kubectl("exec", pod, "--", "cat", "/usr/share/nginx/html/index.html").text == PAGE
    assert account.key not in said
    assert f"e2e-{project.suffix}" in account.namespaces()

    workspace.destroy()
    assert project.kubectl("get", "pod", pod).status != 0
    assert f"e2e-{project.suffix}" not in account.namespaces()
