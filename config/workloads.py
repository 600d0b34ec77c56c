"""What a stack may set about one workload: where its image comes from, and how it runs in the cluster."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Literal

import pulumi
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator, model_validator
from pydantic.alias_generators import to_camel

from config import fields
from config.fields import Expected, refusal
from config.problems import as_config


def _scalar(value: object) -> object:
    return as_config(value) if isinstance(value, str | int | float) else value


Text = Annotated[str, BeforeValidator(_scalar), Expected("a text")]
"""A value that YAML may take for a number or a boolean, as the process reads it."""
Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$"), Expected("letters, digits and '_'")]
Port = Annotated[int, Field(ge=1, le=65535), Expected("a port from 1 to 65535")]
Seconds = Annotated[int, Field(ge=0, le=86400), Expected("a whole number of seconds from 0 to 86400")]
Times = Annotated[int, Field(ge=1, le=1000), Expected("a whole number from 1 to 1000")]
Words = Annotated[
    tuple[Text, ...], Field(min_length=1), Expected("a list of texts, a word each, such as [sh, -c, sleep 10]")
]
Amount = Annotated[
    str,
    BeforeValidator(as_config),
    Field(pattern=r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$"),
    Expected("an amount as Kubernetes writes it, such as 250m or 128Mi"),
]
Amounts = dict[
    Annotated[
        str, Field(pattern="^(cpu|memory|ephemeral-storage)$"), Expected("one of cpu, memory, ephemeral-storage")
    ],
    Amount,
]


def _off(value: object) -> object:
    """Return what YAML makes of a bare `off`."""
    return "off" if value is False else value


class Part(BaseModel):
    """Some keys that belong together; one that isn't here is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, validate_default=True)


class Build(Part):
    """An image that this project builds."""

    context: str = Field(description="Folder with what the Dockerfile copies, relative to the project")
    dockerfile: str = Field(default="Dockerfile", description="The Dockerfile, relative to the context")
    target: str = Field(default="", description="Stage to build; empty means the last one")
    args: dict[Variable, Text] = Field(default={}, description="Build arguments; no secrets: they stay in the image")
    name: fields.ImageName | None = Field(
        default=None, description="Repository in the namespace; else the workload's name"
    )
    tag: fields.ImageTag | None = Field(default=None, description="Tag that each push moves; else the stack's imageTag")

    @field_validator("context")
    @classmethod
    def _is_a_folder(cls, context: str, info: ValidationInfo) -> str:
        if not fields.folder(info, context).is_dir():
            raise refusal(f"a folder, relative to the project; {fields.folder(info, context)} is none")
        return context

    @field_validator("dockerfile")
    @classmethod
    def _is_there(cls, dockerfile: str, info: ValidationInfo) -> str:
        file = fields.folder(info, info.data.get("context", "")) / dockerfile
        if "context" in info.data and not file.is_file():
            raise refusal(f"a Dockerfile, relative to the context; {file} isn't there")
        return dockerfile

    @field_validator("args")
    @classmethod
    def _base_is_taken(cls, args: dict[str, str], info: ValidationInfo) -> dict[str, str]:
        if "BASE" in args and {"context", "dockerfile"} <= info.data.keys():
            fields.takes_base(fields.folder(info, info.data["context"]) / info.data["dockerfile"])
        return args


class Http(Part):
    """A probe that asks for a page and takes any answer below 400."""

    path: Annotated[str, Field(pattern="^/"), Expected("a path that begins with /")] = Field(
        default="/", description="Path of the page"
    )
    port: Port = Field(description="Port in the container")


class Page(Part):
    """A probe that looks at a page's text, in the container's file; needs sh and cat in the image."""

    text: Text = Field(description="What must be in the page")
    file: str = Field(default="/usr/share/nginx/html/index.html", description="The page's file in the container")


class Probe(Part):
    """One way to see that a container is well, and how often to look."""

    http: Http | None = Field(default=None, description="Ask for a page")
    page: Page | None = Field(default=None, description="Look at a page's text")
    tcp: Port | None = Field(default=None, description="Open a connection to this port")
    command: Words | None = Field(default=None, description="Run a command in the container; 0 is well")
    initial_delay_seconds: Seconds | None = Field(default=None, description="When to look first")
    period_seconds: Times | None = Field(default=None, description="How often to look")
    timeout_seconds: Times | None = Field(default=None, description="How long a look may take")
    failure_threshold: Times | None = Field(default=None, description="How many failures in a row count")

    @model_validator(mode="after")
    def _is_one(self) -> Probe:
        if sum(way is not None for way in (self.http, self.page, self.tcp, self.command)) != 1:
            raise refusal("exactly one of http, page, tcp, command", mend="in the stack file, give {path} one of them")
        return self


class Probes(Part):
    """Kubernetes' three questions: may it be used, must it be restarted, has it started."""

    readiness: Probe | None = Field(default=None, description="Whether it may be used")
    liveness: Probe | None = Field(default=None, description="Whether it must be restarted")
    startup: Probe | None = Field(default=None, description="Whether it has started; the others wait for that")


class Resources(Part):
    """What a container asks for, and what it may take at most."""

    requests: Amounts = Field(default={}, description="What the node must have free")
    limits: Amounts = Field(default={}, description="What the container may take")


