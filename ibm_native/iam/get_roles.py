"""Function getRoles: CRNs of the roles that a policy on one service can give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import pulumi

from ibm_native.cloud.client import Cloud
from ibm_native.iam.access_policy import REGISTRY
from ibm_native.iam.roles import NEEDS, roles_of
from ibm_native.model import rules
from ibm_native.model.declare import Prop
from ibm_native.model.function import Answer, Function
from ibm_native.model.values import Values


@dataclass(frozen=True, kw_only=True)
class GetRolesArgs:
    """Which service's roles."""

    service: Annotated[pulumi.Input[str], Prop("Name of the service in IBM's catalogue.", rule=rules.name)] = REGISTRY


@dataclass(frozen=True, kw_only=True)
class GetRolesResult:
    """CRNs of the roles that a policy on one service can give; a role's name is the last part of its CRN."""

    service_roles: Annotated[Sequence[str], Prop("Roles of the service.")]
    platform_roles: Annotated[Sequence[str], Prop("Roles of the platform.")]
    custom_roles: Annotated[Sequence[str], Prop("The account's own roles.")]


async def _answer(cloud: Cloud, given: Values) -> Answer:
    service = given.text("service")
    found = await roles_of(cloud, await cloud.account(f"look up the roles of {service}"), service)
    kinds = {"service_roles": "service_roles", "platform_roles": "system_roles", "custom_roles": "custom_roles"}
    return {name: tuple(found[kind]) for name, kind in kinds.items()}


get_roles = Function("ibm-native:iam:getRoles", GetRolesArgs, GetRolesResult, NEEDS, _answer)
