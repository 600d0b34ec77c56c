"""Stack files without an engine: their check, and what is made from the model: Pulumi.yaml's config, schema, page."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import yaml

from config import problems
from config.model import PROVIDER, Settings, parse
from config.problems import Problem, SettingsError

PROJECT_FILE = Path("Pulumi.yaml")
SCHEMA_FILE = Path("schema/stack.schema.json")
PAGE = Path("docs/configuration.md")
_HEAD = "| key | default | what it is |"
_PLACE = {"region": "region", "registryNamespace": "registry_namespace"}
"""What tells where a stack's images are: config key to the model's name for it."""


def main(words: Sequence[str] | None = None) -> int:
    """Check stack files, or renew what follows from the model; returns 0 if all is right."""
    parser = argparse.ArgumentParser(prog="python -m components.settings", description=__doc__)
    parser.add_argument("stacks", nargs="*", help="stacks to check")
    parser.add_argument("--all", action="store_true", help="check every stack file of the project")
    parser.add_argument("--write", action="store_true", help=f"renew {SCHEMA_FILE}, {PAGE} and {PROJECT_FILE}'s config")
    arguments = parser.parse_args(words)
    if arguments.write:
        write(Path.cwd())
        return 0
    stacks: list[str] = stacks_of(Path.cwd()) if arguments.all else arguments.stacks
    if not stacks:
        parser.error("name a stack, or use --all")
    return max(_say(stack, problem_of(Path.cwd(), stack)) for stack in stacks)


def _say(stack: str, problem: str | None) -> int:
    print(problem or f"stack {stack}'s settings (Pulumi.{stack}.yaml) are right", file=sys.stderr if problem else None)
    return 1 if problem else 0


def stacks_of(folder: Path) -> list[str]:
    """Return the names of the project's stack files."""
    return sorted(path.name.removeprefix("Pulumi.").removesuffix(".yaml") for path in folder.glob("Pulumi.*.yaml"))


def problem_of(folder: Path, stack: str) -> str | None:
    """Return the report about one stack file of the project in `folder`, or None if it can be used."""
    file = folder / f"Pulumi.{stack}.yaml"
    try:
        config, secrets = read(folder, stack)
        provider = {
            key.removeprefix(f"{PROVIDER}:"): value for key, value in config.items() if key.startswith(PROVIDER)
        }
        own = {key: value for key, value in config.items() if ":" not in key}
        parse(
            own,
            push_key=None,
            provider=provider,
            preview=True,
            project=folder,
            stack=stack,
            secrets=secrets,
            known=of_files(folder, stack),
        )
    except SettingsError as error:
        return str(error)
    except FileNotFoundError:
        known = ", ".join(stacks_of(folder)) or "none"
        return f"there is no {file.name}; stack files here: {known}"
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        return f"{file.name} can't be read as YAML: {error}"
    return None


def read(folder: Path, stack: str) -> tuple[dict[str, str], set[str]]:
    """Return a stack file's config as the engine hands it to a program, and the names of its secrets.

    The project's own keys stand without its name. A secret's value can't be known here: its key has the default.
    Raises SettingsError if the file isn't shaped like a stack file.
    """
    project = str(_load(folder / PROJECT_FILE)["name"])
    config: object = _load(folder / f"Pulumi.{stack}.yaml").get("config") or {}
    if not isinstance(config, dict):
        problem = Problem("config", problems.as_config(config), "a map from key to value", ["edit the file"])
        raise SettingsError(problems.report([problem], stack))
    named = {str(key).removeprefix(f"{project}:"): value for key, value in cast("dict[str, Any]", config).items()}
    secrets = {key for key, value in named.items() if _is_secret(value)}
    return {key: _text(value) for key, value in named.items() if key not in secrets or key not in KEYS}, secrets


def of_files(folder: Path, stack: str) -> list[Problem]:
    """Return what only the files tell of a stack: a key that is there twice, and images that others run.

    A file that isn't there, or is no YAML, has no such problem: whoever reads it says what is wrong.
    """
    return [*_twice(folder, stack), *_others_images(folder, stack)]


def _others_images(folder: Path, stack: str) -> list[Problem]:
    """Refuse a retention policy where another stack runs images of the same namespace: IBM's knows nothing of those."""
    own = _place_of_images(folder, stack)
    if own is None or own[0] in {"0", ""}:
        return []
    kept, place = own
    others = [
        each
        for each in stacks_of(folder)
        if each != stack and (other := _place_of_images(folder, each)) is not None and other[1] == place
    ]
    if not others:
        return []
    expected = f"0: stack {', '.join(others)} has images in the same namespace, which the policy could remove"
    return [Problem("retainImages", kept, expected, ["pulumi config set retainImages 0"])]


def _place_of_images(folder: Path, stack: str) -> tuple[str, tuple[str, ...]] | None:
    """Return how many images a stack keeps, and where its images are; None for a file that can't be read."""
    try:
        config, _ = read(folder, stack)
    except (FileNotFoundError, UnicodeDecodeError, yaml.YAMLError, SettingsError):
        return None
    default = {key: str(Settings.model_fields[name].default) for key, name in _PLACE.items()}
    endpoints = (f"{PROVIDER}:registryEndpoint", f"{PROVIDER}:registryEndpoints")
    return config.get("retainImages", "0"), tuple(
        config.get(key, default.get(key, "")) for key in (*_PLACE, "registryHost", *endpoints)
    )


