"""Stacks as objects for the Pulumi Kubernetes Operator: least rights, no value of a secret, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from base.errors import SandboxError
from base.paths import CHECKOUT
from fleet import inventory
from fleet.__main__ import app
from fleet.inventory import StackFile
from fleet.operator_manifests import Object, Place, config_in_pod, manifests
from fleet.operator_schema import check

pytestmark = pytest.mark.unit

PLACE = Place(image="registry.example/ns/workspace:1", repository="https://git.example/o/n.git", backend="s3://state")
CRD = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "spec": {
        "group": "pulumi.com",
        "names": {"kind": "Stack"},
        "versions": [
            {
                "name": "v1",
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {
                            "apiVersion": {"type": "string"},
                            "kind": {"type": "string"},
                            "metadata": {"type": "object"},
                            "spec": {
                                "type": "object",
                                "properties": {
                                    "stack": {"type": "string"},
                                    "config": {"x-kubernetes-preserve-unknown-fields": True},
                                },
                            },
                        },
                    }
                },
            }
        ],
    },
}
"""A CRD that knows fewer fields than this project writes."""


def stack(tmp_path: Path, **config: str) -> StackFile:
    return StackFile("staging", tmp_path, config)


def kinds(objects: list[Object]) -> dict[str, Object]:
    return {each["kind"]: each for each in objects}


def test_every_stack_of_the_project_fits_the_schema(tmp_path: Path) -> None:
    for each in inventory.found(CHECKOUT):
        check(manifests(each, PLACE), None)
    told = ["export", "--operator", "--all", "--image", "i", "--repo", "https://git.example/o/n.git"]
    ran = CliRunner().invoke(app, [*told, "--cwd", str(CHECKOUT), "--out", str(tmp_path)], env={"OPERATOR_CRDS": ""})
    assert ran.exit_code == 0, ran.output
    resources = yaml.safe_load((tmp_path / "kustomization.yaml").read_text())["resources"]
    assert resources == sorted(path.name for path in tmp_path.glob("*.yaml") if path.name != "kustomization.yaml")
    assert "PULUMI_ACCESS_TOKEN=..." in ran.output


def test_a_pods_rights_are_those_of_its_workloads_in_its_namespace(tmp_path: Path) -> None:
    pods = kinds(manifests(stack(tmp_path, kubernetesNamespace="web"), PLACE))
    assert pods["Role"]["metadata"] == {"name": "pulumi-staging", "namespace": "web"}
    assert {kind for rule in pods["Role"]["rules"] for kind in rule["resources"]} == {
        "secrets",
        "serviceaccounts",
        "pods",
    }
    assert all("*" not in [*rule["verbs"], *rule["resources"]] for rule in pods["Role"]["rules"])
    assert pods["ClusterRoleBinding"]["roleRef"]["name"] == "system:auth-delegator"

    workloads = '{"web": {"kind": "Deployment"}}'
    rules = kinds(manifests(stack(tmp_path, workloads=workloads), PLACE))["Role"]["rules"]
    verbs = {resource: rule["verbs"] for rule in rules for resource in rule["resources"]}
    assert verbs["pods"] == ["get", "list", "watch"]
    assert "create" in verbs["deployments"]


def test_a_stack_with_a_kubeconfig_of_its_own_gets_no_right_here(tmp_path: Path) -> None:
    own = StackFile("staging", tmp_path, {}, secrets={"kubeconfig"})
    assert kinds(manifests(own, PLACE)).keys() == {"ServiceAccount", "ClusterRoleBinding", "Stack"}


def test_secrets_are_references_and_follow_the_backend(tmp_path: Path) -> None:
    made = kinds(manifests(stack(tmp_path), PLACE))["Stack"]["spec"]["envRefs"]
    assert set(made) == {
        "IBMCLOUD_API_KEY",
        "PULUMI_CONFIG_PASSPHRASE",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
    }
    assert made["IBMCLOUD_API_KEY"] == {"type": "Secret", "secret": {"name": "pulumi", "key": "IBMCLOUD_API_KEY"}}


def test_a_sandbox_stack_gets_the_addresses_that_pods_reach_and_a_real_one_none(tmp_path: Path) -> None:
    on_sandbox = {
        "ibm-native:iamEndpoint": "http://127.0.0.1:7080",
        "ibm-native:registryEndpoints": '{"us-south": "http://127.0.0.1:7013"}',
        "region": "us-south",
    }
    assert config_in_pod(stack(tmp_path, **on_sandbox)) == {
        "ibm-native:iamEndpoint": "https://198.19.77.1:7080",
        "ibm-native:registryEndpoints": {"us-south": "https://198.19.77.1:7013"},
    }
    assert config_in_pod(stack(tmp_path, region="us-south")) == {}


@pytest.mark.parametrize(
    ("config", "place", "message"),
    [
        ({"kubernetesNamespaceMode": "create"}, PLACE, "the right to make any"),
        ({}, Place(image="i", repository="https://x/y", backend="file:///state"), "a Pod has none that stays"),
    ],
)
def test_what_a_pod_cannot_do_is_refused(tmp_path: Path, config: dict[str, str], place: Place, message: str) -> None:
    with pytest.raises(SandboxError, match=message):
        manifests(stack(tmp_path, **config), place)


def test_crds_that_are_given_decide_and_name_the_field(tmp_path: Path) -> None:
    (tmp_path / "crds.yaml").write_text(yaml.safe_dump(CRD))
    made: list[dict[str, Any]] = manifests(stack(tmp_path), PLACE)
    with pytest.raises(SandboxError, match=r"Stack staging: spec must not contain .*projectRepo"):
        check(made, tmp_path)
    fitting = made[-1] | {"spec": {"stack": "staging", "config": {"a:b": {"c": 1}}}}
    assert check([fitting], tmp_path) == str(tmp_path)
    with pytest.raises(SandboxError, match="must be string"):
        check([made[-1] | {"spec": {"stack": 1}}], tmp_path)
    (tmp_path / "crds.yaml").write_text("a: 1\n")
    with pytest.raises(SandboxError, match="has no CustomResourceDefinition"):
        check(made, tmp_path)


def test_a_repository_that_the_operator_does_not_take_is_named(tmp_path: Path) -> None:
    told = ["export", "--operator", "--all", "--image", "i", "--repo", "http://git.example/o/n.git"]
    ran = CliRunner().invoke(app, [*told, "--out", str(tmp_path)])
    assert ran.exit_code == 1
    assert "http://git.example" in str(ran.exception)
