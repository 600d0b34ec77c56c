"""Policies for access groups, and those between services and with access tags: these have no effect here."""

from __future__ import annotations

import pytest
from ibm_platform_services.iam_policy_management_v1 import Policy, V2Policy

from sandbox.cloud.core import limits, unverified
from sandbox.cloud.iam.access_groups import AccessGroup
from sandbox.cloud.testing import StandIn
from tests.cloud.clients import (
    REGISTRY,
    Clients,
    Json,
    allow,
    attributes,
    clients,
    make_robot,
    parse,
    policy,
    refused,
    role,
)

pytestmark = [pytest.mark.cloud, pytest.mark.unknown]

GROUP = "AccessGroupId-5a0c3a0e-1111-2222-3333-444455556666"
NO = (403, "CRG0020E", "not authorized")


@pytest.fixture(autouse=True)
def group(cloud: StandIn) -> None:
    """Keep an access group in the store, with an id that the tests can name."""
    made = AccessGroup(
        id=GROUP,
        account_id=cloud.account_id,
        name="friends",
        description=None,
        created_at=0,
        created_by_id=cloud.owner_iam_id,
        last_modified_at=0,
        last_modified_by_id=cloud.owner_iam_id,
    )
    with cloud.store.transaction() as session:
        session.add(made)


def for_group(cloud: StandIn, **more: str) -> Json:
    body = policy("", [role("Reader")], accountId=cloud.account_id, serviceName=REGISTRY, **more)
    return body | {"subject": {"attributes": attributes(access_group_id=GROUP)}}


def for_service(cloud: StandIn, name: str = "Reader") -> Json:
    resource = {"accountId": cloud.account_id, "serviceName": REGISTRY}
    return {
        "type": "authorization",
        "subjects": [{"attributes": [{"name": "serviceName", "value": "codeengine"}]}],
        "roles": [{"role_id": role(name)}],
        "resources": [{"attributes": [{"name": key, "value": value} for key, value in resource.items()]}],
    }


def tagged(cloud: StandIn, iam_id: str, value: str = "test") -> Json:
    body = policy(iam_id, [role("Reader")], accountId=cloud.account_id, serviceName=REGISTRY)
    return body | {"resource": {**body["resource"], "tags": attributes(env=value)}}


def ids(owner: Clients, cloud: StandIn, **query: object) -> list[str]:
    return [each["id"] for each in owner.policies.list_v2_policies(cloud.account_id, **query).get_result()["policies"]]


def test_a_groups_policy_is_made_listed_replaced_and_deleted(cloud: StandIn, owner: Clients) -> None:
    answer = owner.policies.create_v2_policy(**for_group(cloud))
    made, tag = answer.get_result(), answer.get_headers()["ETag"]
    parse(V2Policy, made)
    assert made["subject"] == {"attributes": attributes(access_group_id=GROUP)}
    mine = allow(cloud, make_robot(cloud), "Reader")["id"]
    assert ids(owner, cloud, access_group_id=GROUP) == [made["id"]]
    assert ids(owner, cloud, access_group_id="AccessGroupId-other") == []
    assert ids(owner, cloud, iam_id=GROUP) == []
    assert set(ids(owner, cloud)) == {made["id"], mine}
    with refused(409, "policy_conflict_error", "exists"):
        owner.policies.create_v2_policy(**for_group(cloud))
    found = owner.policies.replace_v2_policy(made["id"], tag, **for_group(cloud, region="jp-tok")).get_result()
    assert found["resource"]["attributes"][-1]["value"] == "jp-tok"
    assert owner.policies.delete_v2_policy(made["id"]).get_status_code() == 204
    assert (ids(owner, cloud, access_group_id=GROUP), ids(owner, cloud)) == ([], [mine])


def test_a_subject_is_one_identity_or_one_group(cloud: StandIn, owner: Clients) -> None:
    robot = make_robot(cloud)
    for message, subject in (
        ("exactly one", attributes(access_group_id=GROUP, iam_id=robot.iam_id)),
        ("no access group", attributes(access_group_id="friends")),
    ):
        with refused(unverified.BAD_POLICY_STATUS, "invalid_body", message):
            owner.policies.create_v2_policy(**(for_group(cloud) | {"subject": {"attributes": subject}}))


def test_an_authorization_is_made_listed_replaced_deleted_and_restored(cloud: StandIn, owner: Clients) -> None:
    answer = owner.policies.create_policy(**for_service(cloud))
    made, tag = answer.get_result(), answer.get_headers()["ETag"]
    parse(Policy, made)
    assert made["type"] == "authorization"
    assert made["subjects"] == [{"attributes": [{"name": "serviceName", "value": "codeengine"}]}]
    robot = make_robot(cloud)
    allow(cloud, robot, "Reader", region="us-south")
    assert ids(owner, cloud, type="authorization") == [made["id"]]
    assert made["id"] not in ids(owner, cloud, type="access")
    with refused(409, "policy_conflict_error", "exists"):
        owner.policies.create_policy(**for_service(cloud))
    answer = owner.policies.replace_policy(made["id"], tag, **for_service(cloud, "Writer"))
    assert answer.get_result()["roles"][0]["role_id"] == role("Writer")
    owner.policies.delete_policy(made["id"])
    tag = owner.policies.get_policy(made["id"]).get_headers()["ETag"]
    assert owner.policies.update_policy_state(made["id"], tag, state="active").get_result()["state"] == "active"


