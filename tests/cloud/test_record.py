"""The open questions: each is asked or has a reason not to be, and the stand-in answers as the table says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sandbox.cloud.core import unverified
from sandbox.cloud.record.__main__ import main
from sandbox.cloud.record.account import Account
from sandbox.cloud.record.questions import NOT_ASKED, QUESTIONS
from sandbox.cloud.testing import StandIn

pytestmark = [pytest.mark.cloud, pytest.mark.sandbox_only]

CONSTANTS = {name for name in vars(unverified) if name.isupper()}


def test_every_open_answer_is_asked_for_or_says_why_not() -> None:
    asked = [constant for question in QUESTIONS for constant in question.settles]
    assert sorted([*asked, *NOT_ASKED]) == sorted(CONSTANTS)


def test_the_stand_in_answers_each_question_as_the_table_says(
    cloud: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("IBMCLOUD_API_KEY", cloud.api_key)
    file = tmp_path / "answers.json"
    assert main(["--iam", cloud.url, "--registry", cloud.url, "--to", str(file)]) == 0
    answers = json.loads(file.read_text())
    assert [each for each in answers if not each["same"]] == []
    assert {each["constant"] for each in answers} == {name for question in QUESTIONS for name in question.settles}
    told = file.read_text() + "".join(capfd.readouterr())
    for secret in (cloud.api_key, cloud.account_id, cloud.owner_iam_id):
        assert secret not in told
    with Account(cloud.url, cloud.url, cloud.api_key) as account:
        left = account.call("GET", f"/v1/serviceids/?account_id={account.id}").json()["serviceids"]
        assert left == []


def test_without_a_key_it_tells_what_it_would_ask(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("IBMCLOUD_API_KEY", raising=False)
    assert main([]) == 0
    told = capfd.readouterr().err
    assert all(question.what in told for question in QUESTIONS)


def test_a_wrong_key_is_said_in_a_line(
    cloud: StandIn, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("IBMCLOUD_API_KEY", "wrong-key-wrong-key")
    assert main(["--iam", cloud.url, "--registry", cloud.url]) == 1
    told = capfd.readouterr().err
    assert "IAM gave no token" in told
    assert "wrong-key-wrong-key" not in told
