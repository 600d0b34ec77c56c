"""Waiting for Pods: every way to ready, and every way not to get there; the tests play the kubelet."""

from __future__ import annotations

import itertools
from pathlib import Path

import grpc
import psutil
import pytest

from sandbox.plugins.kubernetes.plugin import KubernetesPlugin
from tests.plugins.kubernetes.resources import Resource, Stack, kept_resource, meanwhile, text_of, until

pytestmark = pytest.mark.plugins

PULL_TROUBLE = {
    "containerStatuses": [
        {
            "name": "web",
            "image": "registry.test/web:1",
            "imageID": "",
            "ready": False,
            "restartCount": 0,
            "state": {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off: unauthorized"}},
        }
    ]
}


def ready_pod(stack: Stack) -> Resource:
    pod = stack.check("Pod", "web", stack.pod())
    creating = meanwhile(lambda: stack.create(pod))
    stack.set_conditions("web", PodScheduled=True, Initialized=True, Ready=True, phase="Running")
    creating.result(60)
    return pod


def test_a_pod_is_made_once_it_is_ready_and_each_step_is_told_once(stack: Stack) -> None:
    pod = stack.check("Pod", "web", stack.pod())
    creating = meanwhile(lambda: stack.create(pod))
    until(lambda: any("scheduled" in each for each in stack.said()), "the first step is told")
    assert not creating.done()
    stack.set_conditions("web", PodScheduled=True)
    until(lambda: any("initialized" in each for each in stack.said()), "the second step is told")
    stack.set_conditions("web", PodScheduled=True, Initialized=True, Ready=("ContainersNotReady", "not yet"))
    until(lambda: any("ready" in each for each in stack.said()), "the third step is told")
    assert not creating.done()
    stack.set_conditions("web", PodScheduled=True, Initialized=True, Ready=True, phase="Running")
    creating.result(60)
    shown = f"{stack.namespace}/web"
    assert stack.said() == [
        "",
        f'Waiting for Pod "{shown}" to be scheduled',
        f'Waiting for Pod "{shown}" to be initialized',
        f'Waiting for Pod "{shown}" to be ready',
        "",
    ]
    assert pod.state["status"]["phase"] == "Running"


def test_a_pod_that_ran_to_its_end_is_ready(stack: Stack) -> None:
    pod = stack.check("Pod", "web", stack.pod())
    creating = meanwhile(lambda: stack.create(pod))
    stack.set_conditions("web", PodScheduled=True, Initialized=True, Ready=("PodCompleted", "done"), phase="Succeeded")
    creating.result(60)
    assert pod.state["status"]["phase"] == "Succeeded"


def test_a_pod_that_never_gets_ready_fails_in_its_time_with_the_cause_and_is_kept(stack: Stack) -> None:
    pod = stack.check("Pod", "web", stack.pod())
    creating = meanwhile(lambda: stack.create(pod, timeout=3))
    numbers = itertools.count()

    def changed_until_it_ends() -> bool:
        """Change the Pod once more: if a change began the wait anew, it would never end."""
        unready = ("ContainersNotReady", "unready: [web]")
        change = {**PULL_TROUBLE, "message": f"change {next(numbers)}"}
        stack.set_conditions("web", PodScheduled=True, Initialized=True, Ready=unready, **change)
        return creating.done()

    until(changed_until_it_ends, "the wait ends")
    with pytest.raises(grpc.RpcError) as raised:
        creating.result(0)
    message = (
        f'resource "{pod.urn}" was successfully created, but the Kubernetes API server reported that it failed to '
        "fully initialize or become live: 'web' timed out waiting to be Ready"
    )
    assert text_of(raised.value) == message
    kept = kept_resource(raised.value)
    assert kept.id == f"{stack.namespace}/web"
    assert kept.reasons == [
        message,
        f"[Pod {stack.namespace}/web]: unready: [web][ImagePullBackOff] Back-off: unauthorized",
    ]
    assert kept.properties["status"]["containerStatuses"][0]["ready"] is False


def test_a_warning_about_the_pod_is_shown_while_it_is_waited_for(stack: Stack) -> None:
    pod = stack.check("Pod", "web", stack.pod())
    creating = meanwhile(lambda: stack.create(pod))
    path = f"namespaces/{stack.namespace}/pods/web"
    until(lambda: stack.cluster.get(path) is not None, "the Pod exists")
    live = stack.live(pod)
    about = {"kind": "Pod", "name": "web", "namespace": stack.namespace, "uid": live["metadata"]["uid"]}
    for number, (kind, reason) in enumerate([("Normal", "Pulling"), ("Warning", "Failed")]):
        stack.cluster.post(
            f"namespaces/{stack.namespace}/events",
            {
                "metadata": {"name": f"web.{number}", "namespace": stack.namespace},
                "involvedObject": about,
                "type": kind,
                "reason": reason,
                "message": "Error: ErrImagePull",
            },
        )
    until(lambda: "warning: Failed: Error: ErrImagePull" in stack.said(), "the warning is shown")
    stack.set_conditions("web", PodScheduled=True, Initialized=True, Ready=True)
    creating.result(60)
    assert not any("Pulling" in each for each in stack.said())


def test_a_pod_may_be_made_without_waiting(stack: Stack) -> None:
    pod = stack.make("Pod", "web", stack.pod(annotations={"pulumi.com/skipAwait": "true"}))
    assert pod.state["status"]["phase"] == "Pending"
    assert stack.read(pod)["inputs"] == pod.inputs


def test_the_annotation_limits_the_wait_where_the_program_does_not(stack: Stack) -> None:
    pod = stack.check("Pod", "web", stack.pod(annotations={"pulumi.com/timeoutSeconds": "1"}))
    with pytest.raises(grpc.RpcError, match="timed out waiting to be Ready"):
        stack.create(pod, timeout=0)


def test_a_pod_that_vanishes_while_it_is_waited_for_is_an_error_at_once(stack: Stack) -> None:
    pod = stack.check("Pod", "web", stack.pod())
    creating = meanwhile(lambda: stack.create(pod, timeout=60))
    until(lambda: stack.cluster.get(stack.path(pod)) is not None, "the Pod exists")
    until(lambda: len(stack.said()) > 1, "the wait began")
    stack.cluster.delete(stack.path(pod))
    with pytest.raises(grpc.RpcError, match="'web' was deleted while it became ready"):
        creating.result(60)


def test_a_cancel_ends_the_wait_and_keeps_the_pod(stack: Stack, servicer: KubernetesPlugin) -> None:
    pod = stack.check("Pod", "web", stack.pod())
    creating = meanwhile(lambda: stack.create(pod, timeout=60))
    until(lambda: len(stack.said()) > 1, "the wait began")
    servicer.cancelled.set()
    with pytest.raises(grpc.RpcError, match='Resource operation was cancelled for "web"') as raised:
        creating.result(60)
    assert kept_resource(raised.value).id == f"{stack.namespace}/web"


def kill_proxies() -> None:
    """End each kubectl below this process as a machine that is out of memory does."""
    proxies = [each for each in psutil.Process().children(recursive=True) if "proxy" in each.cmdline()]
    assert proxies
    for each in proxies:
        each.kill()
    psutil.wait_procs(proxies)


def test_a_wait_goes_on_when_kubectls_proxy_is_killed(stack: Stack) -> None:
    pod = stack.check("Pod", "web", stack.pod())
    creating = meanwhile(lambda: stack.create(pod, timeout=60))
    until(lambda: len(stack.said()) > 1, "the wait began")
    kill_proxies()
    stack.set_conditions("web", PodScheduled=True, Initialized=True, Ready=True, phase="Running")
    creating.result(20)
    assert pod.state["status"]["phase"] == "Running"
    kill_proxies()  # and a call that changes something finds another one
    stack.delete(pod, timeout=60)
    assert stack.cluster.get(stack.path(pod)) is None


def test_a_proxy_that_cannot_be_started_again_ends_the_wait_at_once_and_keeps_the_pod(
    stack: Stack, tmp_path: Path
) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(stack.cluster.kubeconfig.read_text())
    stack.configure(kubeconfig=str(kubeconfig))
    pod = stack.check("Pod", "web", stack.pod())
    creating = meanwhile(lambda: stack.create(pod, timeout=60))
    until(lambda: len(stack.said()) > 1, "the wait began")
    kubeconfig.write_text("{")
    kill_proxies()
    with pytest.raises(grpc.RpcError, match=r"'web' can't be looked at any more: .*yaml") as raised:
        creating.result(20)
    assert kept_resource(raised.value).id == f"{stack.namespace}/web"


def test_a_refresh_of_a_pod_that_is_not_ready_says_so_and_keeps_it(stack: Stack) -> None:
    pod = ready_pod(stack)
    stack.set_conditions("web", PodScheduled=True, Initialized=True, Ready=("ContainersNotReady", "unready: [web]"))
    with pytest.raises(grpc.RpcError) as raised:
        stack.read(pod)
    assert text_of(raised.value) == "Resource 'web' was created but failed to initialize"
    kept = kept_resource(raised.value)
    assert kept.reasons == [text_of(raised.value), f"[Pod {stack.namespace}/web]: unready: [web]"]
    assert kept.inputs["metadata"]["name"] == "web"


def test_another_image_replaces_a_pod_that_the_program_named(stack: Stack) -> None:
    pod = ready_pod(stack)
    change = stack.diff(pod, stack.pod(image="registry.test/web:2"))
    assert change == {
        "changes": "DIFF_SOME",
        "replaces": ["spec.containers[0].image"],
        "deleteBeforeReplace": True,
        "detailedDiff": {"spec.containers[0].image": {"kind": "UPDATE_REPLACE"}},
        "hasDetailedDiff": True,
    }


def test_a_label_is_changed_in_place_and_the_pod_is_waited_for_again(stack: Stack) -> None:
    pod = ready_pod(stack)
    labelled = stack.pod(labels={"a": "b"})
    change = stack.diff(pod, labelled)
    assert change["detailedDiff"] == {"metadata.labels": {}}  # the protocol's default kind is ADD
    assert "replaces" not in change
    stack.plugin.lines.clear()
    stack.update(pod, labelled)
    assert stack.live(pod)["metadata"]["labels"] == {"a": "b"}
    assert any("ready" in each for each in stack.said())


def test_a_pod_is_deleted_once_its_node_let_it_go(stack: Stack) -> None:
    pod = ready_pod(stack)
    path = stack.path(pod)
    target = {"apiVersion": "v1", "kind": "Node", "name": "elsewhere"}
    binding = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": "web"}, "target": target}
    stack.cluster.post(f"{path}/binding", binding)
    deleting = meanwhile(lambda: stack.delete(pod))
    until(lambda: "Resource scheduled for deletion" in stack.said(), "the deletion is told")
    assert not deleting.done()
    stack.cluster.delete(path)
    deleting.result(60)
    assert stack.cluster.get(path) is None
