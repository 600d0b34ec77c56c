"""The program's graph: exactly these resources, these edges, these secrets."""

from __future__ import annotations

import base64
import json
from typing import Any

import pulumi
import pytest
from hypothesis import given
from hypothesis import strategies as st

from base.paths import CHECKOUT
from components.cluster import Cluster, ClusterArgs
from components.delivery import PrivateImage
from components.image import pinned
from components.names import child
from components.preflight import Preflight
from components.pull_access import docker_config
from config.model import Settings, parse
from tests.unit import graph as harness
from tests.unit.samples import values

pytestmark = pytest.mark.unit

NAMESPACE = "ibm-native:registry:Namespace namespace"
SERVICE_ID = "ibm-native:iam:ServiceId pull"
POLICY = "ibm-native:iam:AccessPolicy pull"
KEY_1 = "ibm-native:iam:ApiKey pull-key-1"
ACCESS = "ibm-native:registry:Access pull"
IMAGE = "docker:index/image:Image image"
CLUSTER = "pulumi:providers:kubernetes cluster"
SECRET = "kubernetes:core/v1:Secret pull-secret"
SERVICE_ACCOUNT = "kubernetes:core/v1:ServiceAccount service-account"
POD = "kubernetes:core/v1:Pod pod"


def settings(**changes: Any) -> Settings:
    return parsed().model_copy(update=changes)


def parsed(**changes: Any) -> Settings:
    return parse({**values(), **changes}, push_key=pulumi.Output.secret("push-key-value"), project=CHECKOUT)


def graph(*, preview: bool = False, **changes: Any) -> harness.Graph:
    return harness.run(lambda: delivery("delivery", settings(**changes)), preview=preview)


def delivery(name: str, chosen: Settings, preflight: Preflight | None = None) -> PrivateImage:
    """Make what the program makes."""
    args = ClusterArgs(context=chosen.kubernetes_context, identifier=chosen.cluster_identifier)
    cluster = Cluster(name.replace("delivery", "cluster"), args)
    opts = pulumi.ResourceOptions(providers=[cluster.provider])
    return PrivateImage(name, chosen, cluster.namespace, opts, preflight)


@pytest.mark.parametrize("preview", [False, True])
def test_the_story_has_exactly_these_resources(preview: bool) -> None:
    story = {NAMESPACE, SERVICE_ID, POLICY, KEY_1, ACCESS, IMAGE, CLUSTER, SECRET, SERVICE_ACCOUNT, POD}
    assert graph(preview=preview).custom() == story


def test_every_component_says_whose_child_it_is() -> None:
    seen = graph()
    root = "icr-private-image:delivery:PrivateImage delivery"
    parts = {key for key in seen if key.startswith("icr-private-image:delivery:")} - {root}
    cluster = "icr-private-image:delivery:Cluster cluster"
    assert {seen[key].parent for key in parts - {cluster}} == {root}
    parts.remove(cluster)
    assert len(parts) == 5
    assert all(seen[key].parent in parts | {cluster} for key in seen.custom())


def test_every_component_can_be_made_twice_in_one_program() -> None:
    def twice() -> None:
        delivery("delivery", settings())
        delivery("second-delivery", settings(registry_namespace="second", pull_secret_name="second"))

    seen = harness.run(twice)
    once = graph().custom()
    assert once < seen.custom()
    assert len(seen.custom()) == 2 * len(once)
    assert "kubernetes:core/v1:Secret second-pull-secret" in seen
    assert seen["kubernetes:core/v1:Pod second-pod"].provider == "pulumi:providers:kubernetes second-cluster"


@pytest.mark.parametrize(
    ("component", "part"), [("workload", "pod"), ("web-workload", "web-pod"), ("web", "web-pod"), ("a-b", "a-b-pod")]
)
def test_a_parts_name_comes_from_its_components(component: str, part: str) -> None:
    assert child(component, "workload", "pod") == part


@pytest.mark.parametrize(
    ("resource", "property_name", "source"),
    [
        (IMAGE, "imageName", NAMESPACE),
        (POLICY, "resource.namespace", NAMESPACE),
        (POLICY, "iamId", SERVICE_ID),
        (KEY_1, "iamId", SERVICE_ID),
        (ACCESS, "apiKey", KEY_1),
        (ACCESS, "policyId", POLICY),
        (ACCESS, "digest", IMAGE),
        (ACCESS, "repository", NAMESPACE),
        (SECRET, "stringData", ACCESS),
        (SERVICE_ACCOUNT, "imagePullSecrets", SECRET),
        (POD, "spec", SERVICE_ACCOUNT),
        (POD, "spec", IMAGE),
    ],
)
def test_what_must_come_first_is_an_edge_of_data(resource: str, property_name: str, source: str) -> None:
    edges = graph()[resource].edges
    assert source in edges[property_name.rpartition(".")[2]], f"{resource} could be made before {source}"


def test_the_image_is_never_pushed_with_the_key_that_the_graph_makes() -> None:
    image = graph()[IMAGE]
    assert KEY_1 not in image.depends_on
    assert image.is_secret("registry", "password")
    assert "the-key-value" not in json.dumps(dict(image.inputs))


def test_each_input_that_holds_a_key_is_secret() -> None:
    seen = graph()
    assert seen[ACCESS].is_secret("apiKey")
    assert seen[SECRET].is_secret("stringData", ".dockerconfigjson")
    for registration in seen.values():
        text = json.dumps(_without_secrets(dict(registration.inputs)))
        for value in ("the-key-value", "push-key-value"):
            assert value not in text, f"{registration.key} shows {value}"


