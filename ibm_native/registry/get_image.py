"""Function getImage: an image of the registry as it is now, by tag or by digest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from ibm_native.cloud.client import Cloud
from ibm_native.cloud.errors import ProviderError
from ibm_native.cloud.refusals import Job
from ibm_native.cloud.sdk import mapping, objects, text
from ibm_native.model import rules
from ibm_native.model.function import Function
from ibm_native.model.inputs import Args, In, Prop

_NEEDS = "the role Reader or Manager on container-registry"


class GetImageArgs(Args):
    """Which image: by tag or by digest."""

    region: In[str] = In("Region of the registry, such as jp-tok.", rule=rules.region)
    repository: In[str] = In("Repository as `namespace/name`.", rule=rules.repository)
    tag: In[str | None] = In("Tag; `latest`, if neither tag nor digest is given.", default=None)
    digest: In[str | None] = In("Digest.", rule=rules.digest, default=None)


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
    reply = await cloud.registry(
        region, Job(what, _NEEDS), lambda api: api.list_image_digests(exclude_va=True, repositories=[name])
    )
    for each in objects(reply.body):
        tags = sorted(mapping(mapping(each.get("repoTags")).get(name)))
        if (digest is None or text(each, "id") == digest) and (tag is None or tag in tags):
            found, size = text(each, "id"), each.get("size")
            bytes_taken = size if isinstance(size, int) else 0
            return GetImageResult(digest=found, reference=f"{name}@{found}", tags=tuple(tags), size_bytes=bytes_taken)
    wanted = name + (f":{tag}" if tag else "") + (f"@{digest}" if digest else "")
    raise ProviderError(what, f"the registry has no image {wanted}", "Was it pushed to this region and namespace?")


get_image = Function("ibm-native:registry:getImage", GetImageArgs, GetImageResult, _NEEDS, _answer)
