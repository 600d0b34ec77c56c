"""Five resources by Terraform and IBM's provider beside this one: `python -m bench terraform`, against one stand-in.

Takes `TERRAFORM`, the path of terraform or tofu, and `TERRAFORM_IBM_PROVIDER`, that of IBM's terraform-provider-ibm.
It was written by that provider's documentation and never run with it, which could not be had: OpenTofu 1.12.6 took the
configuration, and its refusal of a program that is no provider was seen.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from bench.engine import Project, project
from bench.figures import Figure, ratio, seconds
from bench.provider import FIVE

ROUNDS = 5
PROGRAMS = ("TERRAFORM", "TERRAFORM_IBM_PROVIDER")
STEPS = {
    "plan": (("preview",), ("plan",)),
    "apply": (("up", "--yes", "--skip-preview"), ("apply", "-auto-approve")),
    "plan of nothing": (("preview", "--refresh", "--expect-no-changes"), ("plan", "-detailed-exitcode")),
    "destroy": (("destroy", "--yes", "--skip-preview"), ("destroy", "-auto-approve")),
}
"""Each with our words and Terraform's, which reads every resource before it plans: so do ours, by --refresh."""
CONFIGURATION = """
terraform {
  required_providers {
    ibm = { source = "IBM-Cloud/ibm" }
  }
}
resource "ibm_cr_namespace" "space" { name = "their-images" }
resource "ibm_cr_retention_policy" "retention" {
  namespace       = ibm_cr_namespace.space.id
  images_per_repo = 5
}
resource "ibm_iam_service_id" "identity" { name = "their-puller" }
resource "ibm_iam_service_policy" "policy" {
  iam_id = ibm_iam_service_id.identity.iam_id
  roles  = ["Reader"]
  resources {
    service = "container-registry"
    region  = "jp-tok"
  }
}
resource "ibm_iam_service_api_key" "key" {
  name           = "their-key"
  iam_service_id = ibm_iam_service_id.identity.iam_id
}
"""
ENDPOINTS = ("IAM", "IAMPAP", "CR", "RESOURCE_MANAGEMENT", "RESOURCE_CONTROLLER", "ACCOUNT_MANAGEMENT")


def measure(quick: bool) -> Iterator[Figure | str]:
    """Live the same life with both, in turns; without the two programs, say which is missing."""
    if missing := [name for name in PROGRAMS if not shutil.which(os.environ.get(name, ""))]:
        yield f"Terraform isn't measured: {' and '.join(missing)} must name a program that is installed here."
        return
    took: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as own, tempfile.TemporaryDirectory() as other, project(Path(own), FIVE) as made:
        environ = configured(Path(other), made)
        for number in range(1 if quick else ROUNDS):
            for step, (ours, theirs) in STEPS.items():
                works: dict[str, Callable[[], None]] = {
                    step: lambda words=ours: run(made.command(*words), made.folder, made.environ),
                    f"{step}, Terraform": lambda words=theirs: run(
                        [os.environ["TERRAFORM"], *words, "-input=false", "-no-color"], Path(other), environ
                    ),
                }
                for what in list(works)[:: -1 if number % 2 else 1]:
                    took.setdefault(what, []).append(seconds(works[what]))
    found = {what: Figure(what, "s", tuple(values)) for what, values in took.items()}
    yield from (ratio(f"{step}, to Terraform's", found[step], found[f"{step}, Terraform"]) for step in STEPS)
    yield from found.values()


def configured(folder: Path, made: Project) -> Mapping[str, str]:
    """Write a configuration of the same five resources, and return the environment that leads it to the stand-in."""
    (folder / "main.tf").write_text(CONFIGURATION)
    place = Path(os.environ["TERRAFORM_IBM_PROVIDER"]).resolve().parent
    settings = folder / "settings.tfrc"
    overrides = f'dev_overrides {{ "IBM-Cloud/ibm" = "{place}" }}'
    settings.write_text(f"provider_installation {{\n  {overrides}\n  direct {{}}\n}}\n")
    endpoints = {f"IBMCLOUD_{name}_API_ENDPOINT": made.cloud.url for name in ENDPOINTS}
    return {**made.environ, **endpoints, "IC_REGION": "jp-tok", "TF_CLI_CONFIG_FILE": str(settings)}


def run(words: list[str], folder: Path, environ: Mapping[str, str]) -> None:
    """Run a command; raises RuntimeError with what it said unless it ends with 0."""
    ran = subprocess.run(words, cwd=folder, env=environ, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise RuntimeError(f"{' '.join(words)}: {ran.stdout}{ran.stderr}")
