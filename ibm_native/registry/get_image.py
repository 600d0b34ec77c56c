"""Function getImage: an image of the registry as it is now, by tag or by digest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import pulumi

from ibm_native.cloud.client import Cloud
from ibm_native.cloud.errors import ProviderError
from ibm_native.cloud.refusals import Job
from ibm_native.cloud.sdk import mapping, objects, text
from ibm_native.model import rules
from ibm_native.model.declare import Prop
from ibm_native.model.function import Answer, Function
from ibm_native.model.values import Values

_NEEDS = "the role Reader or Manager on container-registry"


@dataclass(frozen=True, kw_only=True)
class GetImageArgs:
    """Which image: by tag or by digest."""

    region: Annotated[pulumi.Input[str], Prop("Region of the registry, such as jp-tok.", rule=rules.region)]
    repository: Annotated[pulumi.Input[str], Prop("Repository as `namespace/name`.", rule=rules.repository)]
    tag: Annotated[pulumi.Input[str] | None, Prop("Tag; `latest`, if neither tag nor digest is given.")] = None
    digest: Annotated[pulumi.Input[str] | None, Prop("Digest.", rule=rules.digest)] = None


@dataclass(frozen=True, kw_only=True)
class GetImageResult:
    """An image of the registry as it is now, by digest."""

    digest: Annotated[str, Prop("Digest.")]
    reference: Annotated[str, Prop("The image by digest, `host/namespace/name@sha256:...`.")]
    tags: Annotated[Sequence[str], Prop("Its tags in the repository.")]
    size_bytes: Annotated[int, Prop("Size in bytes.")]


async def _answer(cloud: Cloud, given: Values) -> Answer:
    region, repository, digest = given.text("region"), given.text("repository"), given.maybe_text("digest")
    tag = given.maybe_text("tag") or (None if digest else "latest")
    what = f"look up image {repository}"
    name = f"{cloud.connection.registry_name(region, what)}/{repository}"
    reply = await cloud.registry(
        region, Job(what, _NEEDS), lambda api: api.list_image_digests(exclude_va=True, repositories=[name])
    )
    for each in objects(reply.body):
        tags = sorted(mapping(mapping(each.get("repoTags")).get(name)))
        if (digest is None or text(each, "id") == digest) and (tag is None or tag in tags):
            found, size = text(each, "id"), each.get("size")
            return {
                "digest": found,
                "reference": f"{name}@{found}",
                "tags": tuple(tags),
                "size_bytes": size if isinstance(size, int) else 0,
            }
    wanted = name + (f":{tag}" if tag else "") + (f"@{digest}" if digest else "")
    raise ProviderError(what, f"the registry has no image {wanted}", "Was it pushed to this region and namespace?")


get_image = Function("ibm-native:registry:getImage", GetImageArgs, GetImageResult, _NEEDS, _answer)
