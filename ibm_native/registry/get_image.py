"""Function getImage: an image of the registry as it is now, by tag or by digest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from ibm_native.cloud.client import Cloud
from ibm_native.cloud.errors import ProviderError
from ibm_native.cloud.refusals import Job
from ibm_native.cloud.sdk import Json, mapping, objects, text
from ibm_native.model import rules
from ibm_native.model.function import Function
from ibm_native.model.inputs import Args, In, Prop

LISTED_SECONDS = 20.0
"""How long an image that is asked for by digest, as after a push, may take to be in the list."""
_NEEDS = "the role Reader or Manager on container-registry"


class GetImageArgs(Args):
    """Which image: by tag or by digest."""

    region: In[str] = In("Region of the registry, such as jp-tok.", rule=rules.region)
    repository: In[str] = In("Repository as `namespace/name`.", rule=rules.repository)
    tag: In[str | None] = In("Tag; `latest`, if neither tag nor digest is given.", default=None)
    digest: In[str | None] = In("Digest.", rule=rules.digest, default=None)
    platform: In[str | None] = In(
        "Platform that it must be for, such as linux/amd64; an image for others only is refused.", default=None
    )


@dataclass(frozen=True, kw_only=True)
class GetImageResult:
    """An image of the registry as it is now, by digest."""

    digest: Annotated[str, Prop("Digest.")]
    reference: Annotated[str, Prop("The image by digest, `host/namespace/name@sha256:...`.")]
    tags: Annotated[Sequence[str], Prop("Its tags in the repository.")]
    size_bytes: Annotated[int, Prop("Size in bytes.")]


async def _answer(cloud: Cloud, given: GetImageArgs) -> GetImageResult:
    region, repository, digest = given.region, given.repository, given.digest
    tag = given.tag or (None if digest else "latest")
    what = f"look up image {repository}"
    name = f"{cloud.connection.registry_name(region, what)}/{repository}"

    async def listed() -> GetImageResult | None:
        reply = await cloud.registry(
            region, Job(what, _NEEDS), lambda api: api.list_image_digests(exclude_va=True, repositories=[name])
        )
        for each in objects(reply.body):
            tags = sorted(mapping(mapping(each.get("repoTags")).get(name)))
            found, size = text(each, "id"), each.get("size")
            if (digest is None or found == digest) and (tag is None or tag in tags):
                taken = size if isinstance(size, int) else 0
                return GetImageResult(digest=found, reference=f"{name}@{found}", tags=tuple(tags), size_bytes=taken)
        return None

    image = await cloud.pace.until(listed, within=LISTED_SECONDS if digest else 0, why=what)
    if image is None:
        wanted = name + (f":{tag}" if tag else "") + (f"@{digest}" if digest else "")
        raise ProviderError(what, f"the registry has no image {wanted}", "Was it pushed to this region and namespace?")
    if given.platform:
        await _hold_platform(cloud, region, image.reference, given.platform)
    return image


async def _hold_platform(cloud: Cloud, region: str, image: str, wanted: str) -> None:
    what = f"see which platform {image} is for"
    job = Job(what, _NEEDS)
    manifest = (await cloud.registry(region, job, lambda api: api.get_image_manifest(image))).fields
    found = {
        _platform(mapping(each.get("platform")), "os", "architecture") for each in objects(manifest.get("manifests"))
    }
    if not found:
        reply = await cloud.registry(region, job, lambda api: api.inspect_image(image))
        found = {_platform(reply.fields, "Os", "Architecture")}
    if wanted not in found:
        raise ProviderError(
            what,
            f"it is for {', '.join(sorted(found))}, and a node of {wanted} can't run it",
            f"Build it for {wanted} (from a base image that has that platform), or set the platform that the cluster's "
            "nodes have: `kubectl get nodes -L kubernetes.io/arch` shows it.",
        )


def _platform(fields: Json, system: str, architecture: str) -> str:
    return f"{text(fields, system)}/{text(fields, architecture)}"


get_image = Function("ibm-native:registry:getImage", GetImageArgs, GetImageResult, _NEEDS, _answer)
