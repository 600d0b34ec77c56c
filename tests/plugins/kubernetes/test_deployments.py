"""Waiting for Deployments: rolled out, rolled over, and what keeps one from it; the tests play its controllers."""

from __future__ import annotations

import grpc
import pytest

from tests.plugins.kubernetes.resources import Resource, Stack, kept_resource, meanwhile, until

pytestmark = pytest.mark.plugins

NEW = {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"}


def rolled_out(stack: Stack, deployment: Resource, generation: int = 1, pods: int = 2) -> None:
    counts = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), pods)
    stack.set_status(deployment, observedGeneration=generation, conditions=[NEW], **counts)


def ready(stack: Stack) -> Resource:
    deployment = stack.check("Deployment", "web", stack.deployment())
    creating = meanwhile(lambda: stack.create(deployment))
    rolled_out(stack, deployment)
    creating.result(60)
    return deployment


def test_a_deployment_is_made_once_all_of_its_pods_are_available(stack: Stack) -> None:
    deployment = stack.check("Deployment", "web", stack.deployment())
    creating = meanwhile(lambda: stack.create(deployment))
    until(lambda: any("(0/2 Pods available)" in each for each in stack.said()), "it tells what it waits for")
    stack.set_status(
        deployment, observedGeneration=1, replicas=2, updatedReplicas=2, readyReplicas=1, availableReplicas=1
    )
    until(lambda: any("(1/2 Pods available)" in each for each in stack.said()), "it tells how far that is")
    assert not creating.done()
    rolled_out(stack, deployment)
    creating.result(60)
    assert deployment.id == f"{stack.namespace}/web"
    assert stack.read(deployment)["inputs"] == deployment.inputs


def test_a_new_image_changes_it_in_place_and_waits_for_the_controller_to_see_that(stack: Stack) -> None:
    deployment = ready(stack)
    new = stack.deployment(image="registry.test/web:2")
    assert not stack.diff(deployment, new).get("replaces")
    uid = stack.live(deployment)["metadata"]["uid"]

    def update() -> None:
        stack.update(deployment, new)

    updating = meanwhile(update)
    until(lambda: stack.live(deployment)["metadata"]["generation"] == 2, "the change arrived")
    rolled_out(stack, deployment, generation=1)
    assert not updating.done(), "that was said of the Pods from before"
    rolled_out(stack, deployment, generation=2)
    updating.result(60)
    assert stack.live(deployment)["metadata"]["uid"] == uid


def test_pods_from_before_must_be_gone(stack: Stack) -> None:
    deployment = stack.check("Deployment", "web", stack.deployment())
    creating = meanwhile(lambda: stack.create(deployment))
    stack.set_status(
        deployment,
        observedGeneration=1,
        replicas=3,
        updatedReplicas=2,
        readyReplicas=3,
        availableReplicas=3,
        conditions=[NEW],
    )
    until(lambda: any("(2/2 Pods available)" in each for each in stack.said()), "it saw that")
    assert not creating.done()
    rolled_out(stack, deployment)
    creating.result(60)


def test_another_selector_makes_another_deployment(stack: Stack) -> None:
    deployment = ready(stack)
    assert stack.diff(deployment, stack.deployment(name="other") | {"metadata": stack.metadata("web")})["replaces"]


def test_one_that_never_rolls_out_fails_in_its_time_with_what_its_pods_say(stack: Stack) -> None:
    pod = stack.pod("web-1", labels={"app": "web"})
    stack.cluster.post(f"namespaces/{stack.namespace}/pods", {"apiVersion": "v1", "kind": "Pod", **pod})
    waiting = {"reason": "ImagePullBackOff", "message": "Back-off: unauthorized"}
    container = {"name": "web", "image": "i", "imageID": "", "ready": False, "restartCount": 0}
    stack.set_conditions(
        "web-1",
        PodScheduled=True,
        Initialized=True,
        Ready=("ContainersNotReady", "unready: [web]"),
        containerStatuses=[container | {"state": {"waiting": waiting}}],
    )
    with pytest.raises(grpc.RpcError, match="'web' timed out waiting to be Ready") as raised:
        stack.create(stack.check("Deployment", "web", stack.deployment()), timeout=1.0)
    kept = kept_resource(raised.value)
    assert kept.id == f"{stack.namespace}/web"
    assert kept.reasons[1:] == [
        "Minimum number of live Pods was not attained",
        f"[Pod {stack.namespace}/web-1]: unready: [web][ImagePullBackOff] Back-off: unauthorized",
    ]
