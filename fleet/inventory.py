"""The stacks of the project, found from their files, and chosen by name, region or tag; no engine, no network."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import cast

import yaml

from base import files
from base.errors import SandboxError
from config import stack_files
from config.model import PROVIDER, Settings
from config.model import SettingsError as BadSettingsError
from ibm_native.cloud.regions import is_loopback

TAGS = "pulumi:tags"
"""Config key whose map Pulumi Cloud shows as the stack's tags."""
KUBECONFIG_CONTENT = "KUBECONFIG_CONTENT"
LAST = 10**6
"""Wave of a stack whose tags name none: after all that do."""


@dataclass(frozen=True)
class StackFile:
    """One stack as its file has it; `config` is as the engine hands it to the program, without secrets' values."""

    name: str
    folder: Path
    config: Mapping[str, str] = field(repr=False)
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    secrets: AbstractSet[str] = frozenset()
    """Keys whose values are encrypted."""
    problem: str = ""
    """Why the file can't be read."""

    @property
    def region(self) -> str:
        """IBM Cloud region of its registry."""
        return self.config.get("region") or str(Settings.model_fields["region"].default)

    @property
    def wave(self) -> int:
        """Number of the wave that it is delivered in."""
        return int(self.tags["wave"]) if self.tags.get("wave", "").isdigit() else LAST

    @property
    def is_protected(self) -> bool:
        """Tell whether a destroy is refused."""
        return self.config.get("protect") == "true"

    @property
    def iam_endpoint(self) -> str:
        """Where IAM answers; empty for IBM Cloud's own."""
        return self.config.get(f"{PROVIDER}:iamEndpoint", "")

    @property
    def on_sandbox(self) -> bool:
        """Tell whether its cloud is this machine's sandbox."""
        return is_loopback(self.iam_endpoint.partition("://")[2])

    def environ(self) -> dict[str, str]:
        """Return what the CLI is to see: the caller's environment; the sandbox's for a stack there.

        A shell that names a backend is taken as it is: it was prepared, by `make env` or otherwise. A pipeline that
        keeps its kubeconfig as a secret hands it over as KUBECONFIG_CONTENT; it becomes a file that its owner reads.
        """
        if not self.on_sandbox or os.environ.get("PULUMI_BACKEND_URL"):
            environ = dict(os.environ)
            if content := environ.pop(KUBECONFIG_CONTENT, ""):
                path = self.folder / ".fleet" / "kubeconfig"
                files.write(path, content)
                environ["KUBECONFIG"] = str(path)
            return environ
        from sandbox.toolchain import environment  # noqa: PLC0415 - a real stack does without the sandbox's packages

        return environment.process_environment()


def found(folder: Path) -> list[StackFile]:
    """Return the project's stacks by name; one whose file can't be read has no config, and `validate` says why."""
    return [read(folder, name) for name in stack_files.stacks_of(folder)]


def choose(
    stacks: Sequence[StackFile],
    *,
    names: Sequence[str] = (),
    regions: Sequence[str] = (),
    tags: Sequence[str] = (),
    everything: bool = False,
) -> list[StackFile]:
    """Return the stacks that have one of `names` and of `regions`, and all of `tags` (`key=value`, or a `key` alone).

    Raises SandboxError for a name that no stack has, or if no stack is meant.
    """
    known = [stack.name for stack in stacks]
    for name in names:
        if name not in known:
            near = next(iter(get_close_matches(name, known, n=1)), None)
            mend = (
                f"name {near}?"
                if near
                else ".venv/bin/python -m fleet list   shows them; make stack NAME=... makes one"
            )
            raise SandboxError(
                f"there is no stack file Pulumi.{name}.yaml; there are: {', '.join(known) or 'none'}", mend
            )
    if not (names or regions or tags or everything):
        raise SandboxError(f"no stack is named; there are: {', '.join(known) or 'none'}", "name some, or use --all")
    chosen = [
        stack
        for stack in stacks
        if (not names or stack.name in names)
        and (not regions or stack.region in regions)
        and all(_has(stack, tag) for tag in tags)
    ]
    if not chosen:
        wanted = " ".join([*(f"--region {each}" for each in regions), *(f"--tag {each}" for each in tags)])
        raise SandboxError(
            f"no stack is {wanted or 'there'}", ".venv/bin/python -m fleet list   shows regions and tags"
        )
    return sorted(chosen, key=lambda stack: (stack.wave, stack.name))


def _has(stack: StackFile, tag: str) -> bool:
    key, given, value = tag.partition("=")
    return key in stack.tags and (not given or stack.tags[key] == value)


def read(folder: Path, name: str) -> StackFile:
    """Return one stack of the project in `folder`; one whose file isn't there, or can't be read, has no config."""
    try:
        config, secrets = stack_files.read(folder, name)
        tags: object = json.loads(config.get(TAGS) or "{}")
    except FileNotFoundError:
        return StackFile(name, folder, {})
    except (BadSettingsError, yaml.YAMLError, ValueError) as error:
        return StackFile(name, folder, {}, problem=str(error))
    by_key = cast("dict[str, object]", tags if isinstance(tags, dict) else {})
    return StackFile(name, folder, config, {key: str(value) for key, value in by_key.items()}, secrets)
