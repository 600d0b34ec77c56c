"""Whose key pulls, how long it lives, and what a run says of an old one."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from base.errors import SandboxError
from components.identity import PullIdentityArgs, age_warnings
from fleet.rotation import due, state_of
from fleet.stack import Stack
from tests.unit import graph as harness
from tests.unit.test_graph import ACCESS, KEY_1, SECRET, delivery, graph, parsed

pytestmark = pytest.mark.unit

TWO = {"nginx-custom": {"build": {"context": "app"}}, "web": {"build": {"context": "app"}}}
NOW = datetime(2030, 6, 1, tzinfo=UTC)


def of_kind(**identity: str) -> harness.Graph:
    return harness.run(lambda: delivery("delivery", parsed(workloads=TWO, pullIdentity=identity)))


def test_each_workload_can_have_a_service_id_policy_key_secret_and_account_of_its_own() -> None:
    stacks, own = of_kind(kind="stack").custom(), of_kind(kind="workload")
    assert own.custom() - stacks == {
        "ibm-native:iam:ServiceId web-pull",
        "ibm-native:iam:AccessPolicy web-pull",
        "ibm-native:iam:ApiKey web-pull-key-1",
        "kubernetes:core/v1:Secret web-pull-secret",
        "kubernetes:core/v1:ServiceAccount web-service-account",
    }
    assert stacks < own.custom(), "the first goes on with what the stack had"
    assert own["ibm-native:iam:ServiceId web-pull"].inputs["name"] == "test-cluster-id-web"
    spec = own["kubernetes:core/v1:Pod web-pod"].plain("spec")
    assert spec["serviceAccountName"] == "service-account-image-pull-web"
    assert own["ibm-native:registry:Access web-pull"].edges["apiKey"] == {"ibm-native:iam:ApiKey web-pull-key-1"}


def test_a_given_key_makes_nothing_in_iam_and_is_proved_and_secret_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("given-key-value\n")
    for source in ({"apiKey": "given-key-value"}, {"apiKeyFile": str(tmp_path / "key")}):
        seen = of_kind(kind="given", **source)
        assert not any(key.startswith("ibm-native:iam:") for key in seen)
        assert seen[ACCESS].plain("apiKey") == "given-key-value"
        assert seen[ACCESS].is_secret("apiKey")
        assert seen[SECRET].is_secret("stringData", ".dockerconfigjson")


def test_a_key_ends_a_year_after_its_making_unless_the_stack_says_never() -> None:
    assert graph()[KEY_1].inputs["expiresAfterDays"] == 365
    assert "expiresAfterDays" not in graph(expires_after_days=0)[KEY_1].inputs


@pytest.mark.parametrize(
    ("created", "ends", "said"),
    [
        ("2030-05-01T00:00+0000", "2031-05-01T00:00+0000", []),
        ("2030-03-03T00:00+0000", None, ["key is 90 days old, rotateAfterDays is 90; do it"]),
        ("2030-03-04T00:00+0000", None, []),
        ("2030-05-01T00:00+0000", "2030-06-30T00:00+0000", ["key stops working at 2030-06-30T00:00+0000; do it"]),
        (None, None, []),
    ],
)
def test_a_run_says_that_a_key_is_old_or_ends_soon(created: str | None, ends: str | None, said: list[str]) -> None:
    args = PullIdentityArgs(service_id_name="s", api_key_name="k", region="jp-tok", namespace="n", rotate_after_days=90)
    assert age_warnings("key", args, created, ends, "do it", NOW) == said


def exported(*epochs: int) -> dict[str, Any]:
    urn = "urn:pulumi:s::p::ibm-native:iam:ApiKey::pull-key-{}"
    keys = [{"urn": urn.format(each), "type": "ibm-native:iam:ApiKey", "id": f"ApiKey-{each}"} for each in epochs]
    return {"deployment": {"resources": keys}}


@pytest.mark.parametrize(
    ("epochs", "in_use", "state"), [((1, 2), 2, "whole"), ((1, 2), 1, "made"), ((1,), 1, "raised")]
)
def test_stack_file_and_state_tell_how_far_a_rotation_is(epochs: tuple[int, ...], in_use: int, state: str) -> None:
    assert state_of(exported(*epochs), {"apiKeyId": f"ApiKey-{in_use}"}, 2) == state


@dataclass(frozen=True)
class Rotating(Stack):
    """A stack whose state is known; what is asked of the CLI is kept."""

    values: dict[str, str] = field(default_factory=dict[str, str])
    state: dict[str, Any] = field(default_factory=dict[str, Any])
    asked: list[tuple[str, ...]] = field(default_factory=list[tuple[str, ...]])

    def settings(self) -> dict[str, str]:
        """Return the file's."""
        return self.values

    def outputs(self) -> dict[str, object]:
        """Return which key is in use."""
        return {"apiKeyId": "ApiKey-1"}

    def export(self) -> dict[str, object]:
        """Return the state."""
        return self.state

    def ask(self, *arguments: str, given: str = "") -> str:
        """Keep what is asked."""
        self.asked.append(arguments)
        return given


@pytest.mark.parametrize(
    ("created", "after", "epoch", "raises"),
    [
        ("2030-03-03T00:00+0000", "90", "1", True),
        ("2030-03-04T00:00+0000", "90", "1", False),
        ("2030-03-03T00:00+0000", "0", "1", False),
        ("2030-03-03T00:00+0000", "90", "2", False),  # a rotation to 2 was begun: the file is ahead
    ],
)
def test_the_epoch_is_raised_in_the_file_once_the_key_is_as_old_as_it_may_be(
    created: str, after: str, epoch: str, raises: bool
) -> None:
    state = exported(1)
    state["deployment"]["resources"][0]["outputs"] = {"createdAt": created}
    stack = Rotating("s", {}, values={"rotateAfterDays": after, "keyEpoch": epoch}, state=state)
    told = due(stack, NOW)
    assert stack.asked == ([("config", "set", "keyEpoch", "2", "--plaintext", "--stack", "s")] if raises else [])
    assert told == ("its key is 90 days old, of 90; Pulumi.s.yaml: keyEpoch is 2 now" if raises else "")


def test_a_stack_without_a_key_of_its_own_has_none_to_rotate() -> None:
    with pytest.raises(SandboxError, match="no key of its own"):
        state_of(exported(), {}, 1)
