"""`fleet export`: writes stacks as another engine takes them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from base import files
from base.errors import SandboxError
from fleet.operator_manifests import Place, manifests, secrets_of
from fleet.operator_schema import check
from fleet.options import Selection


def export(  # noqa: PLR0913, PLR0917 - each is an option of the command line
    selection: Selection,
    operator: Annotated[bool, typer.Option("--operator", help="For the Pulumi Kubernetes Operator.")] = False,
    image: Annotated[str, typer.Option(help="Workspace image: make workspace-image.")] = "",
    repository: Annotated[str, typer.Option("--repo", help="Git repository, https:// or ssh://.")] = "",
    branch: Annotated[str, typer.Option(help="Branch that is followed.")] = Place.branch,
    namespace: Annotated[str, typer.Option(help="Kubernetes namespace of the Stacks.")] = Place.namespace,
    backend: Annotated[str, typer.Option(help="Where the states are; empty: Pulumi Cloud.")] = Place.backend,
    secret: Annotated[str, typer.Option(help="Secret with the stacks' variables.")] = Place.secret,
    pull_secret: Annotated[str, typer.Option(help="Secret that pulls the workspace image.")] = Place.pull_secret,
    docker_host: Annotated[str, typer.Option(help="Docker Engine that builds, as Pods reach it.")] = Place.docker_host,
    resync: Annotated[int, typer.Option(min=60, help="Seconds between two refreshes.")] = Place.resync_seconds,
    destroy_with_stack: Annotated[
        bool, typer.Option("--destroy-with-stack", help="Deleting a Stack destroys what it made.")
    ] = Place.destroy_with_stack,
    crds: Annotated[
        Path | None, typer.Option(envvar="OPERATOR_CRDS", help="The operator's CRDs, to hold the objects against.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder to write to, for kubectl apply -k.")] = Path("operator"),
) -> None:
    """Write stacks as objects for the Pulumi Kubernetes Operator, and a kustomization of them."""
    if not operator:
        raise SandboxError("nothing says for which engine", "fleet export --operator")
    if not image or not repository.startswith(("https://", "ssh://")):
        raise SandboxError(
            f"got --image {image!r} --repo {repository!r}; expected an image, and https:// or ssh:// in front of a "
            "repository: the operator takes no other",
            "fleet export --operator --image IMAGE --repo https://HOST/OWNER/NAME.git --all",
        )
    place = Place(
        image=image,
        repository=repository,
        branch=branch,
        namespace=namespace,
        backend=backend,
        secret=secret,
        pull_secret=pull_secret,
        docker_host=docker_host,
        resync_seconds=resync,
        destroy_with_stack=destroy_with_stack,
    )
    made = {f"{stack.name}.yaml": manifests(stack, place) for stack in selection.chosen}
    against = check([each for objects in made.values() for each in objects], crds)
    write(out, made)
    print(f"{len(selection.chosen)} stacks are in {out}, and fit {against}. What they need, then how they start:")
    print(f"    kubectl create namespace {namespace}")
    print(f"    kubectl create secret generic {secret} --namespace {namespace} --from-env-file={secret}.env")
    print(f"        # {secret}.env, for your eyes only, has a line for each: {'=... '.join(secrets_of(place))}=...")
    print(f"    kubectl apply -k {out}")


def write(out: Path, made: dict[str, list[dict[str, Any]]]) -> None:
    """Write objects by the name of their file, and a kustomization of them."""
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": sorted(made),
    }
    out.mkdir(parents=True, exist_ok=True)
    for name, objects in {**made, "kustomization.yaml": [kustomization]}.items():
        files.write(out / name, yaml.safe_dump_all(objects, sort_keys=False, width=120), 0o644)
