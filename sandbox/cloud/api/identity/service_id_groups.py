"""The operations on groups of service IDs: /v1/serviceid_groups."""

from __future__ import annotations

import uuid

import msgspec
from starlette.responses import Response

from sandbox.cloud.core import unverified
from sandbox.cloud.core.answers import answer
from sandbox.cloud.core.clock import minutes_text
from sandbox.cloud.errors.identity import IdentityError
from sandbox.cloud.iam import authz, roles
from sandbox.cloud.iam.identities import ServiceId, ServiceIdGroup
from sandbox.cloud.serving.call import Call
from sandbox.cloud.serving.routing import Routes

routes = Routes(IdentityError)

_PATH = "/v1/serviceid_groups"
_ONE = _PATH + "/{id}"


class GroupBody(msgspec.Struct):
    """The body of a create or an update."""

    name: str | None = None
    account_id: str | None = None
    description: str | None = None


@routes.on("POST", _PATH)
def create(call: Call) -> Response:
    """Create a group."""
    body = call.json(GroupBody)
    if not body.account_id:
        raise IdentityError.missing("account_id")
    if not body.name:
        raise IdentityError.missing("name")
    _authorize(call, "create", body.account_id)
    if call.session.count(ServiceIdGroup, account_id=body.account_id) >= unverified.SERVICE_ID_GROUPS:
        raise IdentityError.limit(f"The account holds {unverified.SERVICE_ID_GROUPS} groups, the most it may.")
    _refuse_duplicate(call, body.account_id, body.name)
    group = ServiceIdGroup(
        id=f"{unverified.SERVICE_ID_GROUP_PREFIX}{uuid.uuid4()}",
        account_id=body.account_id,
        name=body.name,
        description=body.description or None,
        is_default=False,
        created_by=call.caller.iam_id,
        created_at=call.now,
        modified_at=call.now,
    )
    call.session.add(group)
    call.made(group.id)
    return _answer(group, 201)


@routes.on("GET", _PATH)
def list_all(call: Call) -> Response:
    """List the groups of an account."""
    account_id = call.query("account_id") or call.caller.account_id
    _authorize(call, "get", account_id)
    found = call.listed(ServiceIdGroup, account_id=account_id)
    return answer({"serviceid_groups": [_shown(group) for group in found]})


@routes.on("GET", _ONE)
def get(call: Call) -> Response:
    """Return one group."""
    return _answer(_find(call, "get"))


@routes.on("PUT", _ONE)
def update(call: Call) -> Response:
    """Change a group's name and description."""
    group = _find(call, "update")
    body = call.json(GroupBody)
    call.check_tag(group.entity_tag, IdentityError)
    if not body.name:
        raise IdentityError.missing("name")
    if body.name != group.name:
        _refuse_duplicate(call, group.account_id, body.name)
    group.name = body.name
    if body.description is not None:
        group.description = body.description or None
    group.touch(call.now)
    return _answer(group)


@routes.on("DELETE", _ONE)
def delete(call: Call) -> Response:
    """Delete a group: an empty one, and never the default one."""
    group = _find(call, "delete")
    if group.is_default or call.session.count(ServiceId, group_id=group.id):
        raise IdentityError(*unverified.GROUP_NOT_DELETABLE)
    call.session.delete(group)
    return Response(status_code=204)


def find_group(call: Call, identifier: str) -> ServiceIdGroup:
    """Return a group of the caller's account.

    Raises:
        IdentityError: there is none with this id.

    """
    return call.own(ServiceIdGroup, identifier, IdentityError.absent(f"Service ID group {identifier}"))


def default_group(call: Call, account_id: str) -> ServiceIdGroup:
    """Return the group of the service IDs that were made without one."""
    return call.session.one(ServiceIdGroup, account_id=account_id, is_default=True)


def _find(call: Call, action: str) -> ServiceIdGroup:
    group = find_group(call, call.path("id"))
    _authorize(call, action, group.account_id)
    return group


def _authorize(call: Call, action: str, account_id: str) -> None:
    """Go on only if the caller may do this to all service IDs of the account: groups have no action of their own."""
    call.authorize(f"{roles.IDENTITY}.serviceid.{action}", authz.platform_target(account_id, roles.IDENTITY))


def _refuse_duplicate(call: Call, account_id: str, name: str) -> None:
    if call.session.count(ServiceIdGroup, account_id=account_id, name=name):
        raise IdentityError(*unverified.GROUP_NAME_TAKEN)


def _answer(group: ServiceIdGroup, status: int = 200) -> Response:
    return answer(_shown(group), status, {"ETag": group.entity_tag})


def _shown(group: ServiceIdGroup) -> dict[str, object]:
    shown: dict[str, object] = {
        "id": group.id,
        "entity_tag": group.entity_tag,
        "account_id": group.account_id,
        "crn": group.crn,
        "name": group.name,
        "created_at": minutes_text(group.created_at),
        "created_by": group.created_by,
        "modified_at": minutes_text(group.modified_at),
    }
    if group.description is not None:
        shown["description"] = group.description
    return shown
