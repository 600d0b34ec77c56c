"""The stack's settings: one typed model, which is the stack files' check and their schema; checked all at once."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, cast
from urllib.parse import urlsplit

import pulumi
from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    SkipValidation,
    ValidationError,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)

from config import fields, problems
from config.fields import Expected, refusal
from config.problems import Problem, SettingsError
from config.workloads import Gate, IdentitySettings, Part, WorkloadSettings, the_articles
from ibm_native.cloud.connection import Connection
from ibm_native.cloud.regions import REGISTRY_HOSTS, region_of_host

__all__ = ["PROVIDER", "PUSH_KEY_VARIABLE", "Settings", "SettingsError", "parse"]

PUSH_KEY_VARIABLE = "IBMCLOUD_API_KEY"
PROVIDER = "ibm-native"
MISSING_KEY = Problem(
    "the key that pushes the image",
    None,
    "an IBM Cloud API key with the role Writer or Manager",
    (f"read -rs {PUSH_KEY_VARIABLE} && export {PUSH_KEY_VARIABLE}", "pulumi config set --secret pushApiKey"),
)
NO_SECRETS = Problem(
    "workloads",
    "[secret]",
    "no secrets: anybody who may read Pods would read them; name a Kubernetes Secret of your own in envFrom",
    ("kubectl create secret generic NAME --from-literal=VARIABLE=...", "pulumi config rm --path workloads.NAME.env"),
)


def _unpacked(value: object) -> object:
    """Return what the engine hands over as JSON."""
    try:
        return json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return value


class Settings(Part):
    """What a stack may set, key by key; the defaults are those of the manual procedure that the program replaces."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    region: fields.Region = Field(
        default="jp-tok",
        description="IBM Cloud region of the registry; the registry's host and the policy's region follow from it",
    )
    registry_host: fields.Host = Field(
        default="",
        description="Host to push to and pull from; empty means the region's own (jp.icr.io for jp-tok)",
    )
    registry_namespace: fields.RegistryNamespaceName = Field(
        default="my-praivate-repo",
        description="Registry namespace, 4-30 characters; unique in its region across all IBM Cloud accounts",
    )
    registry_namespace_mode: fields.NamespaceMode = Field(
        default="create",
        description="create makes the namespace, adopt takes one that exists into the stack and leaves it on destroy, "
        "use only reads it",
    )
    image_name: fields.ImageName = Field(
        default="nginx-custom", description="Repository of the image inside the namespace"
    )
    image_tag: fields.ImageTag = Field(
        default="v1", description="Tag that each push moves; the Pod runs the digest, never the tag"
    )
    image_context: str = Field(
        default="app", description="Folder with the Dockerfile and what it copies, relative to the project"
    )
    image_base: fields.ImageReference = Field(
        default="",
        description="Base image given to the Dockerfile as BASE; empty means the Dockerfile's own, pinned by digest",
    )
    platform: fields.Platform = Field(default="linux/amd64", description="Platform of the cluster's nodes")
    push_api_key: Annotated[
        SkipValidation[str | pulumi.Output[str]], WithJsonSchema({"type": "object", "required": ["secure"]})
    ] = Field(default="", repr=False, description=f"Another key to push with than ${PUSH_KEY_VARIABLE}; a secret")
    service_id_name: fields.IamName = Field(
        default="test-cluster-id", description="Name of the IAM service ID that pulls"
    )
    api_key_name: fields.IamName = Field(
        default="test-cluster-key",
        description="Name of the service ID's API key; from epoch 2 on with the epoch behind it",
    )
    pull_role: fields.PullRole = Field(
        default="Reader", description="Role of the service ID on the namespace; Reader is enough to pull"
    )
    key_epoch: fields.Epoch = Field(
        default=1, description="Raise by one to rotate; the keys of this epoch and the one before it live"
    )
    revoke_previous: fields.Flag = Field(
        default=False, description="Drop the key of the epoch before now, rather than at the next rotation"
    )
    expires_after_days: fields.Days = Field(
        default=365,
        description="Days from a key's making until it stops working; counts for keys that are made from now",
    )
    rotate_after_days: fields.Days = Field(
        default=90, description="Days from a key's making after which every run warns of it, and changes nothing"
    )
    pull_identity: Annotated[IdentitySettings, BeforeValidator(_unpacked)] = Field(
        default=IdentitySettings(),
        repr=False,
        description="Whose key pulls: the stack's, each workload's, or a given one",
    )
    vulnerability_gate: Annotated[Gate, BeforeValidator(_unpacked)] = Field(
        default=Gate(), description="What Vulnerability Advisor's findings do to workloads without a gate of their own"
    )
    retain_images: Annotated[int, Field(ge=0, le=10000), Expected("a whole number from 0; 0 keeps all")] = Field(
        default=0, description="Images that each repository of the namespace keeps, the latest; 0 keeps all"
    )
    pull_secret_name: fields.ObjectName = Field(default="ibmcr", description="Name of the pull Secret")
    service_account_name: fields.ObjectName = Field(
        default="service-account-image-pull", description="Name of the ServiceAccount that carries the pull Secret"
    )
    pod_name: fields.Label = Field(default="nginx-custom", description="Name of the Pod")
    workloads: Annotated[dict[fields.Label, WorkloadSettings], BeforeValidator(_unpacked)] = Field(
        default={}, description="Workloads by name; none means the one that the keys image... and podName describe"
    )
    kubernetes_namespace: fields.Label = Field(
        default="default", description="Kubernetes namespace of Secret, ServiceAccount and workloads"
    )
    kubernetes_namespace_mode: Literal["create", "use"] = Field(
        default="use", description="use takes a namespace that exists, create makes it and a destroy removes it"
    )
    kubeconfig: Annotated[SkipValidation[str | pulumi.Output[str]], WithJsonSchema({"type": "string"})] = Field(
        default="", repr=False, description="Path of a kubeconfig, or its content as a secret; empty means $KUBECONFIG"
    )
    kubernetes_context: str = Field(default="", description="Context of the kubeconfig; empty means the current one")
    cluster_identifier: fields.Identifier = Field(
        default="",
        description="Id of the cluster; a new kubeconfig for the same cluster then replaces nothing",
    )
    protect: fields.Flag = Field(
        default=False,
        description="Refuse to delete the registry namespace and the service ID, and so to destroy the stack",
    )
    access_timeout_seconds: fields.AccessSeconds = Field(
        default=30, description="How long a new key may take until it can pull; then the run fails with the cause"
    )
    pod_timeout_seconds: fields.PodSeconds = Field(
        default=150, description="How long the Pod may take until it is ready"
    )

    def delivered(self) -> dict[str, WorkloadSettings]:
        """Return every workload by its name in the cluster, with what it takes over from the stack."""
        gate = self.vulnerability_gate
        if not self.workloads:
            return {self.pod_name: the_articles(self.image_context, self.image_base, self.image_name, gate)}
        return {
            name: each.model_copy(update={"platform": each.platform or self.platform, "gate": each.gate or gate})
            for name, each in self.workloads.items()
        }

    @field_validator("registry_host")
    @classmethod
    def _is_of_the_region(cls, host: str, info: ValidationInfo) -> str:
        region = info.data.get("region")
        if region is None:
            return host
        if not host:
            return REGISTRY_HOSTS[region]
        expected = other_regions_host(host, region)
        if expected:
            raise refusal(expected, "")
        return host

    @field_validator("pull_secret_name", "service_account_name")
    @classmethod
    def _is_its_own(cls, name: str) -> str:
        if name in {"default", "all-icr-io"}:
            raise refusal(f"a name of its own: {name} is the cluster's, for every Pod of the namespace", "")
        return name

    @field_validator("pull_identity")
    @classmethod
    def _key_file_is_there(cls, identity: IdentitySettings, info: ValidationInfo) -> IdentitySettings:
        if identity.api_key_file and not fields.folder(info, identity.api_key_file).is_file():
            expected = f"a file that holds the key; {fields.folder(info, identity.api_key_file)} isn't there"
            raise refusal(expected, mend="pulumi config set --path {path}.apiKeyFile FILE")
        return identity

    @field_validator("retain_images")
    @classmethod
    def _keeps_what_runs(cls, images: int, info: ValidationInfo) -> int:
        """Refuse a policy that could remove an image which a stack runs: IBM's goes by age and number alone."""
        if images and info.data.get("registry_namespace_mode") != "create":
            raise refusal("0: others use the namespace too, and the policy would remove what they run", 0)
        if images == 1:
            raise refusal("2 or more: while a new image rolls out, the one before it still runs", 2)
        return images

    @field_validator("workloads")
    @classmethod
    def _retained(cls, workloads: dict[str, WorkloadSettings], info: ValidationInfo) -> dict[str, WorkloadSettings]:
        named = [key for key, each in workloads.items() if each.image]
        if info.data.get("retain_images") and named:
            raise refusal(f"only images that are built, with retainImages: the policy may remove {', '.join(named)}'s")
        return workloads

    @field_validator("kubeconfig")
    @classmethod
    def _is_a_secret(cls, kubeconfig: object) -> object:
        if isinstance(kubeconfig, str) and "\n" in kubeconfig.strip():
            # The value stays unseen: what is wrong with it is that anybody can read it.
            raise refusal(
                "a path; a kubeconfig's content is a secret: pulumi config set --secret kubeconfig < FILE", ""
            )
        return kubeconfig

    @field_validator("image_context")
    @classmethod
    def _has_a_dockerfile(cls, context: str, info: ValidationInfo) -> str:
        folder = fields.folder(info, context)
        if not context or not (folder / "Dockerfile").is_file():
            raise refusal(f"a folder with a Dockerfile; {folder} has none")
        return context

    @field_validator("image_base")
    @classmethod
    def _is_used_by_the_dockerfile(cls, base: str, info: ValidationInfo) -> str:
        if base and "image_context" in info.data:
            fields.takes_base(fields.folder(info, info.data["image_context"]) / "Dockerfile")
        return base


