"""The provider's Pulumi schema, made from the declarations."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from ibm_native.configuration import PROPERTIES
from ibm_native.model.declare import Declaration
from ibm_native.model.function import Function
from ibm_native.model.inputs import Property
from ibm_native.version import PACKAGE, PUBLISHER, REPOSITORY, VERSION

_LANGUAGES = {
    "csharp": {"respectSchemaVersion": True},
    "go": {"respectSchemaVersion": True},
    "nodejs": {"respectSchemaVersion": True},
    # By its usual name it would be the distribution of this provider to pip, and take its place.
    "python": {"packageName": "pulumi_ibm_native_sdk", "pyproject": {"enabled": True}, "respectSchemaVersion": True},
}
"""How `pulumi package add` writes an SDK in each language; all of them carry the schema's version."""


def schema(declarations: Iterable[Declaration], functions: Iterable[Function[Any, Any]]) -> str:
    """Return the schema as JSON (Pulumi's docs, "Pulumi package schema")."""
    config = {each.wire: _property(each) for each in PROPERTIES}
    return json.dumps(
        {
            "name": PACKAGE,
            "version": VERSION,
            "displayName": "IBM Cloud (native)",
            "description": "IBM Cloud IAM and Container Registry with complete life cycles, over IBM's own SDKs.",
            "keywords": ["pulumi", "ibm", "iam", "container-registry", "kind/native", "category/cloud"],
            "publisher": PUBLISHER,
            "homepage": REPOSITORY,
            "repository": REPOSITORY,
            "license": "Apache-2.0",
            "logoUrl": f"{REPOSITORY}/raw/main/docs/logo.svg",
            "pluginDownloadURL": f"{REPOSITORY}/releases",
            "language": _LANGUAGES,
            "config": {"variables": config},
            "provider": {
                "description": "The provider of IBM Cloud IAM and Container Registry.",
                "inputProperties": config,
            },
            "resources": {each.token: _resource(each) for each in declarations},
            "functions": {each.token: _function(each) for each in functions},
        },
        indent=2,
    )


def _resource(declaration: Declaration) -> dict[str, object]:
    return {
        "description": declaration.description,
        "inputProperties": {each.wire: _property(each) for each in declaration.inputs},
        "requiredInputs": [each.wire for each in declaration.inputs if each.required],
        "properties": {each.wire: _property(each) for each in declaration.outputs},
        "required": [each.wire for each in declaration.outputs if each.required],
    }


def _function(function: Function[Any, Any]) -> dict[str, object]:
    return {
        "description": function.description,
        "inputs": _object(function.inputs),
        "outputs": _object(function.outputs),
    }


def _object(properties: Iterable[Property]) -> dict[str, object]:
    given = tuple(properties)
    return {
        "type": "object",
        "properties": {each.wire: _property(each) for each in given},
        "required": [each.wire for each in given if each.required],
    }


def _property(each: Property) -> dict[str, object]:
    described: dict[str, object] = {"type": each.kind, "description": each.prop.description}
    if each.kind == "array":
        described["items"] = {"type": "string"}
    if each.kind == "object":
        described["additionalProperties"] = {"type": "string"}
    if each.prop.secret:
        described["secret"] = True
    if each.prop.replaces:
        described["willReplaceOnChanges"] = True
    if isinstance(each.default, str | bool | int):
        described["default"] = each.default
    return described
