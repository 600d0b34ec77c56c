"""The provider's declarations: what Python, the schema, the checks and the diffs say is the same."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from ibm_native.catalogue import functions, lives
from ibm_native.model.declare import Declaration
from ibm_native.model.inputs import Args, In, Property, Texts, TextsByName, camel
from ibm_native.reference import page
from ibm_native.schema import schema
from ibm_native.version import VERSION

pytestmark = pytest.mark.unit

DECLARATIONS = [life.declaration for life in lives()]
SCHEMA = json.loads(schema(DECLARATIONS, functions()))


def of(token: str) -> Declaration:
    return next(each for each in DECLARATIONS if each.token == token)


def declared(properties: tuple[Property, ...]) -> set[str]:
    return {each.wire for each in properties}


def test_the_type_tokens_are_the_published_ones() -> None:
    assert set(SCHEMA["resources"]) >= {
        "ibm-native:iam:ServiceId",
        "ibm-native:iam:AccessPolicy",
        "ibm-native:iam:ApiKey",
        "ibm-native:registry:Namespace",
        "ibm-native:registry:RetentionPolicy",
        "ibm-native:registry:Quota",
        "ibm-native:registry:Plan",
        "ibm-native:registry:Access",
        "ibm-native:registry:ScanGate",
    }
    assert set(SCHEMA["functions"]) >= {
        "ibm-native:registry:getImage",
        "ibm-native:registry:getNamespaces",
        "ibm-native:registry:getQuota",
        "ibm-native:iam:getRoles",
        "ibm-native:resources:getResourceGroup",
    }


def args_of(hint: object, declared: In[Any]) -> type[Args]:
    """Return an args class with one input; Pulumi's wire has no type for some hints."""
    return cast("type[Args]", type("GivenArgs", (Args,), {"__annotations__": {"value": hint}, "value": declared}))


@pytest.mark.parametrize(
    "hint", [In[dict[str, str]], In[Sequence[int]], In[Mapping[str, int]], In[float], In[str | int], In[bytes]], ids=str
)
def test_a_type_that_has_no_kind_is_no_string(hint: object) -> None:
    with pytest.raises(TypeError, match="is no type that ibm-native has on the wire"):
        args_of(hint, In("What it is.")).properties()


@pytest.mark.parametrize(
    ("hint", "declared", "kind"),
    [
        (In[str], In[str]("What it is."), "string"),
        (In[str | None], In[str | None]("What it is.", default=None), "string"),
        (In[bool], In[bool]("What it is.", default=False), "boolean"),
        (In[int], In[int]("What it is."), "integer"),
        (Texts, Texts("What they are."), "array"),
        (TextsByName, TextsByName("What they are."), "object"),
    ],
    ids=str,
)
def test_a_type_has_the_kind_that_it_says(hint: object, declared: In[Any], kind: str) -> None:
    (found,) = args_of(hint, declared).properties()
    assert found.kind == kind
    assert found.required == (declared.default not in {None, False})


def test_names_are_camel_case_on_the_wire() -> None:
    assert camel("action_when_leaked") == "actionWhenLeaked"
    assert camel("name") == "name"


@pytest.mark.parametrize("declaration", DECLARATIONS, ids=lambda each: each.token)
def test_every_input_that_can_drift_is_an_output_too(declaration: Declaration) -> None:
    visible = {each.wire for each in declaration.inputs if not each.prop.quiet}
    assert visible <= declared(declaration.outputs)


@pytest.mark.parametrize("declaration", DECLARATIONS, ids=lambda each: each.token)
def test_the_schema_describes_every_property(declaration: Declaration) -> None:
    found = SCHEMA["resources"][declaration.token]
    assert found["description"]
    assert set(found["inputProperties"]) == declared(declaration.inputs)
    assert set(found["properties"]) == declared(declaration.outputs)
    for each in (*found["inputProperties"].values(), *found["properties"].values()):
        assert each["description"]
        assert each["type"] in {"string", "boolean", "integer", "array"}
        assert ("items" in each) == (each["type"] == "array")


@pytest.mark.parametrize("declaration", DECLARATIONS, ids=lambda each: each.token)
def test_the_page_says_of_every_resource_what_a_refresh_compares(declaration: Declaration) -> None:
    assert declaration.refresh
    assert f"Refresh: {declaration.refresh}." in page()


def test_the_schema_marks_secrets_defaults_and_what_replaces() -> None:
    key = SCHEMA["resources"]["ibm-native:iam:ApiKey"]
    assert key["properties"]["apiKey"]["secret"] is True
    assert key["inputProperties"]["iamId"]["willReplaceOnChanges"] is True
    assert key["inputProperties"]["actionWhenLeaked"]["default"] == "disable"
    assert key["requiredInputs"] == ["name", "iamId"]
    assert "expiresAt" not in key["required"]
    assert SCHEMA["config"]["variables"]["apiKey"]["secret"] is True
    assert SCHEMA["version"] == VERSION


def test_only_a_new_key_policy_host_or_repository_asks_for_a_new_proof() -> None:
    loud = {each.wire for each in of("ibm-native:registry:Access").inputs if not each.prop.quiet}
    assert loud == {"registryHost", "repository", "apiKey", "policyId", "policyModifiedAt"}


@pytest.mark.parametrize(
    ("token", "replacing"),
    [
        ("ibm-native:iam:ServiceId", set[str]()),
        ("ibm-native:iam:AccessPolicy", {"iamId"}),
        ("ibm-native:iam:ApiKey", {"iamId"}),
        ("ibm-native:registry:Namespace", {"name", "region", "resourceGroup"}),
        ("ibm-native:registry:RetentionPolicy", {"namespace", "region"}),
        ("ibm-native:registry:Quota", {"region"}),
        ("ibm-native:registry:Plan", {"region"}),
        ("ibm-native:registry:Access", set[str]()),
        ("ibm-native:registry:ScanGate", set[str]()),
    ],
)
def test_only_what_cannot_change_in_place_replaces(token: str, replacing: set[str]) -> None:
    assert {each.wire for each in of(token).inputs if each.prop.replaces} == replacing


def test_the_program_loads_no_ibm_sdk() -> None:
    sdks = ("ibm_platform_services", "ibm_cloud_sdk_core", "ibm_container_registry", "requests")
    probe = f"import sys, ibm_native; print([each for each in {sdks} if each in sys.modules])"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_reference_page_is_current() -> None:
    written = (Path(__file__).parents[2] / "docs/ibm-native.md").read_text()
    assert written == page(), "run `python -m ibm_native.reference > docs/ibm-native.md`"


def test_every_resource_says_what_access_it_needs() -> None:
    assert all(each.needs for each in [*DECLARATIONS, *functions()])
    made = {each.token for each in DECLARATIONS if not each.import_id}
    assert made == {"ibm-native:registry:Access", "ibm-native:registry:ScanGate"}
