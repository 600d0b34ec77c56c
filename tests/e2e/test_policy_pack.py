"""The policy pack in the real engine: the program keeps its rules, and a change that breaks one is stopped."""

from __future__ import annotations

import pytest

from base import paths
from tests.e2e.project import Project

pytestmark = pytest.mark.e2e

PACK = ("--policy-pack", str(paths.CHECKOUT / "policy"))


def test_the_program_keeps_every_mandatory_rule(project: Project) -> None:
    ran = project.pulumi("preview", *PACK)
    assert ran.status == 0, ran.text
    assert "icr-private-image" in ran.text


def test_a_change_that_breaks_a_rule_is_stopped_and_named(project: Project) -> None:
    workload = project.folder / "components/workload.py"
    before = workload.read_text()
    workload.write_text(before.replace("automount_service_account_token=False", "host_network=True"))
    try:
        ran = project.pulumi("preview", *PACK)
    finally:
        workload.write_text(before)
    assert ran.status != 0
    assert "no-api-token" in ran.text
    assert "automountServiceAccountToken to false" in ran.text
    assert "not-privileged" in ran.text
