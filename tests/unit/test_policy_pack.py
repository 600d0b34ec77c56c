"""Each rule of the policy pack, with what it lets pass and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest

from policy import invariants
from policy.invariants import RULES, Rule

pytestmark = pytest.mark.unit

DIGEST = f"jp.icr.io/ns/app@sha256:{'0' * 64}"


def pod(spec: dict[str, Any] | None = None, **container: Any) -> dict[str, Any]:
    own = {"serviceAccountName": "pull", "automountServiceAccountToken": False, **(spec or {})}
    return {"spec": {**own, "containers": [{"name": "app", "image": DIGEST, **container}]}}


def deployment(inputs: dict[str, Any]) -> dict[str, Any]:
    return {"spec": {"replicas": 2, "template": inputs}}


POLICY = {"roles": ["crn:v1:bluemix:public:iam::::serviceRole:Reader"], "region": "jp-tok", "namespace": "mine"}
PASSES: dict[str, list[dict[str, Any]]] = {
    "image-by-digest": [pod(), deployment(pod())],
    "tag-not-latest": [{"imageName": "127.0.0.1:7001/ns/app:v1"}],
    "reader-on-one-namespace": [POLICY, {**POLICY, "roles": ["Reader"]}],
    "key-expires": [{"name": "key", "expiresAt": "2038-01-31T00:00+0000"}, {"name": "key", "expiresAfterDays": 365}],
    "own-service-account": [pod(), deployment(pod())],
    "clusters-own-untouched": [{"metadata": {"name": "ibmcr"}}, {"metadata": {}}],
    "no-secret-in-clear": [
        pod(env=[{"name": "LEVEL", "value": "info"}]),
        pod(env=[{"name": "API_KEY", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]),
    ],
    "not-privileged": [pod(), pod(securityContext={"runAsNonRoot": True})],
    "no-api-token": [pod(), deployment(pod())],
}
REFUSED: dict[str, list[tuple[dict[str, Any], str]]] = {
    "image-by-digest": [
        (pod(image="jp.icr.io/ns/app:v1"), "jp.icr.io/ns/app:v1"),
        (deployment(pod(image="app")), "container app runs app"),
        (pod({"initContainers": [{"name": "first", "image": "tool:1"}]}), "container first"),
    ],
    "tag-not-latest": [
        ({"imageName": "127.0.0.1:7001/ns/app:latest"}, "latest"),
        ({"imageName": "127.0.0.1:7001/ns/app"}, "latest"),
    ],
    "reader-on-one-namespace": [
        ({**POLICY, "roles": ["Reader", "Writer"]}, "Reader, Writer"),
        ({**POLICY, "roles": ["crn:v1:bluemix:public:iam::::serviceRole:Manager"]}, "Manager"),
        ({**POLICY, "namespace": None}, "no namespace"),
        ({key: value for key, value in POLICY.items() if key != "region"}, "no region"),
    ],
    "key-expires": [({"name": "key"}, "never expires")],
    "own-service-account": [
        (pod({"serviceAccountName": "default"}), "default"),
        ({"spec": {"containers": []}}, "default"),
    ],
    "clusters-own-untouched": [
        ({"metadata": {"name": "default"}}, "default"),
        ({"metadata": {"name": "all-icr-io"}}, "all-icr-io"),
    ],
    "no-secret-in-clear": [(deployment(pod(env=[{"name": "db_password", "value": "x"}])), "db_password")],
    "not-privileged": [
        (pod(securityContext={"privileged": True}), "privileged"),
        (deployment(pod({"hostNetwork": True})), "hostNetwork"),
        (pod({"hostPID": True}), "hostPID"),
    ],
    "no-api-token": [
        (pod({"automountServiceAccountToken": True}), "automountServiceAccountToken"),
        ({"spec": {"containers": []}}, "automountServiceAccountToken"),
    ],
}


def test_every_rule_has_examples_of_both_kinds() -> None:
    assert set(PASSES) == set(REFUSED) == {rule.name for rule in RULES}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_lets_pass_what_is_right_and_names_what_is_not(rule: Rule) -> None:
    for inputs in PASSES[rule.name]:
        assert list(rule.problems(inputs)) == []
    for inputs, named in REFUSED[rule.name]:
        (problem,) = rule.problems(inputs)
        assert named in problem


def test_a_secrets_value_is_never_told() -> None:
    (problem,) = invariants.no_secret_in_clear(pod(env=[{"name": "TOKEN", "value": "canary"}]))
    assert "canary" not in problem
