"""IBM's SDK clients on a stand-in, with just enough types: the SDK has none that a strict checker can follow."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, cast

import pytest
from ibm_cloud_sdk_core import ApiException, BaseService
from ibm_cloud_sdk_core.authenticators import IAMAuthenticator
from ibm_container_registry.container_registry_v1 import ContainerRegistryV1
from ibm_container_registry.vulnerability_advisor_v4 import VulnerabilityAdvisorV4
from ibm_platform_services import IamIdentityV1, IamPolicyManagementV1

from sandbox.cloud.testing import StandIn

Json = dict[str, Any]

REGISTRY = "container-registry"


class Answer(Protocol):
    """The SDK's DetailedResponse."""

    def get_result(self) -> Json:
        """Return the body."""
        ...

    def get_status_code(self) -> int:
        """Return the status."""
        ...

    def get_headers(self) -> Mapping[str, str]:
        """Return the headers."""
        ...


class Service(Protocol):
    """An SDK client: every operation is a method."""

    def __getattr__(self, name: str) -> Callable[..., Answer]: ...


class Model(Protocol):
    """An SDK model class."""

    def from_dict(self, _dict: Json) -> object:
        """Read an answer; ValueError where a required property is missing."""
        ...


def parse(model: object, body: Json) -> None:
    """See that the SDK's own model class takes an answer."""
    assert cast("Model", model).from_dict(body) is not None


class Clients:
    """One caller's clients; each is made when it is first used."""

    def __init__(self, cloud: StandIn, api_key: str, region: str, account_id: str) -> None:
        self._authenticator = IAMAuthenticator(api_key, url=cloud.url)
        self._urls = (cloud.url, cloud.registry_urls[region])
        self._account_id = account_id

    @cached_property
    def identity(self) -> Service:
        """IAM Identity."""
        return self._at(0, IamIdentityV1(authenticator=self._authenticator))

    @cached_property
    def policies(self) -> Service:
        """Policy Management."""
        return self._at(0, IamPolicyManagementV1(authenticator=self._authenticator))

    @cached_property
    def registry(self) -> Service:
        """Container Registry."""
        return self._at(1, ContainerRegistryV1(account=self._account_id, authenticator=self._authenticator))

    @cached_property
    def advisor(self) -> Service:
        """Vulnerability Advisor."""
        return self._at(1, VulnerabilityAdvisorV4(account=self._account_id, authenticator=self._authenticator))

    def _at(self, which: int, service: BaseService) -> Service:
        service.set_service_url(self._urls[which])
        return cast("Service", service)


def clients(
    cloud: StandIn, api_key: str | None = None, *, region: str | None = None, account_id: str | None = None
) -> Clients:
    """Make the clients of the owner, or of the holder of this key, with nothing set but URL, AUTH_URL and APIKEY."""
    return Clients(cloud, api_key or cloud.api_key, region or cloud.region, account_id or cloud.account_id)


@contextmanager
def refused(status: int, code: str, message: str) -> Generator[Json]:
    """Expect IBM's error: this status, this code, and a message that holds this text. Its body is there afterwards."""
    told: Json = {}
    with pytest.raises(ApiException) as caught:
        yield told
    response = caught.value.http_response
    assert response is not None
    body: Json = json.loads(response.text)
    told |= body
    found: Json = body["errors"][0] if "errors" in body else body
    codes = [found[name] for name in ("code", "message_code", "errorCode") if name in found]
    assert (caught.value.status_code, code in codes) == (status, True), body
    assert message in str(found.get("message", found.get("errorMessage")))


def role(name: str, kind: str = "serviceRole") -> str:
    """Return the CRN of a role."""
    return f"crn:v1:bluemix:public:iam::::{kind}:{name}"


def attributes(**values: str) -> list[Json]:
    """Write attributes that are compared by equality."""
    return [{"key": key, "operator": "stringEquals", "value": value} for key, value in values.items()]


def policy(iam_id: str, roles: list[str], **resource: str) -> Json:
    """Write the arguments of create_v2_policy and replace_v2_policy."""
    return {
        "type": "access",
        "control": {"grant": {"roles": [{"role_id": crn} for crn in roles]}},
        "subject": {"attributes": attributes(iam_id=iam_id)},
        "resource": {"attributes": attributes(**resource)},
    }


@dataclass(frozen=True)
class Robot:
    """A service ID with one API key."""

    id: str
    iam_id: str
    key_id: str
    key: str


def make_robot(cloud: StandIn, name: str = "robot") -> Robot:
    """Make a service ID with a key and without any policy."""
    body = {"name": "key"}
    made = clients(cloud).identity.create_service_id(account_id=cloud.account_id, name=name, apikey=body).get_result()
    return Robot(made["id"], made["iam_id"], made["apikey"]["id"], made["apikey"]["apikey"])


def allow(cloud: StandIn, robot: Robot, name: str, kind: str = "serviceRole", **resource: str) -> Json:
    """Give a role to a service ID; on the registry unless the resource says otherwise. Returns the policy."""
    scope = {"serviceName": REGISTRY} if "serviceName" not in resource else {}
    wanted = policy(robot.iam_id, [role(name, kind)], accountId=cloud.account_id, **scope, **resource)
    return clients(cloud).policies.create_v2_policy(**wanted).get_result()
