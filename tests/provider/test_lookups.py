"""The functions, and names that are looked up: resource groups and custom roles."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ibm_cloud_sdk_core.authenticators import IAMAuthenticator
from ibm_platform_services.iam_policy_management_v1 import IamPolicyManagementV1
from ibm_platform_services.resource_manager_v2 import ResourceManagerV2

from sandbox.cloud.testing import StandIn
from tests.provider.engine import Engine, RefusedError
from tests.provider.wire import Trouble, Wire

pytestmark = pytest.mark.provider

SERVICE_ID = "ibm-native:iam:ServiceId"
POLICY = "ibm-native:iam:AccessPolicy"
NAMESPACE = "ibm-native:registry:Namespace"
GROUP = "ibm-native:resources:getResourceGroup"


def make_group(cloud: StandIn, name: str) -> None:
    manager: Any = ResourceManagerV2(IAMAuthenticator(cloud.api_key, url=cloud.url))
    manager.set_service_url(cloud.url)
    manager.create_resource_group(name=name, account_id=cloud.account_id)
    manager.get_http_client().close()


def make_role(cloud: StandIn, name: str) -> None:
    policies: Any = IamPolicyManagementV1(IAMAuthenticator(cloud.api_key, url=cloud.url))
    policies.set_service_url(cloud.url)
    policies.create_role(
        display_name=f"{name} for people",
        actions=["container-registry.image.pull"],
        name=name,
        account_id=cloud.account_id,
        service_name="container-registry",
    )
    policies.get_http_client().close()


async def test_the_default_resource_group_is_found_without_a_name(engine: Engine, wire: Wire) -> None:
    found, failures = await engine.invoke(GROUP, {})
    assert failures == {}
    assert len(found["id"]) == 32
    assert (await engine.invoke(GROUP, {"name": found["name"]}))[0] == found
    assert wire.count("GET /v2/resource_groups") == 1, "a process asks once"


async def test_a_resource_group_that_isn_t_there_is_answered_with_those_that_are(engine: Engine) -> None:
    with pytest.raises(RefusedError, match="the account has no such group\nIt has "):
        await engine.invoke(GROUP, {"name": "nobody's"})
    with pytest.raises(RefusedError, match='the account has no resource group "nobody\'s"'):
        await engine.make(NAMESPACE, {"name": "my-images", "region": "jp-tok", "resourceGroup": "nobody's"})


async def test_a_namespace_and_a_policy_take_a_resource_group_by_name_or_id(engine: Engine, cloud: StandIn) -> None:
    make_group(cloud, "delivery")
    group, _ = await engine.invoke(GROUP, {"name": "delivery"})
    owner = await engine.make(SERVICE_ID, {"name": "owner"})
    policy = {"iamId": owner.outputs["iamId"], "roles": ["Viewer"], "region": "jp-tok"}
    for number, spelling in enumerate(("delivery", group["id"])):
        name = f"my-images-{number}"
        space = await engine.make(NAMESPACE, {"name": name, "region": "jp-tok", "resourceGroup": spelling}, name=name)
        assert space.outputs["resourceGroup"] == spelling
        assert await engine.refresh(space) == space
        roles = ["Viewer"] if number else ["Operator"]
        right = await engine.make(POLICY, {**policy, "roles": roles, "resourceGroup": spelling}, name=name)
        assert await engine.refresh(right) == right


async def test_roles_are_listed_by_kind(engine: Engine, cloud: StandIn) -> None:
    make_role(cloud, "Puller")
    found, _ = await engine.invoke("ibm-native:iam:getRoles", {})
    assert [each.rpartition(":")[2] for each in found["customRoles"]] == ["Puller"]
    assert {"Reader", "Writer", "Manager"} <= {each.rpartition(":")[2] for each in found["serviceRoles"]}
    assert {"Viewer", "Administrator"} <= {each.rpartition(":")[2] for each in found["platformRoles"]}


async def test_a_policy_takes_a_custom_role_by_its_name(engine: Engine, cloud: StandIn) -> None:
    make_role(cloud, "Puller")
    owner = await engine.make(SERVICE_ID, {"name": "owner"})
    right = await engine.make(POLICY, {"iamId": owner.outputs["iamId"], "roles": ["Puller"], "region": "jp-tok"})
    assert await engine.refresh(right) == right
    imported = await engine.bring_in(POLICY, right.id)
    assert imported is not None
    assert imported.inputs["roles"] == ["Puller"]


async def test_a_custom_role_that_the_account_lacks_is_named(engine: Engine) -> None:
    owner = await engine.make(SERVICE_ID, {"name": "owner"})
    with pytest.raises(RefusedError, match="container-registry has no role Puller\nIt has "):
        await engine.make(POLICY, {"iamId": owner.outputs["iamId"], "roles": ["Puller"], "region": "jp-tok"})


async def test_several_policies_ask_for_the_roles_once(engine: Engine, wire: Wire) -> None:
    owner = await engine.make(SERVICE_ID, {"name": "owner"})
    for role in ("Reader", "Writer"):
        inputs = {"iamId": owner.outputs["iamId"], "roles": [role], "region": "jp-tok"}
        await engine.make(POLICY, inputs, name=role)
    assert wire.count("GET /v2/roles") == 1


async def test_the_namespaces_of_a_region_are_listed(engine: Engine) -> None:
    for name in ("your-images", "my-images"):
        await engine.make(NAMESPACE, {"name": name, "region": "jp-tok"}, name=name)
    found, _ = await engine.invoke("ibm-native:registry:getNamespaces", {"region": "jp-tok"})
    assert found == {"names": ["my-images", "your-images"]}


async def test_the_quota_is_told_in_bytes(engine: Engine) -> None:
    found, _ = await engine.invoke("ibm-native:registry:getQuota", {"region": "jp-tok"})
    assert found["storageLimitBytes"] >= 500 << 20
    assert found["storageUsedBytes"] == found["trafficUsedBytes"] == 0


async def test_an_image_that_was_just_pushed_is_waited_for(engine: Engine, wire: Wire) -> None:
    name = f"{wire.url.removeprefix('http://')}/my-images/nginx"
    digest = "sha256:" + "a" * 64
    listed: list[dict[str, Any]] = [{"id": digest, "size": 7, "repoTags": {name: {"1": {}}}}]
    route = "POST /api/v1/images/digests"
    wire.troubles = [
        Trouble(route, "answer", status=200, body="[]", count=2),
        Trouble(route, "answer", status=200, body=json.dumps(listed), count=1),
    ]
    asked = {"region": "jp-tok", "repository": "my-images/nginx", "digest": digest}
    found, _ = await engine.invoke("ibm-native:registry:getImage", asked)
    assert found["digest"] == digest
    assert wire.calls.count(route) == 3


async def test_an_image_is_found_by_tag_and_by_digest(engine: Engine, wire: Wire) -> None:
    name = f"{wire.url.removeprefix('http://')}/my-images/nginx"
    digest = "sha256:" + "a" * 64
    images: list[dict[str, Any]] = [
        {"id": "sha256:" + "b" * 64, "size": 1, "repoTags": {name: {"1": {}}}},
        {"id": digest, "size": 7, "repoTags": {name: {"latest": {}, "2": {}}}},
    ]
    wire.troubles = [Trouble("POST /api/v1/images/digests", "answer", status=200, body=json.dumps(images), count=9)]
    asked = {"region": "jp-tok", "repository": "my-images/nginx"}
    found, _ = await engine.invoke("ibm-native:registry:getImage", asked)
    assert found == {"digest": digest, "reference": f"{name}@{digest}", "tags": ["2", "latest"], "sizeBytes": 7}
    assert (await engine.invoke("ibm-native:registry:getImage", {**asked, "digest": digest}))[0] == found
    with pytest.raises(RefusedError, match=f"the registry has no image {name}:3"):
        await engine.invoke("ibm-native:registry:getImage", {**asked, "tag": "3"})


@pytest.mark.parametrize("kind", ["image", "list"])
async def test_an_image_for_another_platform_is_refused_with_what_it_is_for(
    engine: Engine, wire: Wire, kind: str
) -> None:
    name = f"{wire.url.removeprefix('http://')}/my-images/nginx"
    digest = "sha256:" + "a" * 64
    platforms = [{"platform": {"os": "linux", "architecture": each}} for each in ("amd64", "s390x")]
    manifest: dict[str, Any] = {"manifests": platforms} if kind == "list" else {"layers": []}
    answers: list[tuple[str, Any]] = [
        ("POST /api/v1/images/digests", [{"id": digest, "size": 1, "repoTags": {name: {"latest": {}}}}]),
        ("GET /api/v1/images/.+/manifest", manifest),
        ("GET /api/v1/images/.+/json", {"Os": "linux", "Architecture": "amd64"}),
    ]
    for call, answer in answers:
        wire.troubles.append(Trouble(call, "answer", status=200, body=json.dumps(answer), count=9))
    asked = {"region": "jp-tok", "repository": "my-images/nginx", "digest": digest}
    found, _ = await engine.invoke("ibm-native:registry:getImage", {**asked, "platform": "linux/amd64"})
    assert found["digest"] == digest
    its = "linux/amd64, linux/s390x" if kind == "list" else "linux/amd64"
    with pytest.raises(RefusedError, match=f"it is for {its}, and a node of linux/arm64 can't run it"):
        await engine.invoke("ibm-native:registry:getImage", {**asked, "platform": "linux/arm64"})


async def test_bad_arguments_and_unknown_functions_are_refused_by_name(engine: Engine) -> None:
    _, failures = await engine.invoke("ibm-native:registry:getImage", {"region": "ap-north", "digest": "x"})
    assert set(failures) == {"region", "repository", "digest"}
    with pytest.raises(RefusedError, match="has no such function\nIt has ibm-native:iam:getRoles"):
        await engine.invoke("ibm-native:iam:getNothing", {})
