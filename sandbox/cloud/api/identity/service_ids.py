"""The operations on service IDs: /v1/serviceids."""

from __future__ import annotations

import uuid

import msgspec
from starlette.responses import Response

from sandbox.cloud.api.identity.account_settings import require_creator
from sandbox.cloud.api.identity.keys import CreateBody as CreateKeyBody
from sandbox.cloud.api.identity.keys import create_key, purge_expired_keys
from sandbox.cloud.api.identity.paging import page, query_of
from sandbox.cloud.api.identity.service_id_groups import default_group, find_group
from sandbox.cloud.api.identity.versions import check_version, new_context
from sandbox.cloud.core import limits
from sandbox.cloud.core.answers import answer
from sandbox.cloud.core.clock import minutes_text
from sandbox.cloud.errors.identity import IdentityError
from sandbox.cloud.iam import authz, roles
from sandbox.cloud.iam.history import forget, shown_history
from sandbox.cloud.iam.identities import ApiKey, ServiceId, ServiceIdGroup
from sandbox.cloud.iam.policies import Policy, delete_policies_of
from sandbox.cloud.iam.policy_body import PolicyBody
from sandbox.cloud.serving.call import Call
from sandbox.cloud.serving.routing import Routes

routes = Routes(IdentityError)

_PATH = "/v1/serviceids/"
_ONE = _PATH + "{id}"
_FILTERS = ("name", "group_id", "filter", "include_history", "show_group_id")
_EXTRAS = ("include_history", "include_activity", "show_group_id")
_SORTS = ("name", "description", "created_at", "modified_at")


class CreateBody(msgspec.Struct):
    """The body of a create."""

    account_id: str | None = None
    name: str | None = None
    description: str | None = None
    group_id: str | None = None
    unique_instance_crns: list[str] = []
    apikey: CreateKeyBody | None = None


class UpdateBody(msgspec.Struct):
    """The body of an update; what is None stays as it is."""

    name: str | None = None
    description: str | None = None
    unique_instance_crns: list[str] | None = None


@routes.on("POST", _PATH)
def create(call: Call) -> Response:
    """Create a service ID, and an API key for it if the body asks for one."""
    body = call.json(CreateBody)
    if not body.account_id:
        raise IdentityError.missing("account_id")
    if not body.name:
        raise IdentityError.missing("name")
    if body.account_id != call.caller.account_id:
        raise IdentityError.forbidden()
    if not require_creator(call, roles.SERVICE_ID_CREATOR):
        _authorize(call, "create", body.account_id)
    group = find_group(call, body.group_id) if body.group_id else default_group(call, body.account_id)
    _refuse_too_many(call, group)
    identifier = f"ServiceId-{uuid.uuid4()}"
    service_id = ServiceId(
        id=identifier,
        iam_id=f"iam-{identifier}",
        account_id=body.account_id,
        group_id=group.id,
        name=body.name,
        description=body.description or None,
        unique_instance_crns=body.unique_instance_crns,
        locked=call.request.headers.get("entity-lock") == "true",
        created_by=call.caller.iam_id,
        created_at=call.now,
        modified_at=call.now,
    )
    call.session.add(service_id)
    call.made(service_id.id)
    call.record(service_id.id, "create")
    _see_that_the_creator_has_access(call, service_id)
    shown = shown_service_id(call, service_id)
    if body.apikey is not None:
        shown["apikey"] = create_key(call, body.apikey, service_id.iam_id, service_id.account_id)
    return answer(shown, 201, {"ETag": service_id.entity_tag})


@routes.on("GET", _PATH)
def list_all(call: Call) -> Response:
    """List the service IDs of an account, a page at a time."""
    query = query_of(call, call.query("account_id"), _FILTERS, _SORTS)
    if not query.account_id:
        raise IdentityError.missing("account_id")
    _authorize(call, "get", query.account_id)
    group = query.filters.get("group_id") or default_group(call, query.account_id).id
    found = call.listed(ServiceId, query.order, **query.named, account_id=query.account_id, group_id=group)
    rows, links = page(call, _PATH, query, found)
    extras = {name for name in _EXTRAS if query.filters.get(name) == "true"}
    shown = [shown_service_id(call, service_id, extras) for service_id in rows]
    return answer({"context": new_context(call), **links, "serviceids": shown})


@routes.on("GET", _ONE)
def get(call: Call) -> Response:
    """Return one service ID; it may read itself without any policy."""
    service_id = _find(call, "get", itself=True)
    return answer(shown_service_id(call, service_id), headers={"ETag": service_id.entity_tag})


