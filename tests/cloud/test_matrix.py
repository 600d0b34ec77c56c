"""Every role, on every registry action, in every scope; and the action that each operation of the registry asks for.

The expected answers are written out by hand from IBM's tables on IAM roles and on the registry's actions.
"""

from __future__ import annotations

from collections.abc import Generator

import httpx
import pytest

from sandbox.cloud.iam import roles
from sandbox.cloud.iam.authz import Condition, Grant, allowing, registry_target
from sandbox.cloud.testing import StandIn
from tests.cloud.clients import make_robot, role

pytestmark = [pytest.mark.cloud, pytest.mark.verified]

ACCOUNT = "a" * 32

ACTIONS = """
    image.pull            Reader Writer Manager   namespace
    quota.get             Reader Writer Manager   account
    auth.get              Reader Writer Manager   account
    settings.get          Reader Writer Manager   account
    image.push            -      Writer Manager   namespace
    image.delete          -      Writer Manager   namespace
    retention.set         -      Writer Manager   namespace
    image.list            Reader -      Manager   namespace
    image.inspect         Reader -      Manager   namespace
    image.vulnerabilities Reader -      Manager   namespace
    namespace.list        Reader -      Manager   namespace
    retention.get         Reader -      Manager   namespace
    retention.list        Reader -      Manager   namespace
    retention.analyze     Reader -      Manager   namespace
    exemption.list        Reader -      Manager   account
    namespace.create      -      -      Manager   account
    namespace.delete      -      -      Manager   account
    quota.set             -      -      Manager   account
    plan.get              -      -      Manager   account
    plan.set              -      -      Manager   account
    auth.set              -      -      Manager   account
    settings.set          -      -      Manager   account
    exemption.manager     -      -      Manager   account
"""
"""Action, the service roles that carry it, and whether it is about one namespace or about the account's registry."""

SCOPES: dict[str, tuple[dict[str, str], set[str]]] = {
    "everything": ({}, {"namespace", "account"}),
    "the service": ({"serviceName": "container-registry"}, {"namespace", "account"}),
    "all services": ({"serviceType": "service"}, {"namespace", "account"}),
    "another service": ({"serviceName": "cloud-object-storage"}, set()),
    "platform services": ({"serviceType": "platform_service"}, set()),
    "the region": ({"region": "jp-tok"}, {"namespace", "account"}),
    "another region": ({"region": "us-south"}, set()),
    "the global registry": ({"geography": "global"}, set()),
    "the namespace": ({"resourceType": "namespace", "resource": "mine"}, {"namespace"}),
    "any namespace": ({"resourceType": "namespace"}, {"namespace"}),
    "another namespace": ({"resourceType": "namespace", "resource": "other"}, set()),
    "the namespace, elsewhere": ({"region": "us-south", "resourceType": "namespace", "resource": "mine"}, set()),
    "the resource group": ({"resourceGroupId": "group-1"}, {"namespace"}),
    "another resource group": ({"resourceGroupId": "group-2"}, set()),
    "another account": ({"accountId": "b" * 32}, set()),
}
"""Scope -> a policy's attributes, and what of the two it covers: the namespace `mine`, the account's registry."""

TARGETS = {
    "namespace": registry_target(ACCOUNT, "jp-tok", "mine", "group-1"),
    "account": registry_target(ACCOUNT, "jp-tok"),
}


def grant(name: str, attributes: dict[str, str]) -> Grant:
    wanted = {"accountId": ACCOUNT} | attributes
    conditions = tuple(Condition(key, "stringEquals", (value,)) for key, value in wanted.items())
    return Grant("policy", (role(name, "role" if name in roles.PLATFORM_ROLES else "serviceRole"),), conditions)


@pytest.mark.parametrize("line", ACTIONS.strip().splitlines(), ids=lambda line: line.split()[0])
def test_a_role_allows_its_actions_within_its_scope_and_nothing_else(line: str) -> None:
    action, *carriers, about = line.split()
    expected, found = {}, {}
    for name in (*roles.SERVICE_ROLES, *roles.PLATFORM_ROLES):
        for scope, (attributes, covered) in SCOPES.items():
            given = [grant(name, attributes)]
            expected[name, scope] = name in carriers and about in covered
            found[name, scope] = allowing(given, f"container-registry.{action}", TARGETS[about]) is not None
    assert found == expected


def test_the_matrix_is_about_every_action_that_there_is() -> None:
    listed = {f"container-registry.{line.split()[0]}" for line in ACTIONS.strip().splitlines()}
    known = {action for action in roles.actions_of("container-registry") if action.startswith("container-registry.")}
    assert listed == known


OPERATIONS = """
    GET    /api/v1/auth                              auth.get
    PATCH  /api/v1/auth                              auth.set
    GET    /api/v1/images                            image.list
    GET    /api/v1/namespaces                        namespace.list
    GET    /api/v1/namespaces/details                namespace.list
    PUT    /api/v1/namespaces/mine                   namespace.create
    PATCH  /api/v1/namespaces/mine                   namespace.create
    DELETE /api/v1/namespaces/mine                   namespace.delete
    GET    /api/v1/plans                             plan.get
    PATCH  /api/v1/plans                             plan.set
    GET    /api/v1/quotas                            quota.get
    PATCH  /api/v1/quotas                            quota.set
    GET    /api/v1/settings                          settings.get
    PATCH  /api/v1/settings                          settings.set
    GET    /api/v1/retentions                        retention.list
    GET    /api/v1/retentions/mine                   retention.get
    GET    /api/v1/trash                             image.delete
"""


@pytest.fixture(scope="module")
def stranger() -> Generator[tuple[StandIn, dict[str, str]]]:
    """Give a service ID without any policy, in an account that has a namespace."""
    with StandIn() as cloud:
        grants = "urn:ibm:params:oauth:grant-type:apikey"

        def headers(key: str) -> dict[str, str]:
            form = {"grant_type": grants, "apikey": key}
            token = httpx.post(f"{cloud.url}/identity/token", data=form).json()["access_token"]
            return {"Authorization": f"Bearer {token}", "Account": cloud.account_id}

        assert httpx.put(f"{cloud.url}/api/v1/namespaces/mine", headers=headers(cloud.api_key)).status_code == 201
        yield cloud, headers(make_robot(cloud).key) | {"X-Auth-Resource-Group": "x"}


@pytest.mark.parametrize("line", OPERATIONS.strip().splitlines(), ids=lambda line: " ".join(line.split()[:2]))
def test_an_operation_of_the_registry_asks_for_its_action(stranger: tuple[StandIn, dict[str, str]], line: str) -> None:
    method, path, action = line.split()
    cloud, headers = stranger
    answer = httpx.request(method, cloud.url + path, headers=headers, json={} if method == "PATCH" else None)
    refused = cloud.requests[-1]
    assert (answer.status_code, refused.status, refused.policy) == (403, 403, None), answer.text
    assert refused.decisions[-1].action == f"container-registry.{action}"