class Security(Part):
    """What a container may do; it never gains rights that its first process lacks."""

    run_as_user: Annotated[int, Field(ge=1, le=2**31 - 1), Expected("a user id from 1 on; root is 0")] | None = Field(
        default=None, description="User id to run as, without any of root's capabilities; else the image's user"
    )
    read_only_root_filesystem: fields.Flag = Field(default=False, description="Whether its files can't be written")


class Exemption(Part):
    """Why a finding doesn't count, and how long."""

    reason: Annotated[str, Field(min_length=3), Expected("why it can't be reached here")] = Field(description="Why")
    until: Annotated[date, Expected("a day, such as 2030-01-31")] = Field(description="Last day on which it holds")


class Gate(Part):
    """What Vulnerability Advisor's findings in an image do."""

    action: Annotated[Literal["off", "warn", "block"], BeforeValidator(_off)] = Field(
        default="off", description="off doesn't ask, warn tells, block lets no Pod run the image"
    )
    allowed: Annotated[int, Field(ge=0), Expected("a whole number from 0")] = Field(
        default=0, description="Most vulnerabilities that let an image pass"
    )
    exemptions: dict[
        Annotated[str, Field(pattern=r"^[A-Za-z]+-[\w.:-]+$"), Expected("an id such as CVE-2024-1234")], Exemption
    ] = Field(default={}, description="Findings that don't count, by id, each with its reason and its last day")


class IdentitySettings(Part):
    """Whose API key pulls."""

    kind: Literal["stack", "workload", "given"] = Field(
        default="stack", description="stack: one service ID for all; workload: one each; given: a key made elsewhere"
    )
    api_key: str = Field(
        default="", repr=False, description="The given key, a secret: pulumi config set --path --secret"
    )
    api_key_file: str = Field(default="", description="File that holds the given key, relative to the project")

    @model_validator(mode="after")
    def _is_one(self) -> IdentitySettings:
        sources = bool(self.api_key) + bool(self.api_key_file)
        if sources != (self.kind == "given"):
            expected = "kind given with exactly one of apiKey, apiKeyFile, or another kind with neither"
            secret, kind = "--secret {path}.apiKey", "{path}.kind given"
            raise refusal(expected, mend=f"pulumi config set --path {secret if self.kind == 'given' else kind}")
        return self

    def given_key(self) -> pulumi.Output[str] | None:
        """Return the key that somebody else made, as a secret; None if the stack makes its own."""
        if self.kind != "given":
            return None
        return pulumi.Output.secret(self.api_key or Path(self.api_key_file).read_text(encoding="utf-8").strip())


class WorkloadSettings(Part):
    """One Pod or Deployment, and the image that it runs."""

    build: Build | None = Field(default=None, description="Build the image; else `image`")
    image: fields.NamespaceImage | None = Field(
        default=None, description="Image that is in the stack's registry namespace: name@sha256:..., or name:tag"
    )
    platform: fields.Platform | None = Field(default=None, description="Of the image and its nodes; else the stack's")
    kind: Literal["Pod", "Deployment"] = Field(
        default="Pod", description="Pod: one, replaced by each new image. Deployment: rolled over by Kubernetes"
    )
    replicas: Annotated[int, Field(ge=0, le=1000), Expected("a whole number from 0 to 1000")] = Field(
        default=1, description="Pods of a Deployment"
    )
    strategy: Literal["RollingUpdate", "Recreate"] = Field(
        default="RollingUpdate", description="How a Deployment goes over to a new image"
    )
    command: Words | None = Field(default=None, description="In place of the image's entry point")
    args: Words | None = Field(default=None, description="In place of the image's arguments")
    ports: tuple[Port, ...] = Field(default=(), description="Ports that the container listens on")
    env: dict[Variable, Text] = Field(default={}, description="Environment; secrets come from envFrom")
    env_from: tuple[fields.ObjectName, ...] = Field(default=(), description="Secrets that become environment variables")
    resources: Resources = Field(default=Resources(), description="What it asks for and may take")
    probes: Probes = Field(default=Probes(), description="How Kubernetes sees that it is well")
    termination_grace_period_seconds: Seconds = Field(default=30, description="From SIGTERM to SIGKILL")
    security_context: Security | None = Field(default=Security(), description="What the container may do")
    gate: Gate | None = Field(default=None, description="Vulnerability Advisor's gate; else the stack's")
    pull_via: Literal["serviceAccount", "pod"] = Field(
        default="serviceAccount", description="Who names the pull Secret: the ServiceAccount, or the Pod itself"
    )

    @model_validator(mode="after")
    def _is_whole(self) -> WorkloadSettings:
        if (self.build is None) == (self.image is None):
            raise refusal("exactly one of build, image", mend="in the stack file, give {path} one of them")
        if self.kind == "Pod" and self.model_fields_set & {"replicas", "strategy"}:
            mend = "pulumi config set --path {path}.kind Deployment"
            raise refusal("kind Deployment, since it has replicas or strategy", mend=mend)
        return self


def the_articles(context: str, base: str, name: str, gate: Gate) -> WorkloadSettings:
    """Return the story's one workload: a Pod that sleeps, with nothing that Kubernetes wouldn't give it by itself."""
    build = Build.model_construct(context=context, args={"BASE": base} if base else {}, name=name)
    return WorkloadSettings.model_construct(
        build=build,
        command=("sh", "-c", "tail -f /dev/null"),
        # The command ignores SIGTERM: every second of grace is one that a replacement waits for nothing.
        terminationGracePeriodSeconds=1,
        securityContext=None,
        gate=gate,
    )