@routes.on("PUT", _ONE)
def update(call: Call) -> Response:
    """Change the name, the description or the instances."""
    service_id = _find(call, "update")
    body = call.json(UpdateBody)
    check_version(call, service_id)
    if body.name == "":
        raise IdentityError.missing("name")
    if body.name is not None:
        service_id.name = body.name
    if body.description is not None:
        service_id.description = body.description or None
    if body.unique_instance_crns is not None:
        service_id.unique_instance_crns = body.unique_instance_crns
    service_id.touch(call.now)
    call.record(service_id.id, "update")
    return answer(shown_service_id(call, service_id), headers={"ETag": service_id.entity_tag})


@routes.on("DELETE", _ONE)
def delete(call: Call) -> Response:
    """Delete a service ID: first its keys, at last its policies, which stay as deleted ones."""
    service_id = _find(call, "delete")
    purge_expired_keys(call)
    if service_id.locked:
        raise IdentityError.locked()
    for key in call.session.all(ApiKey, iam_id=service_id.iam_id):
        if key.locked:
            raise IdentityError.delete_not_possible(key.id)
        call.session.delete(key)
        forget(call.session, key.id)
    delete_policies_of(call.session, service_id.iam_id, call.now, call.caller.iam_id)
    call.session.delete(service_id)
    forget(call.session, service_id.id)
    return Response(status_code=204)


@routes.on("POST", _ONE + "/lock")
def lock(call: Call) -> Response:
    """Lock a service ID."""
    return _set_locked(call, locked=True)


@routes.on("DELETE", _ONE + "/lock")
def unlock(call: Call) -> Response:
    """Unlock a service ID."""
    return _set_locked(call, locked=False)


def _set_locked(call: Call, *, locked: bool) -> Response:
    service_id = _find(call, "update")
    service_id.locked = locked
    service_id.touch(call.now)
    call.record(service_id.id, "lock" if locked else "unlock")
    return Response(status_code=204)


def _find(call: Call, action: str, *, itself: bool = False) -> ServiceId:
    identifier = call.path("id")
    service_id = call.own(ServiceId, identifier, IdentityError.absent(f"Service ID {identifier}"))
    if not (itself and service_id.iam_id == call.caller.iam_id):
        _authorize(call, action, service_id.account_id, service_id.id)
    return service_id


def _authorize(call: Call, action: str, account_id: str, identifier: str | None = None) -> None:
    resource = {"resourceType": "serviceid", "resource": identifier} if identifier else {}
    call.authorize(
        f"{roles.IDENTITY}.serviceid.{action}", authz.platform_target(account_id, roles.IDENTITY, **resource)
    )


def _refuse_too_many(call: Call, group: ServiceIdGroup) -> None:
    for where, held, limit in (
        ("account", {"account_id": group.account_id}, limits.SERVICE_IDS_PER_ACCOUNT),
        ("group", {"group_id": group.id}, limits.SERVICE_IDS_PER_GROUP),
    ):
        if call.session.count(ServiceId, **held) >= limit:
            raise IdentityError.limit(f"The {where} holds {limit} service IDs, the most it may.")


def _see_that_the_creator_has_access(call: Call, service_id: ServiceId) -> None:
    """Make the creator an administrator of the new service ID, if no policy lets it manage the ID."""
    attributes = {"resourceType": "serviceid", "resource": service_id.id}
    target = authz.platform_target(service_id.account_id, roles.IDENTITY, **attributes)
    if not call.rights.permit(f"{roles.IDENTITY}.serviceid.update", target):
        resource = {"accountId": service_id.account_id, "serviceName": roles.IDENTITY, **attributes}
        body = PolicyBody.access(call.caller.iam_id, roles.crn("Administrator"), resource)
        call.session.add(Policy.of(body, service_id.account_id, call.now, call.caller.iam_id))


def shown_service_id(call: Call, service_id: ServiceId, listed: set[str] | None = None) -> dict[str, object]:
    """Write a service ID as answers do.

    In a list it has no context of its own, and `listed` names the extras that the list was asked for.
    """
    extras = {name for name in _EXTRAS if call.query(name) == "true"} if listed is None else listed
    shown: dict[str, object] = {"context": new_context(call)} if listed is None else {}
    shown |= {
        "id": service_id.id,
        "iam_id": service_id.iam_id,
        "entity_tag": service_id.entity_tag,
        "crn": service_id.crn,
        "locked": service_id.locked,
        "created_at": minutes_text(service_id.created_at),
        "modified_at": minutes_text(service_id.modified_at),
        "account_id": service_id.account_id,
        "name": service_id.name,
    }
    optional: dict[str, object] = {
        "description": service_id.description,
        "unique_instance_crns": service_id.unique_instance_crns or None,
        "group_id": service_id.group_id if "show_group_id" in extras else None,
        "history": shown_history(call.session, service_id.id) if "include_history" in extras else None,
        "activity": call.world.activity.shown(service_id.iam_id) if "include_activity" in extras else None,
    }
    return shown | {name: value for name, value in optional.items() if value is not None}
