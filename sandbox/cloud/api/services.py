"""All operations, and the service that a path belongs to where none is known."""

from __future__ import annotations

from sandbox.cloud.api.advisor import exemption_routes, report_routes
from sandbox.cloud.api.identity import (
    account_settings,
    api_keys,
    empty_lists,
    grants,
    profile_trust,
    profiles,
    service_id_groups,
    service_ids,
    usage,
)
from sandbox.cloud.api.login import token_routes
from sandbox.cloud.api.policies import (
    access_group_members,
    access_groups,
    access_settings,
    role_routes,
    v1_routes,
    v2_routes,
)
from sandbox.cloud.api.registry import (
    account_routes,
    events,
    image_routes,
    namespace_routes,
    retention_routes,
    trash_routes,
)
from sandbox.cloud.api.resources import group_routes
from sandbox.cloud.errors.base import ServiceError
from sandbox.cloud.errors.identity import IdentityError, TokenError
from sandbox.cloud.errors.login import LoginError
from sandbox.cloud.errors.policies import PolicyError
from sandbox.cloud.errors.registry import RegistryError
from sandbox.cloud.errors.resources import ResourceError

SERVICES = tuple(
    module.routes
    for module in (
        *(
            grants,
            profile_trust,
            profiles,
            service_ids,
            service_id_groups,
            api_keys,
            account_settings,
            usage,
            empty_lists,
        ),
        *(access_settings, access_group_members, access_groups, v2_routes, v1_routes, role_routes, group_routes),
        *(namespace_routes, report_routes, exemption_routes),
        *(events, image_routes, trash_routes, account_routes, retention_routes, token_routes),
    )
)

_SHAPES: tuple[tuple[str, type[ServiceError]], ...] = (
    ("/identity/", TokenError),
    ("/api/", RegistryError),
    ("/va/", RegistryError),
    ("/oauth/", LoginError),
    ("/v1/policies", PolicyError),
    ("/v2/policies", PolicyError),
    ("/v2/roles", PolicyError),
    ("/v2/groups", PolicyError),
    ("/v1/group_", PolicyError),
    ("/v1/policy_", PolicyError),
    ("/v1/role_", PolicyError),
    ("/v1/action_control_", PolicyError),
    ("/v2/loginsettings", IdentityError),
    ("/v2/quota_definitions", ResourceError),
    ("/v2/resource_groups", ResourceError),
    ("/v2/", LoginError),
)
"""Start of a path -> the service that it belongs to, where no operation is known; IAM Identity's otherwise."""


def shape_of(path: str) -> type[ServiceError]:
    """Return the errors of the service that a path belongs to."""
    return next((found for start, found in _SHAPES if path.startswith(start)), IdentityError)
