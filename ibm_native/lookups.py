"""The provider's functions: what is there, looked up and not managed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import pulumi

from ibm_native import rules
from ibm_native.access_policy import REGISTRY
from ibm_native.client import Cloud
from ibm_native.declare import Prop
from ibm_native.errors import ProviderError
from ibm_native.failures import Job
from ibm_native.function import Answer, Function
from ibm_native.quota import NEEDS as QUOTA_NEEDS
from ibm_native.resource_groups import NEEDS as GROUP_NEEDS
from ibm_native.resource_groups import all_groups
from ibm_native.roles import NEEDS as ROLES_NEEDS
from ibm_native.roles import roles_of
from ibm_native.sdk import mapping, objects, text
from ibm_native.values import Values

_NEEDS_READER = "the role Reader or Manager on container-registry"
_REGION = Prop("Region of the registry, such as jp-tok.", rule=rules.region)


@dataclass(frozen=True, kw_only=True)
class GetImageArgs:
    """Which image: by tag or by digest."""

    region: Annotated[pulumi.Input[str], _REGION]
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


async def _image(cloud: Cloud, given: Values) -> Answer:
    region, repository, digest = given.text("region"), given.text("repository"), given.maybe_text("digest")
    tag = given.maybe_text("tag") or (None if digest else "latest")
    what = f"look up image {repository}"
    name = f"{cloud.connection.registry_name(region, what)}/{repository}"
    reply = await cloud.registry(
        region, Job(what, _NEEDS_READER), lambda api: api.list_image_digests(exclude_va=True, repositories=[name])
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


@dataclass(frozen=True, kw_only=True)
class GetNamespacesArgs:
    """Where to look."""

    region: Annotated[pulumi.Input[str], _REGION]


@dataclass(frozen=True, kw_only=True)
class GetNamespacesResult:
    """The account's registry namespaces in one region."""

    names: Annotated[Sequence[str], Prop("Their names, sorted.")]


async def _namespaces(cloud: Cloud, given: Values) -> Answer:
    job = Job(f"list the registry namespaces in {given.text('region')}", _NEEDS_READER)
    reply = await cloud.registry(given.text("region"), job, lambda api: api.list_namespace_details())
    return {"names": tuple(sorted(text(each, "name") for each in objects(reply.body)))}


@dataclass(frozen=True, kw_only=True)
class GetQuotaArgs:
    """Where to look."""

    region: Annotated[pulumi.Input[str], _REGION]


@dataclass(frozen=True, kw_only=True)
class GetQuotaResult:
    """Limits and usage of the account's registry in one region, in bytes; a limit of -1 is none."""

    storage_limit_bytes: Annotated[int, Prop("Most that images may take.")]
    storage_used_bytes: Annotated[int, Prop("What images take.")]
    traffic_limit_bytes: Annotated[int, Prop("Most that pulls of a month may take.")]
    traffic_used_bytes: Annotated[int, Prop("What pulls took this month.")]


async def _quota(cloud: Cloud, given: Values) -> Answer:
    region = given.text("region")
    job = Job(f"read the registry's quota in {region}", QUOTA_NEEDS)
    reply = await cloud.registry(region, job, lambda api: api.get_quota())
    found: dict[str, int] = {}
    for kind in ("storage", "traffic"):
        for part, name in (("limit", "limit"), ("usage", "used")):
            value = mapping(reply.fields.get(part)).get(f"{kind}_bytes")
            found[f"{kind}_{name}_bytes"] = value if isinstance(value, int) else 0
    return found


@dataclass(frozen=True, kw_only=True)
class GetRolesArgs:
    """Which service's roles."""

    service: Annotated[pulumi.Input[str], Prop("Name of the service in IBM's catalogue.", rule=rules.name)] = REGISTRY


@dataclass(frozen=True, kw_only=True)
class GetRolesResult:
    """CRNs of the roles that a policy on one service can give; a role's name is the last part of its CRN."""

    service_roles: Annotated[Sequence[str], Prop("Roles of the service.")]
    platform_roles: Annotated[Sequence[str], Prop("Roles of the platform.")]
    custom_roles: Annotated[Sequence[str], Prop("The account's own roles.")]


async def _roles(cloud: Cloud, given: Values) -> Answer:
    service = given.text("service")
    found = await roles_of(cloud, await cloud.account(f"look up the roles of {service}"), service)
    kinds = {"service_roles": "service_roles", "platform_roles": "system_roles", "custom_roles": "custom_roles"}
    return {name: tuple(found[kind]) for name, kind in kinds.items()}


@dataclass(frozen=True, kw_only=True)
class GetResourceGroupArgs:
    """Which resource group."""

    name: Annotated[pulumi.Input[str] | None, Prop("Name; the account's default group, if absent.")] = None


@dataclass(frozen=True, kw_only=True)
class GetResourceGroupResult:
    """A resource group of the account."""

    id: Annotated[str, Prop("Id, 32 hexadecimal digits.")]
    name: Annotated[str, Prop("Name.")]
    crn: Annotated[str, Prop("Cloud resource name.")]


async def _resource_group(cloud: Cloud, given: Values) -> Answer:
    name = given.maybe_text("name")
    what = f"look up resource group {name!r}" if name else "look up the default resource group"
    groups = await all_groups(cloud, what)
    found = next((one for one in groups if (text(one, "name") == name if name else one.get("default") is True)), None)
    if found is None:
        names = ", ".join(sorted(text(each, "name") for each in groups)) or "none that this credential may see"
        raise ProviderError(what, "the account has no such group", f"It has {names}.")
    return {"id": text(found, "id"), "name": text(found, "name"), "crn": text(found, "crn")}


get_image = Function("ibm-native:registry:getImage", GetImageArgs, GetImageResult, _NEEDS_READER, _image)
get_namespaces = Function(
    "ibm-native:registry:getNamespaces", GetNamespacesArgs, GetNamespacesResult, _NEEDS_READER, _namespaces
)
get_quota = Function("ibm-native:registry:getQuota", GetQuotaArgs, GetQuotaResult, QUOTA_NEEDS, _quota)
get_roles = Function("ibm-native:iam:getRoles", GetRolesArgs, GetRolesResult, ROLES_NEEDS, _roles)
get_resource_group = Function(
    "ibm-native:resources:getResourceGroup", GetResourceGroupArgs, GetResourceGroupResult, GROUP_NEEDS, _resource_group
)

FUNCTIONS: tuple[Function[Any, Any], ...] = (get_image, get_namespaces, get_quota, get_roles, get_resource_group)
