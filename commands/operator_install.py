"""The real Pulumi Kubernetes Operator in the sandbox's cluster: where it is had, and how it comes and goes."""

from __future__ import annotations

import io
import json
import tarfile
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from string import Template

import httpx

from base.paths import CHECKOUT
from commands import workspace_image
from fleet.kubectl import Cluster
from sandbox import toolchain
from sandbox.host.health import Endpoint
from sandbox.host.layout import Layout
from sandbox.images import debian_root, docker_engine
from sandbox.kubernetes import containerd

VERSION = "2.9.0"
MANIFEST = (
    f"https://raw.githubusercontent.com/pulumi/pulumi-kubernetes-operator/v{VERSION}/deploy/quickstart/install.yaml"
)
IMAGE = f"docker.io/pulumi/pulumi-kubernetes-operator:v{VERSION}"
REMEDY = "look at: kubectl get stacks,workspaces,pods -A; then the same again"
_OWN = CHECKOUT / "commands/operator.yaml"
_TRUSTING = "sandbox/pulumi-kubernetes-operator:1"
_NAMESPACE = "pulumi-kubernetes-operator"


class MissingError(Exception):
    """The operator can't be had; the text says what is missing, in a line."""


@dataclass(frozen=True)
class Operator:
    """`crds` is a file or folder of its custom resources; `archive` holds `image`, unless that is to be pulled."""

    image: str
    crds: Path
    archive: Path | None = None


@contextmanager
def found(environ: Mapping[str, str]) -> Generator[Operator]:
    """Yield the operator that the environment names, or the one that can be downloaded; raises MissingError."""
    archive, crds = environ.get("OPERATOR"), environ.get("OPERATOR_CRDS")
    if archive:
        if not crds:
            raise MissingError("OPERATOR is given, and OPERATOR_CRDS, a folder of its custom resources, is not")
        for path in (Path(archive), Path(crds)):
            if not path.exists():
                raise MissingError(f"{path} isn't there")
        yield Operator(image_in(Path(archive)), Path(crds), Path(archive))
        return
    try:
        answer = httpx.get(MANIFEST, timeout=10, follow_redirects=True)
        answer.raise_for_status()
    except httpx.HTTPError as error:
        raise MissingError(
            f"{MANIFEST} can't be had ({error}), and OPERATOR (an archive of the operator's image) isn't set"
        ) from None
    documents = [each for each in answer.text.split("\n---\n") if "kind: CustomResourceDefinition" in each]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "crds.yaml")
        file.write_text("\n---\n".join(documents))
        yield Operator(IMAGE, file)


def image_in(archive: Path) -> str:
    """Return the name of the image in an archive; raises MissingError if it is none."""
    try:
        with tarfile.open(archive) as tar:
            member = tar.extractfile("manifest.json")
            listed: list[dict[str, list[str]]] = json.load(member) if member else []
        return listed[0]["RepoTags"][0]
    except (tarfile.TarError, KeyError, IndexError, ValueError, OSError) as error:
        raise MissingError(f"{archive} is no archive of an image, as `docker save` writes it ({error})") from None


@contextmanager
def installed(operator: Operator, layout: Layout, tools: toolchain.Tools, cluster: Cluster) -> Generator[None]:
    """Have the operator run in the sandbox's cluster while the block runs."""
    engine = docker_engine.engine(layout)
    _have_image(engine, operator)
    give(layout, tools, _trusting(engine, operator.image, layout.pki / "ca.crt"), also=operator.image)
    manifest = Template(_OWN.read_text()).substitute(image=f"docker.io/{_TRUSTING}")
    try:
        cluster.run("apply", "--server-side", "--filename", str(operator.crds))
        cluster.run("apply", "--server-side", "--filename", "-", given=manifest)
        until = ("--for=condition=Available", "--timeout=180s")
        cluster.run("wait", *until, "deployment", "--all", "--namespace", _NAMESPACE)
        yield
    finally:
        cluster.run("delete", "--ignore-not-found", "--filename", "-", given=manifest)
        cluster.run("delete", "--ignore-not-found", "--filename", str(operator.crds))


def give(layout: Layout, tools: toolchain.Tools, image: str, also: str = "") -> str:
    """Give an image of the Docker Engine to the node, under a second name too; returns its name there."""
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder, "image.tar")
        workspace_image.save(docker_engine.engine(layout), image, archive)
        containerd.give_image(layout, tools.debian, archive)
    if also:
        containerd.name_image(layout, tools.debian, f"docker.io/{image}", also)
    return f"docker.io/{image}"


def _have_image(engine: Endpoint, operator: Operator) -> None:
    if operator.archive is None:
        name, _, tag = operator.image.rpartition(":")
        workspace_image.told(engine, "/images/create", {"fromImage": name, "tag": tag})
        return
    with operator.archive.open("rb") as file:
        workspace_image.told(engine, "/images/load", {}, debian_root.chunks(file))


def _trusting(engine: Endpoint, image: str, authority: Path) -> str:
    """Build the image once more with the sandbox's authority in it: manager and agent clone from a server of it."""
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as tar:
        tar.add(authority, "ca.crt")
        dockerfile = f"FROM {image}\nCOPY --chown=0:0 ca.crt /etc/ssl/certs/ca-certificates.crt\n"
        workspace_image.add_text(tar, "Dockerfile", dockerfile)
    workspace_image.told(engine, "/build", {"t": _TRUSTING}, iter([context.getvalue()]))
    return _TRUSTING
