"""Resources in a program: inputs as an args object or as keyword arguments, and what is there already."""

from __future__ import annotations

import asyncio
from typing import Any

import pulumi
import pytest
from pulumi.runtime.settings import SETTINGS

import ibm_native as ibm
from ibm_native.catalogue import lives, of_a_program
from ibm_native.cloud.connection import Connection
from ibm_native.model.declare import Declaration
from tests.unit import graph

pytestmark = pytest.mark.unit

IAM_ID = "iam-ServiceId-0f0e0d0c-0b0a-4908-8706-050403020100"


def python_class(declaration: Declaration) -> Any:
    """Return the class of a type token by its last part, as a program names it."""
    return of_a_program(declaration.token.rpartition(":")[2])


@pytest.mark.parametrize("declaration", [each.declaration for each in lives()], ids=lambda each: each.token)
def test_keyword_arguments_are_the_args_object_s(declaration: Declaration) -> None:
    values: dict[str, Any] = {"string": "a text", "boolean": True, "integer": 3, "array": ["one", "two"]}
    inputs = {each.name: values[each.kind] for each in declaration.inputs}
    resource, args = python_class(declaration), declaration.args

    def program() -> None:
        resource("by-args", args(**inputs))
        resource("by-keyword", **inputs)
        resource("least", **{each.name: inputs[each.name] for each in declaration.inputs if each.required})

    made = graph.run(program)
    by_args, by_keyword, least = (made[f"{declaration.token} {each}"] for each in ("by-args", "by-keyword", "least"))
    assert by_args.inputs == by_keyword.inputs
    assert set(by_args.inputs) == {each.wire for each in declaration.inputs}
    given = {each.wire for each in declaration.inputs if each.required or each.default is not None}
    assert set(least.inputs) == given
    for each in declaration.inputs:
        assert by_keyword.is_secret(each.wire) == each.prop.secret


def test_a_mistake_in_the_inputs_is_an_error_of_the_line_that_has_it() -> None:
    # What a type checker says of these lines is a part of the test: an ignore that isn't needed fails `make lint`.
    def program() -> None:
        with pytest.raises(TypeError, match="missing 1 required keyword-only argument: 'name'"):
            ibm.ServiceId("none")  # pyright: ignore[reportCallIssue]
        with pytest.raises(TypeError, match="unexpected keyword argument 'nmae'"):
            ibm.ServiceId("misspelt", nmae="puller")  # pyright: ignore[reportCallIssue]
        with pytest.raises(TypeError, match="takes ServiceIdArgs or keyword arguments, not both"):
            ibm.ServiceId("both", ibm.ServiceIdArgs(name="one"), name="two")  # pyright: ignore[reportArgumentType]
        ibm.ServiceId("typed", name=3)  # pyright: ignore[reportArgumentType]

    assert [each for each in graph.run(program) if each.startswith("ibm-native")] == ["ibm-native:iam:ServiceId typed"]


def test_keyword_arguments_stand_beside_options_and_take_outputs() -> None:
    def program() -> None:
        owner = ibm.ServiceId("owner", name="puller")
        options = pulumi.ResourceOptions(depends_on=[owner], ignore_changes=["description"])
        ibm.AccessPolicy("policy", iam_id=owner.iam_id, roles=[owner.name], region="jp-tok", opts=options)

    policy = graph.run(program)["ibm-native:iam:AccessPolicy policy"]
    assert policy.inputs == {
        "iamId": "iam-ServiceId-1",
        "roles": ["puller"],
        "region": "jp-tok",
        "service": "container-registry",
    }
    assert policy.edges["iamId"] == {"ibm-native:iam:ServiceId owner"}
    assert policy.depends_on == {"ibm-native:iam:ServiceId owner"}
    assert policy.ignore_changes == ("description",)


def test_a_functions_failure_ends_the_program_by_its_text_whichever_output_is_looked_at_first() -> None:
    waited_for: list[asyncio.Future[Any]] = []

    def program() -> None:
        ibm.get_quota(ibm.GetQuotaArgs(region=graph.REFUSED_REGION))
        waited_for.extend(getattr(SETTINGS, "outputs"))  # noqa: B009  # untyped

    with pytest.raises(pulumi.RunError, match="no such region"):
        graph.run(program)
    failures = {type(each.exception()) for each in waited_for if each.done() and each.exception()}
    assert failures == {pulumi.RunError}


def test_what_is_there_is_read_and_not_registered() -> None:
    found: list[object] = []

    def program() -> None:
        there = ibm.ServiceId.get("there", "ServiceId-1", pulumi.ResourceOptions(protect=True))
        pulumi.Output.all(there.id, there.iam_id).apply(found.extend)

    made = graph.run(program)
    assert found == ["ServiceId-1", "iam-ServiceId-1"]
    assert not [each for each in made if each.startswith("ibm-native")]


def test_an_args_object_reads_as_its_type_says_or_not_at_all() -> None:
    given = ibm.AccessPolicyArgs(iam_id=IAM_ID, roles=["Reader"])
    assert (given.iam_id, given.roles, given.region, given.service) == (IAM_ID, ["Reader"], None, "container-registry")
    later = pulumi.Output.from_input("jp-tok")
    unknown = ibm.AccessPolicyArgs(iam_id=IAM_ID, roles=[later], region=later)
    with pytest.raises(TypeError, match="region of AccessPolicyArgs has no value yet: hand over the output itself"):
        _ = unknown.region
    with pytest.raises(TypeError, match="roles of AccessPolicyArgs has no value yet"):
        _ = unknown.roles
    with pytest.raises(TypeError, match="name of ServiceIdArgs has no value yet"):
        _ = ibm.ServiceIdArgs.of({}).name


def test_neither_an_args_object_nor_a_connection_shows_a_secret() -> None:
    given = ibm.AccessArgs(registry_host="h", repository="n/i", digest="d", api_key="s3cret-key", policy_id="p")
    assert "s3cret-key" not in repr(given)
    assert "s3cret-key" not in repr(Connection(api_key="s3cret-key"))
