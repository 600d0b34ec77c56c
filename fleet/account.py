"""What an account holds of the kinds that stacks make, as IBM Cloud lists it; a reader's key is enough to look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from ibm_native.cloud.client import Cloud
from ibm_native.cloud.refusals import Job
from ibm_native.cloud.sdk import Json, mapping, objects, text
from ibm_native.iam import lists, policy_shape
from ibm_native.iam.service_id import NEEDS_TO_SEE_KEYS
from ibm_native.model.marker import Mark

Kind = Literal["service ID", "API key", "access policy", "registry namespace", "image"]

_WHAT = "look at what the account holds"
_IDENTITY = Job(_WHAT, "the role Viewer on IAM Identity")
_KEYS = Job(_WHAT, NEEDS_TO_SEE_KEYS)
_POLICIES = Job(_WHAT, "the role Viewer on the account's access policies")
_REGISTRY = Job(_WHAT, "the role Reader on Container Registry")


@dataclass(frozen=True)
class Held:
    """One thing that the account holds. Times are as IBM spells them, ISO 8601; empty where it says none."""

    kind: Kind
    id: str
    """As a state has it: `region/name` of a namespace. An image's is its reference by digest."""
    name: str
    since: str = ""
    mark: Mark | None = None
    of: str = ""
    """IAM ID whose key or policy it is; `region/name` of the namespace that an image is in."""
    ends: str = ""
    """When a key stops working."""
    size: int = 0
    """Bytes of an image, as the registry counts them."""
    parts: Sequence[str] = ()
    """Digests of the images that a list of images names, one a platform."""


async def held(cloud: Cloud, regions: Sequence[str]) -> list[Held]:
    """Return the account's service IDs, their keys, its access policies, and what its registries in `regions` hold.

    Raises ProviderError.
    """
    account = await cloud.account(_WHAT)
    found = [_identity("service ID", each) async for each in lists.service_ids(cloud, _IDENTITY, account)]
    keys = lists.api_keys(cloud, _KEYS, account, scope="account", type="serviceid")
    found += [_identity("API key", each) async for each in keys]
    found += [_policy(each) async for each in lists.policies(cloud, _POLICIES, account)]
    for region in regions:
        found += await _registry(cloud, region)
    return found


async def remove(cloud: Cloud, each: Held) -> None:
    """Remove one thing; raises ProviderError."""
    what = f"remove {each.kind} {each.id}"
    if each.kind == "service ID":
        await cloud.identity(Job(what, "the role Operator on IAM Identity"), lambda api: api.delete_service_id(each.id))
    elif each.kind == "API key":
        await cloud.identity(Job(what, "the role Operator on IAM Identity"), lambda api: api.delete_api_key(each.id))
    elif each.kind == "access policy":
        job = Job(what, "the role Administrator on Container Registry")
        await cloud.policies(job, lambda api: api.delete_v2_policy(each.id))
    else:
        region, _, name = (each.id if each.kind == "registry namespace" else each.of).partition("/")
        job = Job(what, "the role Manager on Container Registry")
        if each.kind == "image":
            await cloud.registry(region, job, lambda api: api.delete_image(each.id))
        else:
            await cloud.registry(region, job, lambda api: api.delete_namespace(name))


def _identity(kind: Kind, body: Json) -> Held:
    return Held(
        kind,
        text(body, "id"),
        text(body, "name"),
        text(body, "created_at"),
        Mark.found_in(text(body, "description")),
        text(body, "iam_id"),
        text(body, "expires_at"),
    )


def _policy(body: Json) -> Held:
    actual = policy_shape.actual_inputs(body, ())
    roles = ", ".join(crn.rpartition(":")[2] for crn in policy_shape.role_crns(body))
    where = "/".join(str(actual[each]) for each in ("region", "namespace") if actual[each])
    return Held(
        "access policy",
        text(body, "id"),
        f"{roles} on {actual['service']} {where}".strip(),
        text(body, "created_at"),
        Mark.found_in(text(body, "description")),
        str(actual["iam_id"] or ""),
    )


async def _registry(cloud: Cloud, region: str) -> list[Held]:
    spaces = await cloud.registry(region, _REGISTRY, lambda api: api.list_namespace_details())
    found = [
        Held("registry namespace", f"{region}/{text(each, 'name')}", text(each, "name"), text(each, "created_date"))
        for each in objects(spaces.body)
    ]
    images = await cloud.registry(
        region, _REGISTRY, lambda api: api.list_image_digests(exclude_va=True, repositories=None)
    )
    for body in objects(images.body):
        for repository, tags in mapping(body.get("repoTags")).items():
            found.append(await _image(cloud, region, body, repository, sorted(mapping(tags))))
    return found


async def _image(cloud: Cloud, region: str, body: Json, repository: str, tags: Sequence[str]) -> Held:
    reference = f"{repository}@{text(body, 'id')}"
    parts: list[str] = []
    if any(word in text(body, "manifestType").lower() for word in ("list", "index")):
        manifest = await cloud.registry(region, _REGISTRY, lambda api: api.get_image_manifest(reference))
        parts = [text(each, "digest") for each in objects(manifest.fields.get("manifests"))]
    built, size = body.get("created"), body.get("size")
    return Held(
        "image",
        reference,
        ", ".join(tags) or "untagged",
        datetime.fromtimestamp(built, UTC).isoformat(timespec="seconds") if isinstance(built, int) else "",
        of=f"{region}/{repository.split('/')[1]}",
        size=size if isinstance(size, int) else 0,
        parts=parts,
    )
