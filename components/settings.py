"""The stack's settings: read once, checked all together, typed from then on."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pulumi

from components import regions
from components.rules import RULES

PUSH_KEY_VARIABLE = "IBMCLOUD_API_KEY"


class SettingsError(Exception):
    """Everything that is wrong with a stack's settings: key, got, expected, and the command that mends it."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What Pulumi.yaml describes key by key, after the checks; times are in seconds."""

    region: str
    registry_host: str
    registry_namespace: str
    image_name: str
    image_tag: str
    image_context: str
    image_base: str | None
    platform: str
    push_key: pulumi.Input[str] = field(repr=False)
    service_id_name: str
    api_key_name: str
    key_epoch: int
    revoke_previous: bool
    pull_secret_name: str
    service_account_name: str
    pod_name: str
    kubernetes_namespace: str
    kubernetes_context: str | None
    cluster_identifier: str | None
    access_timeout_seconds: int
    pod_timeout_seconds: int


def load() -> Settings:
    """Read the current stack's settings; raises SettingsError with every problem at once."""
    config = pulumi.Config()
    push_key = config.get_secret("pushApiKey") or secret_from(os.environ.get(PUSH_KEY_VARIABLE))
    return parse(
        {key: config.get(key) or "" for key in RULES},
        push_key=push_key,
        endpoint=pulumi.Config("ibm-native").get("registryEndpoint"),
        preview=pulumi.runtime.is_dry_run(),
    )


def secret_from(value: str | None) -> pulumi.Output[str] | None:
    """Return `value` as a secret output; None stays None."""
    return pulumi.Output.secret(value) if value else None


def parse(
    values: Mapping[str, str],
    *,
    push_key: pulumi.Input[str] | None,
    endpoint: str | None = None,
    preview: bool = False,
    project: Path | None = None,
) -> Settings:
    """Return the settings that `values` (config key to text) mean; raises SettingsError with every problem at once.

    `endpoint` is the provider's `ibm-native:registryEndpoint`: where it is set, images go to the same host. A missing
    `push_key` is a problem only outside a preview, which pushes nothing. Paths are relative to `project`.
    """
    problems: list[str] = []
    read: dict[str, object] = {}
    for key, rule in RULES.items():
        try:
            read[key] = rule(values.get(key, ""))
        except ValueError as error:
            problems.append(_problem(key, values.get(key, ""), str(error)))
    region = regions.REGISTRY_HOSTS.get(values.get("region", ""))
    context = Path(project or Path.cwd(), values.get("imageContext", ""))
    if values.get("imageContext") and not (context / "Dockerfile").is_file():
        problems.append(
            _problem("imageContext", values["imageContext"], f"a folder with a Dockerfile; {context} has none")
        )
    if push_key is None and not preview:
        problems.append(
            "  the key that pushes the image: got none, expected an IBM Cloud API key with the role Writer or Manager\n"
            f"    export {PUSH_KEY_VARIABLE}=...   or   pulumi config set --secret pushApiKey"
        )
    if problems:
        message = "the stack's settings can't be used:\n" + "\n".join(problems)
        raise SettingsError(message)

    def text(key: str) -> str:
        return str(read[key])

    def number(key: str) -> int:
        return int(text(key))

    return Settings(
        region=text("region"),
        registry_host=text("registryHost") or regions.host_of(endpoint) or str(region),
        registry_namespace=text("registryNamespace"),
        image_name=text("imageName"),
        image_tag=text("imageTag"),
        image_context=text("imageContext"),
        image_base=text("imageBase") or None,
        platform=text("platform"),
        push_key=push_key if push_key is not None else "",
        service_id_name=text("serviceIdName"),
        api_key_name=text("apiKeyName"),
        key_epoch=number("keyEpoch"),
        revoke_previous=text("revokePrevious") == "true",
        pull_secret_name=text("pullSecretName"),
        service_account_name=text("serviceAccountName"),
        pod_name=text("podName"),
        kubernetes_namespace=text("kubernetesNamespace"),
        kubernetes_context=text("kubernetesContext") or None,
        cluster_identifier=text("clusterIdentifier") or None,
        access_timeout_seconds=number("accessTimeoutSeconds"),
        pod_timeout_seconds=number("podTimeoutSeconds"),
    )


def _problem(key: str, got: str, expected: str) -> str:
    return f"  {key}: got {got!r}, expected {expected}\n    pulumi config set {key} ..."
