"""The page of operations in docs/ is current, and tells what is there and what is not."""

from __future__ import annotations

import pytest

from base.paths import CHECKOUT
from sandbox.cloud.operations import COMMAND, SERVICES, known, page

pytestmark = [pytest.mark.cloud, pytest.mark.sandbox_only]


def test_the_page_of_operations_is_current() -> None:
    written = CHECKOUT.joinpath("docs/cloud-operations.md").read_text()
    assert written == page(), f"The page is old. To mend it: {COMMAND}"


def test_every_operation_of_the_sdks_is_listed() -> None:
    found = page()
    for _, service in SERVICES:
        operations = known(service)
        assert len(operations) > 5
        assert all(f"| `{each.name}` | `{each.method} {each.path}` |" in found for each in operations)


def test_the_page_tells_what_is_there_and_what_is_not() -> None:
    found = page()
    assert "| `create_service_id` | `POST /v1/serviceids/` | here |" in found
    assert "| `update_policy_state` | `PATCH /v1/policies/{policy_id}` | here |" in found
    assert "| `create_profile_template` | `POST /v1/profile_templates` | 501 |" in found
    assert "| `POST /identity/token` | here |" in found
