"""Property values survive the way to plain Python and back."""

from __future__ import annotations

import pytest
from google.protobuf import json_format, struct_pb2
from hypothesis import given
from hypothesis import strategies as st

from sandbox.plugins import values
from sandbox.plugins.values import Properties, Secret, Unknown, Value

pytestmark = pytest.mark.plugins

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
SECRET = "1b47061264138c4ac30d75fd1eb44270"
ASSET = "c44067f5952c0a294b673a41bacd8c17"

leaves = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**53), 2**53), st.floats(allow_nan=False), st.text(), st.just(Unknown())
)
anything: st.SearchStrategy[Value] = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner),
        st.dictionaries(st.text(), inner),
        st.builds(Secret, inner),
    ),
    max_leaves=10,
)


def from_json(fields: dict[str, object]) -> struct_pb2.Struct:
    return json_format.ParseDict(fields, struct_pb2.Struct())


@given(st.dictionaries(st.text(), anything))
def test_there_and_back_is_the_same(properties: Properties) -> None:
    assert values.to_python(values.to_struct(properties)) == properties


@pytest.mark.parametrize(
    ("wire", "value"),
    [
        (1.0, 1),
        (1.5, 1.5),
        (UNKNOWN, Unknown()),
        ({values.SIGNATURE: SECRET, "value": {"a": ["b"]}}, Secret({"a": ["b"]})),
        ({values.SIGNATURE: ASSET, "text": "a"}, {values.SIGNATURE: ASSET, "text": "a"}),
    ],
)
def test_the_wires_forms_become_objects_and_back(wire: object, value: Value) -> None:
    struct = from_json({"x": wire})
    assert values.to_python(struct) == {"x": value}
    assert values.to_struct({"x": value}) == struct


def test_plain_takes_the_wrappers_off() -> None:
    wrapped: Value = {"a": Secret([Secret("b"), Unknown()])}
    assert values.plain(wrapped) == {"a": ["b", Unknown()]}


def test_nulls_go_at_every_depth() -> None:
    assert values.without_nulls({"a": None, "b": {"c": None, "d": [{"e": None}]}, "f": Secret({"g": None})}) == {
        "b": {"d": [{}]},
        "f": Secret({}),
    }


@pytest.mark.parametrize(
    ("value", "unknown", "secret"),
    [
        ({"a": ["b"]}, False, False),
        ({"a": [Unknown()]}, True, False),
        (Secret({"a": Unknown()}), True, True),
        ({"a": [Secret("b")]}, False, True),
    ],
)
def test_unknowns_and_secrets_are_found_at_every_depth(value: Value, *, unknown: bool, secret: bool) -> None:
    assert values.contains_unknown(value) is unknown
    assert values.contains_secret(value) is secret


def test_a_secret_shows_nothing_of_itself() -> None:
    assert "s3cr3t" not in repr({"a": Secret("s3cr3t")})
