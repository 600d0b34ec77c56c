"""The reference page of the provider, made from the declarations.

To write it anew: `python -m ibm_native.reference > docs/ibm-native.md`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ibm_native.catalogue import functions, lives
from ibm_native.configuration import PROPERTIES
from ibm_native.model.declare import Declaration
from ibm_native.model.function import Function
from ibm_native.model.inputs import Property
from ibm_native.version import PACKAGE, VERSION

_INTRODUCTION = f"""# The provider `{PACKAGE}`

IBM Cloud IAM and Container Registry for Pulumi, version {VERSION}. This page is generated from the declarations in
`ibm_native/`: `python -m ibm_native.reference > docs/ibm-native.md`.

Nothing is called in a preview, and no credential is asked for until a resource needs one. Names are Pulumi's; in Python they
are in snake_case (`iamId` is `iam_id`).

## Configuration

Keys of the stack's config (`pulumi config set {PACKAGE}:region jp-tok`), and inputs of an explicit `Provider`. The
credential is the first of: `{PACKAGE}:apiKey`, `IBMCLOUD_API_KEY`, and the SDK's own configuration of its service
`iam_identity` in the environment or in the file that `IBM_CREDENTIALS_FILE` names, for example:

| | |
|---|---|
| API key | `IAM_IDENTITY_APIKEY` |
| Trusted profile of a compute resource (IKS, OpenShift, Code Engine) | `IAM_IDENTITY_AUTH_TYPE=container`, `IAM_IDENTITY_IAM_PROFILE_ID` |
| Trusted profile of a VPC instance | `IAM_IDENTITY_AUTH_TYPE=vpc`, `IAM_IDENTITY_IAM_PROFILE_ID` |
| Trusted profile by API key | `IAM_IDENTITY_AUTH_TYPE=iamAssume`, `IAM_IDENTITY_IAM_PROFILE_ID`, `IAM_IDENTITY_APIKEY` |
"""  # noqa: E501  # a row of a table is one line


def page() -> str:
    """Return the page as Markdown."""
    parts = [_INTRODUCTION, _table(PROPERTIES, defaults=True)]
    parts += ["## Resources\n", *(_resource(life.declaration) for life in lives())]
    parts += ["## Functions\n", *(_function(each) for each in functions())]
    return "\n".join(parts)


def _resource(declaration: Declaration) -> str:
    names = {each.name for each in declaration.inputs}
    computed = [each for each in declaration.outputs if each.name not in names]
    facts = [
        f"Import: {declaration.import_id or 'none, it is made by `pulumi up` only'}.",
        f"Refresh: {declaration.refresh}.",
        f"Access that the credential needs: {declaration.needs}.",
    ]
    parts = [f"### `{declaration.token}`\n", declaration.description + "\n", "\\\n".join(facts) + "\n"]
    parts += ["Inputs:\n", _table(declaration.inputs, defaults=True)]
    if computed:
        parts += ["Further outputs:\n", _table(computed, defaults=False)]
    return "\n".join(parts)


def _function(function: Function[Any, Any]) -> str:
    parts = [f"### `{function.token}`\n", function.description + "\n"]
    parts += [f"Access that the credential needs: {function.needs}.\n"]
    parts += ["Arguments:\n", _table(function.inputs, defaults=True)]
    parts += ["Results:\n", _table(function.outputs, defaults=False)]
    return "\n".join(parts)


def _table(properties: Iterable[Property], *, defaults: bool) -> str:
    rows = ["| Name | Type | What it is | |", "|---|---|---|---|"]
    for each in properties:
        kind = {"array": "array of strings", "object": "strings by name"}.get(each.kind, each.kind)
        rows.append(f"| `{each.wire}` | {kind} | {each.prop.description} | {_marks(each, defaults=defaults)} |")
    return "\n".join(rows) + "\n"


def _marks(each: Property, *, defaults: bool) -> str:
    marks: list[str] = []
    if defaults:
        given = str(each.default).lower() if isinstance(each.default, bool) else each.default
        marks.append("required" if each.required else f"default `{given}`" if given is not None else "")
    marks.append("**replaces**" if defaults and each.prop.replaces else "")
    marks.append("secret" if each.prop.secret else "")
    marks.append("a change alone is no update" if defaults and each.prop.quiet else "")
    return ", ".join(filter(None, marks))


if __name__ == "__main__":
    print(page(), end="")
