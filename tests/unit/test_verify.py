"""Verification's pure parts; the rest of it is tested on a real cluster."""

from __future__ import annotations

from pathlib import Path

import pytest

from base.errors import SandboxError
from base.paths import CHECKOUT
from fleet.verify import cause, expected_page, pages_of, probe_manifest

pytestmark = pytest.mark.unit


def test_the_cause_is_what_the_registry_said() -> None:
    told = (
        'failed to pull and unpack image "127.0.0.1:7001/ns/image@sha256:00": failed to authorize: '
        "failed to fetch anonymous token: unexpected status: 401 Unauthorized"
    )
    assert cause(told) == "unexpected status: 401 Unauthorized"
    assert cause("short") == "short"


def test_the_probe_pulls_anew_and_gets_no_secret_from_the_default_service_account() -> None:
    spec = probe_manifest("probe", "ns", "host/image@sha256:00")["spec"]
    assert spec["containers"][0]["imagePullPolicy"] == "Always"
    assert spec["imagePullSecrets"] == [{"name": "probe"}], "an empty list would be filled in from the ServiceAccount"


def test_a_context_without_a_page_to_compare_is_told(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match=r"index\.html isn't there, and verification compares"):
        expected_page(tmp_path)
    (tmp_path / "index.html").write_bytes(b"\xff\xfe")
    with pytest.raises(SandboxError, match="isn't UTF-8 text"):
        expected_page(tmp_path)
    (tmp_path / "index.html").write_text("a page")
    assert expected_page(tmp_path) == "a page"


def test_a_setting_that_is_secret_comes_without_its_value_and_hinders_nothing() -> None:
    """`pullIdentity` with a key, and a kubeconfig, are whole secrets; the page is the story's all the same."""
    pages = pages_of(CHECKOUT, {"pullIdentity": "", "kubeconfig": "", "podName": "web"})
    assert pages == {"web": (CHECKOUT / "app/index.html").read_text()}
