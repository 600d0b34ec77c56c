"""Workloads in the graph: for each thing that one may set, exactly what it makes in the cluster."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit import graph as harness
from tests.unit.test_graph import ACCESS, IMAGE, SECRET, SERVICE_ACCOUNT, delivery, parsed

pytestmark = pytest.mark.unit

BUILD = {"build": {"context": "app"}}
DIGEST = "sha256:" + "cd" * 32


def graph(workloads: dict[str, Any], *, preview: bool = False) -> harness.Graph:
    return harness.run(lambda: delivery("delivery", parsed(workloads=workloads)), preview=preview)


def spec(**about: Any) -> dict[str, Any]:
    return graph({"web": BUILD | about})["kubernetes:core/v1:Pod web-pod"].plain("spec")


def container(**about: Any) -> dict[str, Any]:
    return spec(**about)["containers"][0]


@pytest.mark.parametrize("preview", [False, True])
def test_a_workload_adds_exactly_its_image_its_proof_and_what_runs_it(preview: bool) -> None:
    one = graph({"web": BUILD}, preview=preview)
    two = graph({"web": BUILD, "api": BUILD | {"kind": "Deployment"}}, preview=preview)
    assert two.custom() - one.custom() == {
        "docker:index/image:Image api-image",
        "ibm-native:registry:Access api-pull",
        "kubernetes:apps/v1:Deployment api-deployment",
    }
    assert one.custom() < two.custom()


def test_a_workload_is_made_after_the_proof_that_its_own_image_can_be_pulled() -> None:
    seen = graph({"api": BUILD, "web": BUILD})
    for name in ("api", "web"):
        pod = seen[f"kubernetes:core/v1:Pod {name}-pod"]
        assert {f"ibm-native:registry:Access {name}-pull", SERVICE_ACCOUNT} <= pod.depends_on
        assert f"docker:index/image:Image {name}-image" in pod.edges["spec"]
    assert seen[SECRET].edges["stringData"] == {"ibm-native:registry:Access api-pull"}


def test_no_image_waits_for_another_and_no_pod_for_another() -> None:
    seen = graph({"api": BUILD, "web": BUILD})
    images = {key for key in seen if key.startswith("docker:")}
    pods = {key for key in seen if key.startswith("kubernetes:core/v1:Pod ")}
    assert len(images) == len(pods) == 2
    for of_a_kind in (images, pods):
        assert not any(seen[key].depends_on & of_a_kind for key in of_a_kind)


def test_the_workload_called_as_the_storys_pod_takes_over_what_the_story_made() -> None:
    assert {IMAGE, ACCESS, "kubernetes:core/v1:Pod pod"} <= set(graph({"nginx-custom": BUILD, "web": BUILD}))


def test_a_build_is_handed_over_whole() -> None:
    build = {"context": "app", "target": "last", "args": {"BASE": "b:1", "N": 1}, "name": "repo", "tag": "v2"}
    image = graph({"web": {"build": build, "platform": "linux/arm64"}})["docker:index/image:Image web-image"]
    assert image.inputs["imageName"] == "jp.icr.io/my-praivate-repo/repo:v2"
    assert image.inputs["build"] == {
        "context": "app",
        "platform": "linux/arm64",
        "target": "last",
        "args": {"BASE": "b:1", "N": "1"},
    }


@pytest.mark.parametrize(("given", "digest"), [(f"web@{DIGEST}", DIGEST), ("web:v3", harness.SAMPLE_DIGEST)])
def test_an_image_that_exists_is_run_by_digest_and_a_tag_is_resolved_to_one(given: str, digest: str) -> None:
    seen = graph({"web": {"image": given}})
    assert not any(key.startswith("docker:") for key in seen)
    running = seen["kubernetes:core/v1:Pod web-pod"].plain("spec")["containers"][0]["image"]
    assert running == f"jp.icr.io/my-praivate-repo/web@{digest}"
    assert seen["ibm-native:registry:Access web-pull"].plain("digest") == digest


def test_a_deployment_finds_its_pods_and_rolls_as_it_is_told() -> None:
    about = {"kind": "Deployment", "replicas": 3, "strategy": "Recreate"}
    made = graph({"web": BUILD | about})["kubernetes:apps/v1:Deployment web-deployment"].plain("spec")
    labels = {"app.kubernetes.io/name": "web"}
    assert (made["replicas"], made["strategy"]) == (3, {"type": "Recreate"})
    assert made["selector"]["matchLabels"] == made["template"]["metadata"]["labels"] == labels
    assert made["template"]["spec"]["containers"][0]["image"].endswith(harness.SAMPLE_DIGEST)
    rolling = graph({"web": BUILD | {"kind": "Deployment"}})["kubernetes:apps/v1:Deployment web-deployment"]
    assert rolling.plain("spec")["strategy"]["rollingUpdate"] == {"maxSurge": "25%", "maxUnavailable": "25%"}


@pytest.mark.parametrize(
    ("given", "made"),
    [
        ({"command": ["run", 1], "args": ["a"]}, {"command": ["run", "1"], "args": ["a"]}),
        ({"ports": [80, 81]}, {"ports": [{"containerPort": 80}, {"containerPort": 81}]}),
        ({"env": {"B": True, "A": 1}}, {"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "true"}]}),
        ({"envFrom": ["keys"]}, {"envFrom": [{"secretRef": {"name": "keys"}}]}),
        ({"resources": {"limits": {"cpu": 1}}}, {"resources": {"limits": {"cpu": "1"}}}),
        (
            {"probes": {"liveness": {"http": {"port": 80, "path": "/well"}, "periodSeconds": 5}}},
            {"livenessProbe": {"httpGet": {"path": "/well", "port": 80}, "periodSeconds": 5}},
        ),
        ({"probes": {"startup": {"tcp": 80}}}, {"startupProbe": {"tcpSocket": {"port": 80}}}),
        ({"probes": {"readiness": {"command": ["ok"]}}}, {"readinessProbe": {"exec": {"command": ["ok"]}}}),
    ],
)
def test_what_is_set_stands_in_the_container_and_nothing_else(given: dict[str, Any], made: dict[str, Any]) -> None:
    assert container(**given) == container() | made


def test_a_page_probe_looks_at_the_text_as_an_argument_and_never_as_a_script() -> None:
    probe = container(probes={"readiness": {"page": {"text": "$(reboot) *", "file": "/page"}}})["readinessProbe"]
    shell, flag, script, file, text = probe["exec"]["command"]
    assert (shell, flag, file, text) == ("sh", "-c", "/page", "$(reboot) *")
    assert "reboot" not in script


def test_a_container_gains_no_rights_and_one_with_a_user_of_its_own_has_none_of_roots() -> None:
    plain = container()["securityContext"]
    assert plain == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": False,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert container(securityContext={"runAsUser": 101})["securityContext"] == plain | {
        "runAsUser": 101,
        "runAsNonRoot": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_a_pod_runs_on_nodes_of_its_images_architecture_only() -> None:
    assert spec()["nodeSelector"] == {"kubernetes.io/arch": "amd64"}
    assert spec(platform="linux/s390x")["nodeSelector"] == {"kubernetes.io/arch": "s390x"}


def test_the_secret_is_named_by_the_service_account_or_by_the_pod_itself() -> None:
    assert "imagePullSecrets" not in spec()
    assert spec(pullVia="pod")["imagePullSecrets"] == [{"name": "ibmcr"}]
    assert spec(pullVia="pod")["serviceAccountName"] == "service-account-image-pull"
