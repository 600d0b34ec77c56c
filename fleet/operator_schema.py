"""Holds exported objects against the operator's CRDs, or, where none are given, against this project's own schema."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import fastjsonschema
import yaml

from base.errors import SandboxError
from base.paths import CHECKOUT

OWN = CHECKOUT / "schema/operator.schema.json"
"""Fields of the operator's Stack that this project writes, by kind."""


def check(objects: Sequence[dict[str, Any]], crds: Path | None) -> str:
    """Return what the objects were held against; raises SandboxError with the field of the first that doesn't fit.

    `crds` is a folder of CustomResourceDefinitions, or a file. Kinds that no schema knows are Kubernetes's own.
    """
    schemas = dict(_of_crds(crds)) if crds else _own()
    for each in objects:
        name = (each["apiVersion"], each["kind"])
        if name not in schemas and each["apiVersion"].partition("/")[0].endswith("pulumi.com"):
            raise SandboxError(f"{crds} has no CRD of {'/'.join(name)}", "give the folder of the operator's own CRDs")
        if name in schemas:
            try:
                fastjsonschema.validate(schemas[name], each)
            except fastjsonschema.JsonSchemaValueException as error:
                raise SandboxError(
                    f"{each['kind']} {each['metadata']['name']}: {error.message.replace('data.', '', 1)}",
                    "use an operator of 2.9, or set this field by kustomize",
                ) from None
    return str(crds) if crds else "this project's schema; OPERATOR_CRDS=FOLDER holds it against the operator's own"


def _own() -> dict[tuple[str, str], dict[str, Any]]:
    return {("pulumi.com/v1", "Stack"): json.loads(OWN.read_text())}


def _of_crds(path: Path) -> Iterator[tuple[tuple[str, str], dict[str, Any]]]:
    files = sorted(path.glob("*.y*ml")) if path.is_dir() else [path]
    try:
        found = [each for file in files for each in yaml.safe_load_all(file.read_text()) if each]
    except (OSError, yaml.YAMLError) as error:
        raise SandboxError(f"{path} can't be read: {error}", "give a folder of CRDs as YAML") from None
    if not any(each.get("kind") == "CustomResourceDefinition" for each in found):
        raise SandboxError(f"{path} has no CustomResourceDefinition", "give the folder of the operator's CRDs")
    for crd in found:
        if crd.get("kind") == "CustomResourceDefinition":
            for version in crd["spec"]["versions"]:
                name = f"{crd['spec']['group']}/{version['name']}", crd["spec"]["names"]["kind"]
                schema = cast("dict[str, Any]", _strict(version["schema"]["openAPIV3Schema"]))
                schema["properties"]["metadata"] = {"type": "object"}
                yield name, schema


def _strict(schema: object) -> object:
    """Return an OpenAPI schema as JSON Schema in which an unknown field is an error, as for `kubectl --validate`."""
    if isinstance(schema, list):
        return [_strict(each) for each in cast("list[object]", schema)]
    if not isinstance(schema, dict):
        return schema
    given = cast("dict[str, Any]", schema)
    made: dict[str, Any] = {}
    for key, value in given.items():
        if key in {"properties", "patternProperties"}:
            made[key] = {name: _strict(each) for name, each in value.items()}
        elif not key.startswith("x-kubernetes") and key not in {"format", "description", "default"}:
            made[key] = _strict(value)
    if "properties" in made and "additionalProperties" not in made and not given.get(_KEEPS):
        made["additionalProperties"] = False
    return made


_KEEPS = "x-kubernetes-preserve-unknown-fields"
