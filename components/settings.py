"""The current stack's settings, as the engine hands them to the program.

`python -m components.settings --all` checks every stack file without an engine; `--write` renews what follows from the
model: Pulumi.yaml's `config`, schema/stack.schema.json and docs/configuration.md.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pulumi
from pulumi.runtime import config as engine

from config import stack_files
from config.model import PROVIDER, PUSH_KEY_VARIABLE, Settings, SettingsError, parse

__all__ = ["Settings", "SettingsError", "load"]


def load() -> Settings:
    """Read the current stack's settings; raises SettingsError with every problem at once."""
    config: dict[str, Any] = {**engine.get_config_env(), **engine.CONFIG.get()}
    secrets = {key for key in config if engine.is_config_secret(key)} | set(engine.get_config_secret_keys_env())
    project = f"{pulumi.get_project()}:"
    values = {key.removeprefix(project): value for key, value in config.items() if key.startswith(project)}
    names = {name.removeprefix(project) for name in secrets}
    if "kubeconfig" in names:
        values["kubeconfig"] = pulumi.Output.secret(values["kubeconfig"])
    key = values.pop("pushApiKey", "") or os.environ.get(PUSH_KEY_VARIABLE)
    return parse(
        values,
        push_key=pulumi.Output.secret(key) if key else None,
        provider={
            name.removeprefix(f"{PROVIDER}:"): text for name, text in config.items() if name.startswith(PROVIDER)
        },
        preview=pulumi.runtime.is_dry_run(),
        stack=pulumi.get_stack(),
        secrets=names,
        known=stack_files.of_files(Path.cwd(), pulumi.get_stack()),
    )


if __name__ == "__main__":
    raise SystemExit(stack_files.main())
