"""The operations on resource groups: /v2/resource_groups."""

from __future__ import annotations

import secrets
from typing import Any

import msgspec
from starlette.responses import Response

from sandbox.cloud.core import unverified
from sandbox.cloud.core.answers import answer
from sandbox.cloud.core.clock import millis_text
from sandbox.cloud.errors.resources import ResourceError
from sandbox.cloud.iam import authz, roles
from sandbox.cloud.iam.accounts import ResourceGroup
from sandbox.cloud.serving.call import Call
from sandbox.cloud.serving.routing import Routes

routes = Routes(ResourceError)

_PATH = "/v2/resource_groups"


class CreateBody(msgspec.Struct):
    """The body of a create."""

    name: str | None = None
    account_id: str | None = None


@routes.on("GET", _PATH)
def list_all(call: Call) -> Response:
    """List the resource groups of the account that the caller may see."""
    call.refuse_queries("date", "include_deleted")
    account_id = call.query("account_id") or call.caller.account_id
    wanted: dict[str, Any] = {"name": name} if (name := call.query("name")) else {}
    if default := call.query("default"):
        wanted["is_default"] = default == "true"
    found = call.listed(ResourceGroup, account_id=account_id, **wanted)
    seen = [group for group in found if call.rights.permit(roles.READ_GROUP, _target(group))]
    return answer({"resources": [_shown(group) for group in seen]})


@routes.on("POST", _PATH)
def create(call: Call) -> Response:
    """Create a resource group."""
    body = call.json(CreateBody)
    account_id = body.account_id or call.caller.account_id
    call.authorize(roles.CREATE_GROUP, authz.platform_target(account_id, roles.RESOURCE_GROUPS))
    if not body.name:
        raise ResourceError.malformed("name is missing or empty")
    if call.session.count(ResourceGroup, account_id=account_id, name=body.name):
        raise ResourceError(*unverified.GROUP_TAKEN)
    group = ResourceGroup(
        id=secrets.token_hex(16), account_id=account_id, name=body.name, is_default=False, created_at=call.now
    )
    call.session.add(group)
    call.made(group.id)
    return answer({"id": group.id, "crn": group.crn}, 201)


@routes.on("GET", _PATH + "/{id}")
def get(call: Call) -> Response:
    """Return one resource group."""
    group = call.own(ResourceGroup, call.path("id"), ResourceError.absent(call.path("id")))
    call.authorize(roles.READ_GROUP, _target(group))
    return answer(_shown(group))


def _target(group: ResourceGroup) -> dict[str, str]:
    attributes = {"resourceType": "resource-group", "resource": group.id}
    return authz.platform_target(group.account_id, roles.RESOURCE_GROUPS, **attributes)


def _shown(group: ResourceGroup) -> dict[str, object]:
    links: list[object] = []
    return {
        "id": group.id,
        "crn": group.crn,
        "account_id": group.account_id,
        "name": group.name,
        "state": "ACTIVE",
        "default": group.is_default,
        "resource_linkages": links,
        "created_at": millis_text(group.created_at),
        "updated_at": millis_text(group.created_at),
    }
