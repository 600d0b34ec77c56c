"""What IBM Cloud's statuses mean to a call, whose an object is by its mark, and of which region an endpoint is."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from ibm_native.cloud.client import Cloud
from ibm_native.cloud.connection import Connection
from ibm_native.cloud.errors import ApiError, LostAnswerError, NotFoundError, ProviderError, TokenError
from ibm_native.cloud.refusals import Job, Refusal, api_error, token_error
from ibm_native.model.journal import Journal
from ibm_native.model.lifecycle import Call
from ibm_native.model.marked import Attempt
from ibm_native.model.marker import Mark

pytestmark = pytest.mark.unit

URN = "urn:pulumi:dev::test::ibm-native:iam:ServiceId::pull"


def refusal(status: int) -> Refusal:
    return Refusal(status, "", "words", "", "", None, None)


@pytest.mark.parametrize(
    ("status", "repeatable", "kind"),
    [
        (199, True, ApiError),
        (200, True, LostAnswerError),
        (299, True, LostAnswerError),
        (300, True, ApiError),
        (403, True, ApiError),
        (404, True, NotFoundError),
        (405, True, ApiError),
        (499, False, ApiError),
        (500, True, ApiError),
        (500, False, LostAnswerError),
    ],
)
def test_a_status_tells_what_a_call_may_have_done(status: int, repeatable: bool, kind: type[ProviderError]) -> None:
    error = api_error(Job("make it", "a role", repeatable=repeatable), refusal(status))
    assert type(error) is kind
    assert not isinstance(error, ApiError) or error.status == status


@pytest.mark.parametrize(("given", "status"), [(0, 500), (429, 429), (503, 503)])
def test_a_token_request_without_a_status_counts_as_a_fault_of_ibms(given: int, status: int) -> None:
    error = cast("TokenError", token_error("do it", "https://iam", refusal(given)))
    assert error.status == status


def test_what_an_earlier_attempt_left_is_told_from_its_own_from_a_states_and_from_anybodys(tmp_path: Path) -> None:
    call = Call(cast("Cloud", None), URN, Journal(tmp_path))
    earlier, own = (Attempt.begin(call, "account") for _ in range(2))
    marks = {"earlier": earlier.mark, "own": own.mark, "a state's": Mark.new(URN), "another's": Mark.new(f"{URN}-2")}
    made = {name: {"id": name, "description": mark.on(None)} for name, mark in marks.items()}
    made["anybody's"] = {"id": "anybody's", "description": "by hand"}
    assert [name for name, body in made.items() if own.left_by_another(body)] == ["earlier"]


@pytest.mark.parametrize(
    ("region", "endpoint", "told"),
    [
        (None, "http://host", True),
        ("eu-de", "http://host", False),
        (None, "https://de.icr.io", False),
        ("eu-de", "https://de.icr.io", False),
    ],
)
def test_the_region_of_an_endpoint_is_asked_for_only_where_nothing_says_it(
    region: str | None, endpoint: str, told: bool
) -> None:
    problem = Connection(region=region, registry_endpoint=endpoint).region_problem("us-south")
    assert problem is not None
    assert ("config set ibm-native:region us-south" in problem[1]) is told
