"""Function getRoles: CRNs of the roles that a policy on one service can give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from ibm_native.cloud.client import Cloud
from ibm_native.iam.access_policy import REGISTRY
from ibm_native.iam.roles import NEEDS, roles_of
from ibm_native.model import rules
from ibm_native.model.function import Function
from ibm_native.model.inputs import Args, In, Prop


class GetRolesArgs(Args):
    """Which service's roles."""

    service: In[str] = In("Name of the service in IBM's catalogue.", rule=rules.name, default=REGISTRY)


@dataclass(frozen=True, kw_only=True)
class GetRolesResult:
    """CRNs of the roles that a policy on one service can give; a role's name is the last part of its CRN."""

    service_roles: Annotated[Sequence[str], Prop("Roles of the service.")]
    platform_roles: Annotated[Sequence[str], Prop("Roles of the platform.")]
    custom_roles: Annotated[Sequence[str], Prop("The account's own roles.")]


async def _answer(cloud: Cloud, given: GetRolesArgs) -> GetRolesResult:
    service = given.service
    found = await roles_of(cloud, await cloud.account(f"look up the roles of {service}"), service)
    return GetRolesResult(
        service_roles=tuple(found["service_roles"]),
        platform_roles=tuple(found["system_roles"]),
        custom_roles=tuple(found["custom_roles"]),
    )


get_roles = Function("ibm-native:iam:getRoles", GetRolesArgs, GetRolesResult, NEEDS, _answer)