def test_an_authorization_changes_no_right_and_has_its_rules(cloud: StandIn, owner: Clients) -> None:
    robot = make_robot(cloud)
    answer = owner.policies.create_policy(**for_service(cloud))
    with refused(*NO):
        clients(cloud, robot.key).registry.list_namespaces()
    bad = (unverified.BAD_POLICY_STATUS, "invalid_body")
    nobody: Json = {"subjects": [{"attributes": [{"name": "region", "value": "jp-tok"}]}]}
    with refused(*bad, "serviceName"):
        owner.policies.create_policy(**(for_service(cloud) | nobody))
    access = for_service(cloud) | {"type": "access"}
    access["subjects"] = [{"attributes": [{"name": "iam_id", "value": robot.iam_id}]}]
    with refused(*bad, "type of a policy"):
        owner.policies.replace_policy(answer.get_result()["id"], answer.get_headers()["ETag"], **access)
    with refused(*bad, "/v1/policies"):
        owner.policies.create_v2_policy(**(for_group(cloud) | {"type": "authorization"}))


def test_a_policy_with_tags_is_shown_and_covers_nothing(cloud: StandIn, owner: Clients) -> None:
    robot = make_robot(cloud)
    made = owner.policies.create_v2_policy(**tagged(cloud, robot.iam_id)).get_result()
    parse(V2Policy, made)
    assert made["resource"]["tags"] == attributes(env="test")
    assert owner.policies.get_v2_policy(made["id"]).get_result() == made
    with refused(*NO):
        clients(cloud, robot.key).registry.list_namespaces()
    with refused(409, "policy_conflict_error", "exists"):
        owner.policies.create_v2_policy(**tagged(cloud, robot.iam_id))
    owner.policies.create_v2_policy(**tagged(cloud, robot.iam_id, "other"))
    allow(cloud, robot, "Reader")
    assert clients(cloud, robot.key).registry.list_namespaces().get_status_code() == 200


def test_a_v1_policy_with_tags_is_found_by_them(cloud: StandIn, owner: Clients) -> None:
    robot = make_robot(cloud)
    body: Json = {**for_service(cloud), "type": "access"}
    body["subjects"] = [{"attributes": [{"name": "iam_id", "value": robot.iam_id}]}]
    owner.policies.create_policy(**body)
    tags = [{"name": "env", "value": "test", "operator": "stringEquals"}]
    body["resources"][0]["tags"] = tags
    made = owner.policies.create_policy(**body).get_result()
    parse(Policy, made)
    assert made["resources"][0]["tags"] == tags

    def found(**query: str) -> list[str]:
        listed = owner.policies.list_policies(cloud.account_id, **query).get_result()
        return [each["id"] for each in listed["policies"]]

    assert found(tag_name="env", tag_value="test") == found(tag_name="env") == [made["id"]]
    assert found(tag_name="env", tag_value="live") == []


def test_so_many_policies_may_have_tags(cloud: StandIn, owner: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    assert limits.TAGGED_POLICIES == 500
    monkeypatch.setattr(limits, "TAGGED_POLICIES", 1)
    robot = make_robot(cloud)
    owner.policies.create_v2_policy(**tagged(cloud, robot.iam_id))
    plain = owner.policies.create_v2_policy(
        **policy(robot.iam_id, [role("Reader")], accountId=cloud.account_id, serviceName=REGISTRY)
    )
    with refused(422, "unable_to_process", "quota"):
        owner.policies.create_v2_policy(**tagged(cloud, robot.iam_id, "other"))
    with refused(422, "unable_to_process", "quota"):
        tag = plain.get_headers()["ETag"]
        owner.policies.replace_v2_policy(plain.get_result()["id"], tag, **tagged(cloud, robot.iam_id, "other"))


def test_lists_are_sorted_by_each_key(cloud: StandIn, owner: Clients) -> None:
    robot = make_robot(cloud)
    used = allow(cloud, robot, "Reader")["id"]
    first = owner.policies.create_policy(**for_service(cloud)).get_result()["id"]
    clients(cloud, robot.key).registry.list_namespaces()
    assert ids(owner, cloud, sort="type") == ids(owner, cloud, sort="-href") == [used, first]
    assert ids(owner, cloud, sort="-type") == ids(owner, cloud, sort="href") == [first, used]
    for key in ("last_permit_at", "last_permit_frequency"):
        assert (ids(owner, cloud, sort=key), ids(owner, cloud, sort=f"-{key}")) == ([first, used], [used, first])
    with refused(unverified.BAD_POLICY_STATUS, "invalid_body", "sort must be one of"):
        ids(owner, cloud, sort="colour")