def other_regions_host(host: str, region: str) -> str | None:
    """Return what was expected in place of `host` if it is another region's registry than `region`'s; None if not."""
    found = region_of_host(host.lower().partition(":")[0])
    own = REGISTRY_HOSTS[region]
    if found is None and host.lower().endswith("icr.io"):
        return f"a host of the stack's region {region}: {own} or private.{own}"
    if found not in {None, region}:
        return f"a host of the stack's region {region}: {own} or private.{own}; this is {found}'s"
    return None


def parse(
    values: Mapping[str, Any],
    *,
    push_key: str | pulumi.Output[str] | None,
    provider: Mapping[str, str] | None = None,
    preview: bool = False,
    project: Path | None = None,
    stack: str | None = None,
    secrets: Collection[str] = (),
    known: Iterable[Problem] = (),
) -> Settings:
    """Return the settings that `values` (config key to what was given) mean; raises SettingsError with every problem.

    `provider` is the provider's own config: images go to its endpoint of the region, if it has one. A missing
    `push_key` is a problem only outside a preview, which pushes nothing. Paths are relative to `project`. The commands
    that mend act on `stack`; the values of the keys `secrets` are not shown. What is `known` to be wrong is told too.
    """
    given = dict(values)
    region = str(given.get("region") or Settings.model_fields["region"].default)
    host, found = _registry_of(provider or {}, region) if region in REGISTRY_HOSTS else ("", [])
    found = [*known, *found]
    given["registryHost"] = given.get("registryHost") or host
    if push_key is not None:
        given["pushApiKey"] = push_key
    elif not preview:
        found.append(MISSING_KEY)
    if "workloads" in secrets:
        found.append(NO_SECRETS)
    try:
        settings = Settings.model_validate(given, context={"project": project})
    except ValidationError as error:
        found = [*problems.of(error, Settings, given, secrets), *found]
    else:
        if not found:
            return settings
    raise SettingsError(problems.report(found, stack))


def _registry_of(config: Mapping[str, str], region: str) -> tuple[str, list[Problem]]:
    """Return the host that the provider's config has for `region` (empty: IBM's own), and what is wrong with it."""
    try:
        by_region = cast("dict[str, str]", json.loads(config.get("registryEndpoints") or "{}"))
        single = config.get("registryEndpoint") or None
        connection = Connection(region=config.get("region"), registry_endpoint=single, registry_endpoints=by_region)
        problem = connection.region_problem(region)
    except (ValueError, TypeError):
        return "", []  # the provider itself says what is wrong with its config
    if problem is None:
        return urlsplit(connection.registries.get(region, "")).netloc, []
    known = sorted(connection.registries)
    mends = (f"pulumi config set region {known[0]}", f"pulumi config rm {PROVIDER}:registryEndpoint")
    return "", [Problem("region", region, f"one that the provider has an endpoint of: {', '.join(known)}", mends)]