def _without_secrets(value: Any) -> Any:
    if harness.is_secret(value):
        return "(secret)"
    if isinstance(value, dict):
        return {key: _without_secrets(item) for key, item in value.items()}  # pyright: ignore[reportUnknownVariableType]  # JSON
    if isinstance(value, list):
        return [_without_secrets(item) for item in value]  # pyright: ignore[reportUnknownVariableType]  # JSON
    return value


def test_the_policy_is_reader_on_one_namespace_in_one_region() -> None:
    policy = graph()[POLICY].inputs
    assert (policy["roles"], policy["region"], policy["namespace"]) == (["Reader"], "jp-tok", "my-praivate-repo")


def test_the_pod_runs_the_digest_as_its_own_service_account() -> None:
    pod = graph()[POD]
    spec = pod.plain("spec")
    container = spec["containers"][0]
    assert container["image"].endswith("@" + harness.SAMPLE_DIGEST)
    assert container["command"] == ["sh", "-c", "tail -f /dev/null"]
    assert spec["serviceAccountName"] == "service-account-image-pull"
    assert pod.create_timeout == "150s"
    assert pod.provider == CLUSTER


@pytest.mark.parametrize("key", [SECRET, SERVICE_ACCOUNT, POD])
def test_what_is_in_the_cluster_says_which_stack_made_it_and_old_objects_stay_as_they_are(key: str) -> None:
    registration = graph()[key]
    assert registration.plain("metadata")["annotations"] == {"icr-private-image/stack": "icr-private-image/test"}
    assert registration.ignore_changes == ("metadata.annotations",)


@pytest.mark.parametrize("key", [SECRET, SERVICE_ACCOUNT, POD])
def test_what_is_in_the_cluster_is_made_by_the_stacks_own_provider(key: str) -> None:
    assert graph()[key].provider == CLUSTER, "the default provider knows neither context nor cluster"


def test_the_cluster_is_the_one_that_the_settings_name() -> None:
    cluster = graph(kubernetes_context="c", cluster_identifier="cluster-1")[CLUSTER].inputs
    assert (cluster["context"], cluster["clusterIdentifier"]) == ("c", "cluster-1")
    assert "clusterIdentifier" not in graph()[CLUSTER].inputs


def test_a_state_of_a_cluster_with_an_identifier_keeps_no_path_of_one_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "/of/this/machine")
    assert graph(cluster_identifier="cluster-1")[CLUSTER].inputs["kubeconfig"] == ""
    assert graph()[CLUSTER].inputs["kubeconfig"] == "/of/this/machine", "what else would tell another cluster from it"


def test_the_pod_gets_no_token_of_the_clusters_api() -> None:
    assert graph()[POD].plain("spec")["automountServiceAccountToken"] is False


def test_the_secret_keeps_its_name_and_type_so_that_rotation_is_an_update() -> None:
    seen = graph()
    secret = seen[SECRET]
    assert secret.plain("type") == "kubernetes.io/dockerconfigjson"
    assert secret.plain("metadata")["name"] == "ibmcr"
    assert seen[CLUSTER].inputs["enableSecretMutable"] in (True, "true")


@pytest.mark.parametrize(
    ("epoch", "revoke", "keys"),
    [
        (1, False, {"pull-key-1": "test-cluster-key"}),
        (2, False, {"pull-key-1": "test-cluster-key", "pull-key-2": "test-cluster-key-2"}),
        (3, False, {"pull-key-2": "test-cluster-key-2", "pull-key-3": "test-cluster-key-3"}),
        (3, True, {"pull-key-3": "test-cluster-key-3"}),
    ],
)
def test_the_keys_of_this_epoch_and_the_one_before_live(epoch: int, revoke: bool, keys: dict[str, str]) -> None:
    seen = graph(key_epoch=epoch, revoke_previous=revoke)
    found = {r.name: r.inputs["name"] for r in seen.values() if r.type == "ibm-native:iam:ApiKey"}
    assert found == keys
    assert seen[ACCESS].edges["apiKey"] == {f"ibm-native:iam:ApiKey pull-key-{epoch}"}


@pytest.mark.parametrize("protect", [False, True])
def test_protected_is_what_a_delivery_never_replaces_and_a_destroy_would_take(protect: bool) -> None:
    protected = {key for key, registration in graph(protect=protect).items() if registration.protect}
    kept = {
        "icr-private-image:delivery:RegistryNamespace namespace",
        "ibm-native:registry:Namespace namespace",
        "ibm-native:iam:ServiceId pull",
    }
    assert protected == (kept if protect else set())


def test_an_assertion_in_the_program_reaches_the_test() -> None:
    def broken() -> None:
        delivery("delivery", settings())
        pulumi.Output.from_input(1).apply(_fail)

    with pytest.raises(AssertionError, match="seen by the harness"):
        harness.run(broken)


def _fail(_: int) -> None:
    message = "seen by the harness"
    raise AssertionError(message)


@pytest.mark.parametrize("reference", ["jp.icr.io/ns/image:1", "<none>@<none>", "", "jp.icr.io/ns/image@sha256:abc"])
def test_a_push_without_a_digest_is_refused(reference: str) -> None:
    with pytest.raises(ValueError, match="without a digest"):
        pinned(reference)


@given(key=st.text(st.characters(codec="ascii", categories=("L", "N", "P")), min_size=1, max_size=64))
def test_the_kubelet_reads_back_the_login_that_was_written(key: str) -> None:
    entry = json.loads(docker_config("jp.icr.io", key))["auths"]["jp.icr.io"]
    assert base64.b64decode(entry["auth"]).decode().split(":", 1) == ["iamapikey", key]
    assert (entry["username"], entry["password"]) == ("iamapikey", key)