def _twice(folder: Path, stack: str) -> list[Problem]:
    """Return a problem for each key that a stack file has twice, be it bare and with the project's name in front.

    The engine takes both for one key, and either of them may win.
    """
    file = folder / f"Pulumi.{stack}.yaml"
    try:
        content = cast("yaml.Node | None", yaml.compose(file.read_text(encoding="utf-8-sig"), yaml.SafeLoader))  # pyright: ignore[reportUnknownMemberType]  # untyped
        project = str(_load(folder / PROJECT_FILE)["name"])
    except (FileNotFoundError, UnicodeDecodeError, yaml.YAMLError):
        return []
    places: dict[str, list[str]] = {}
    for config, values in _pairs(content):
        for key, _ in _pairs(values) if config.value == "config" else ():
            name = str(key.value).removeprefix(f"{project}:")
            places.setdefault(name, []).append(f"line {key.start_mark.line + 1} ({key.value})")
    return [
        Problem(name, " and ".join(found), "one line", [f"delete {' or '.join(found)} of {file.name}"])
        for name, found in places.items()
        if len(found) > 1
    ]


def _pairs(node: yaml.Node | None) -> list[tuple[yaml.Node, yaml.Node]]:
    return cast("list[tuple[yaml.Node, yaml.Node]]", node.value) if isinstance(node, yaml.MappingNode) else []


def _is_secret(value: object) -> bool:
    """Tell whether a value, or one inside it, is encrypted: the engine then takes all of it for a secret."""
    if isinstance(value, dict):
        inner = cast("dict[str, object]", value)
        return "secure" in inner or any(map(_is_secret, inner.values()))
    return isinstance(value, list) and any(map(_is_secret, cast("list[object]", value)))


def _load(path: Path) -> dict[str, Any]:
    loaded: object = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    return cast("dict[str, Any]", loaded) if isinstance(loaded, dict) else {}


def _text(value: object) -> str:
    return json.dumps(value) if isinstance(value, dict | list) else problems.as_config("" if value is None else value)


KEYS = frozenset(field.alias or name for name, field in Settings.model_fields.items())
"""The keys that the project knows."""


def project_config() -> dict[str, dict[str, Any]]:
    """Return Pulumi.yaml's `config`: each key with type, default and description.

    A secret has no default that could be written down, and a key without one would have to be set: it isn't listed.
    """
    listed: dict[str, dict[str, Any]] = {}
    for key, schema in Settings.model_json_schema()["properties"].items():
        if "secure" not in schema.get("required", ()):
            kind = schema.get("type", "object")
            default: object = dict[str, str]() if kind == "object" else schema["default"]
            listed[key] = {"type": kind, "default": default, "description": schema["description"]}
    return listed


def stack_schema(project: str) -> dict[str, Any]:
    """Return the JSON Schema of the project's stack files, by which editors complete and check them."""
    own = Settings.model_json_schema()
    secure = {"type": "object", "properties": {"secure": {"type": "string"}}, "required": ["secure"]}
    keys: dict[str, Any] = {}
    for key, schema in own["properties"].items():
        about = {word: schema.pop(word, None) for word in ("title", "description", "default")}
        kinds = [secure] if "secure" in schema.get("required", ()) else [schema, secure]
        keys[key] = {"description": about["description"], "anyOf": kinds}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": f"Stack file of {project}",
        "type": "object",
        "$defs": own["$defs"],
        "properties": {
            "config": {
                "type": "object",
                "properties": keys,
                "patternProperties": {
                    **{f"^{project}:{key}$": {"$ref": f"#/properties/config/properties/{key}"} for key in keys},
                    f"^(?!{project}:)[^:]+:": True,
                },
                "additionalProperties": False,
            }
        },
    }


def page(text: str) -> str:
    """Return the page about the configuration, whose text is `text`, with its table as the model has it."""
    rows = [_HEAD, "|---|---|---|"]
    for key, schema in Settings.model_json_schema()["properties"].items():
        default = schema["default"]
        shown = "" if default in ("", {}) else f"`{default if isinstance(default, str) else json.dumps(default)}`"
        rows.append(f"| `{key}` | {shown} | {schema['description']} |")
    before, _, after = text.partition(_HEAD)
    _, gap, rest = after.partition("\n\n")
    return before + "\n".join(rows) + gap + rest


def write(folder: Path) -> None:
    """Write what follows from the model into the project in `folder`."""
    project = _load(folder / PROJECT_FILE)
    project["config"] = project_config()
    asked = project["template"]["config"]
    asked |= {key: {name: project["config"][key][name] for name in ("description", "default")} for key in asked}
    (folder / PROJECT_FILE).write_text(yaml.safe_dump(project, sort_keys=False, width=120, allow_unicode=True))
    (folder / SCHEMA_FILE).parent.mkdir(exist_ok=True)
    (folder / SCHEMA_FILE).write_text(json.dumps(stack_schema(str(project["name"])), indent=2) + "\n")
    (folder / PAGE).write_text(page((folder / PAGE).read_text()))
