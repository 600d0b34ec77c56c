"""The part of IBM's SDKs that the provider uses, typed: the SDKs themselves carry no types.

Only client.py loads the SDKs; everything else sees these protocols.
"""

# ruff: noqa: A002, D102 - names are the SDKs', and so is what the methods do

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, TypeAlias, cast

Json: TypeAlias = Mapping[str, object]


class Answer(Protocol):
    """The SDK's DetailedResponse."""

    def get_result(self) -> object: ...
    def get_headers(self) -> Mapping[str, str]: ...
    def get_status_code(self) -> int: ...


class Identity(Protocol):
    """IamIdentityV1."""

    def create_service_id(self, account_id: str, name: str, *, description: str) -> Answer: ...
    def list_service_ids(
        self, *, account_id: str, name: str | None = None, pagesize: int, pagetoken: str | None
    ) -> Answer: ...
    def get_service_id(self, id: str) -> Answer: ...
    def update_service_id(self, id: str, if_match: str, *, name: str, description: str) -> Answer: ...
    def delete_service_id(self, id: str) -> Answer: ...
    def create_api_key(
        self,
        name: str,
        iam_id: str,
        *,
        description: str,
        account_id: str,
        store_value: bool,
        action_when_leaked: str,
        expires_at: str | None,
    ) -> Answer: ...
    def list_api_keys(
        self,
        *,
        account_id: str,
        iam_id: str | None = None,
        scope: str | None = None,
        type: str | None = None,
        pagesize: int,
        pagetoken: str | None,
    ) -> Answer: ...
    def get_api_keys_details(self, *, iam_api_key: str) -> Answer: ...
    def get_api_key(self, id: str, *, include_activity: bool = False) -> Answer: ...
    def update_api_key(
        self,
        id: str,
        if_match: str,
        *,
        name: str,
        description: str,
        action_when_leaked: str,
        expires_at: str | None,
    ) -> Answer: ...
    def delete_api_key(self, id: str) -> Answer: ...


class Policies(Protocol):
    """IamPolicyManagementV1, its version 2 calls."""

    def create_v2_policy(
        self,
        control: Json,
        type: str,
        *,
        description: str,
        subject: Json,
        resource: Json,
    ) -> Answer: ...
    def list_v2_policies(
        self,
        account_id: str,
        *,
        iam_id: str | None = None,
        access_group_id: str | None = None,
        type: str,
        limit: int,
        start: str | None,
    ) -> Answer: ...
    def get_v2_policy(self, id: str) -> Answer: ...
    def replace_v2_policy(
        self,
        id: str,
        if_match: str,
        control: Json,
        type: str,
        *,
        description: str,
        subject: Json,
        resource: Json,
    ) -> Answer: ...
    def delete_v2_policy(self, id: str) -> Answer: ...
    def list_roles(self, *, account_id: str, service_name: str) -> Answer: ...


class Registry(Protocol):
    """ContainerRegistryV1 of one account and region."""

    def list_namespace_details(self) -> Answer: ...
    def create_namespace(self, name: str, *, x_auth_resource_group: str | None) -> Answer: ...
    def delete_namespace(self, name: str) -> Answer: ...
    def get_retention_policy(self, namespace: str) -> Answer: ...
    def set_retention_policy(self, namespace: str, *, images_per_repo: int, retain_untagged: bool) -> Answer: ...
    def get_plans(self) -> Answer: ...
    def update_plans(self, *, plan: str) -> Answer: ...
    def get_quota(self) -> Answer: ...
    def update_quota(self, *, storage_megabytes: int | None, traffic_megabytes: int | None) -> Answer: ...
    def list_image_digests(self, *, exclude_va: bool, repositories: list[str] | None) -> Answer: ...

    def delete_image(self, image: str) -> Answer: ...

    def get_image_manifest(self, image: str) -> Answer: ...

    def inspect_image(self, image: str) -> Answer: ...


class Advisor(Protocol):
    """VulnerabilityAdvisorV4 of one account and region."""

    def image_report_query_path(self, name: str) -> Answer: ...


class AccessGroups(Protocol):
    """IamAccessGroupsV2."""

    def list_access_groups(self, account_id: str, *, iam_id: str, limit: int, offset: int) -> Answer: ...


class Groups(Protocol):
    """ResourceManagerV2."""

    def list_resource_groups(self, *, account_id: str) -> Answer: ...


class Tokens(Protocol):
    """The token manager of an IAMAuthenticator; `http_config` goes to each of its requests."""

    http_config: dict[str, object]
    url: str

    def get_token(self) -> str: ...


class ApiFailure(Protocol):
    """ApiException; `http_response` is None only if the SDK never had one."""

    status_code: int | None
    message: object
    http_response: HttpResponse | None


class HttpResponse(Protocol):
    """What is read of a `requests.Response`."""

    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def text(self) -> str: ...


def text(source: Json, name: str) -> str:
    """Return a string of an answer; empty if it isn't there."""
    value = source.get(name)
    return value if isinstance(value, str) else ""


def mapping(value: object) -> Json:
    """Return an object of an answer; empty if it isn't one."""
    return cast("Json", value) if isinstance(value, Mapping) else {}


def objects(value: object) -> list[Json]:
    """Return the objects of a list in an answer."""
    return [mapping(each) for each in cast("list[object]", value)] if isinstance(value, list) else []
