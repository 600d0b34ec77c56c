"""The provider's journal: what it remembers, of whom, and what it does where it can't write."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from ibm_native.model.journal import Journal, default_folder

pytestmark = pytest.mark.unit

URN = "urn:pulumi:dev::test::ibm-native:registry:Quota::quota"
ID = "jp-tok"


def test_a_create_is_remembered_by_another_process_of_the_same_account(tmp_path: Path) -> None:
    Journal(tmp_path).begin(URN, ID, "account", {"storage_megabytes": 512})
    found = Journal(tmp_path).begun(URN, ID, "account")
    assert found is not None
    assert found.before == {"storage_megabytes": 512}
    assert Journal(tmp_path).begun(URN, ID, "another account") is None
    assert Journal(tmp_path).begun(URN, "us-south", "account") is None
    assert Journal(tmp_path).begun(URN + "-2", ID, "account") is None


def test_an_orderly_end_strikes_out_what_was_answered_only(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    for urn in (URN, URN + "-2"):
        journal.begin(urn, ID, "account")
    journal.answered(URN, ID)
    journal.close()
    assert journal.begun(URN, ID, "account") is None
    assert journal.begun(URN + "-2", ID, "account") is not None


def test_a_spoilt_file_and_a_folder_that_refuses_are_no_failure(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.begin(URN, ID, "account")
    next(tmp_path.iterdir()).write_text("half a li")
    assert journal.begun(URN, ID, "account") is None
    blocked = tmp_path / "file"
    blocked.write_text("")
    Journal(blocked).begin(URN, ID, "account")
    Journal(blocked).end(URN, ID)
    assert Journal(blocked).begun(URN, ID, "account") is None


def test_the_folder_is_pulumi_s_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path))
    assert default_folder() == tmp_path / "ibm-native"
    monkeypatch.delenv("PULUMI_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_folder() == tmp_path / ".pulumi/ibm-native"


def test_a_user_without_any_home_has_a_folder_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError

    monkeypatch.delenv("PULUMI_HOME", raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    assert default_folder() == Path(tempfile.gettempdir()) / f"ibm-native-{os.getuid()}"
