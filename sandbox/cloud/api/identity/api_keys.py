"""The operations on API keys: /v1/apikeys."""

from __future__ import annotations

from starlette.responses import Response

from sandbox.cloud.api.identity.account_settings import require_creator
from sandbox.cloud.api.identity.keys import (
    CreateBody,
    UpdateBody,
    create_key,
    purge_expired_keys,
    set_leak_and_expiry,
    shown_key,
)
from sandbox.cloud.api.identity.paging import page, query_of
from sandbox.cloud.api.identity.versions import check_version, new_context
from sandbox.cloud.core.answers import answer
from sandbox.cloud.errors.identity import IdentityError
from sandbox.cloud.iam import authz, roles
from sandbox.cloud.iam.history import forget
from sandbox.cloud.iam.identities import ApiKey, ServiceId, find_key, is_service_id
from sandbox.cloud.serving.call import Call
from sandbox.cloud.serving.routing import Routes

routes = Routes(IdentityError)

_PATH = "/v1/apikeys"
_ONE = _PATH + "/{id}"
_FILTERS = ("iam_id", "scope", "type", "filter", "group_id", "include_history")
_SORTS = ("name", "description", "created_at", "created_by")


@routes.on("POST", _PATH)
def create(call: Call) -> Response:
    """Create an API key for a service ID of the account, or for the calling user."""
    body = call.json(CreateBody)
    if not body.iam_id:
        raise IdentityError.missing("iam_id")
    account_id = call.caller.account_id
    if body.account_id not in (None, account_id):
        raise IdentityError.forbidden()
    _authorize(call, "create", body.iam_id)
    if is_service_id(body.iam_id):
        owner = call.session.first(ServiceId, iam_id=body.iam_id)
        if owner is None or owner.account_id != account_id:
            raise IdentityError.absent(f"Identity {body.iam_id}")
    made = create_key(call, body, body.iam_id, account_id)
    return answer(made, 201, {"ETag": str(made["entity_tag"])})


@routes.on("GET", _PATH)
def list_all(call: Call) -> Response:
    """List the keys of one identity, or with scope=account those of all; never with a value."""
    purge_expired_keys(call)
    query = query_of(call, call.query("account_id") or call.caller.account_id, _FILTERS, _SORTS)
    if query.account_id != call.caller.account_id:
        raise IdentityError.forbidden()
    scope, kind = query.filters.get("scope", "entity"), query.filters.get("type")
    if scope not in ("entity", "account"):
        raise IdentityError.malformed("scope must be entity or account")
    if kind not in (None, "user", "serviceid"):
        raise IdentityError.malformed("type must be user or serviceid")
    iam_id = query.filters.get("iam_id") or (call.caller.iam_id if scope == "entity" else None)
    _authorize(call, "list", iam_id)
    found = call.listed(
        ApiKey, query.order, account_id=query.account_id, **({} if iam_id is None else {"iam_id": iam_id})
    )
    if kind is not None:
        found = [key for key in found if is_service_id(key.iam_id) == (kind == "serviceid")]
    if group := query.filters.get("group_id"):
        members = {each.iam_id for each in call.session.all(ServiceId, group_id=group)}
        found = [key for key in found if key.iam_id in members]
    rows, links = page(call, _PATH, query, found)
    history = query.filters.get("include_history") == "true"
    shown = [shown_key(call, key, whole=False, history=history) for key in rows]
    return answer({"context": new_context(call), **links, "apikeys": shown})


@routes.on("GET", _PATH + "/details")
def details(call: Call) -> Response:
    """Return the key whose value is in the header IAM-ApiKey; one's own without any policy."""
    value = call.request.headers.get("iam-apikey")
    if not value:
        raise IdentityError(400, "missing_property", "BXNIM0109E", "Property missing or empty: 'IAM-ApiKey'.")
    key = find_key(call.session, value)
    if key is None or key.account_id != call.caller.account_id:
        raise IdentityError.absent("API key")
    if key.iam_id != call.caller.iam_id:
        _authorize(call, "get", key.iam_id)
    return _answer(call, key)


@routes.on("GET", _ONE)
def get(call: Call) -> Response:
    """Return one key, with its value if it is stored."""
    key = _find(call, "get")
    return _answer(call, key, value=key.stored_value or "")


@routes.on("PUT", _ONE)
def update(call: Call) -> Response:
    """Change what can be changed of a key; its value can't."""
    key = _find(call, "update")
    body = call.json(UpdateBody)
    check_version(call, key)
    if body.name == "":
        raise IdentityError.missing("name")
    if body.support_sessions and is_service_id(key.iam_id):
        raise IdentityError.malformed("support_sessions is for user API keys")
    if body.name is not None:
        key.name = body.name
    if body.description is not None:
        key.description = body.description or None
    if body.support_sessions is not None:
        key.support_sessions = body.support_sessions
    set_leak_and_expiry(call, key, body)
    key.touch(call.now)
    call.record(key.id, "update")
    return _answer(call, key, value=key.stored_value or "")


@routes.on("DELETE", _ONE)
def delete(call: Call) -> Response:
    """Delete a key."""
    key = _find(call, "delete")
    if key.locked:
        raise IdentityError.locked()
    call.session.delete(key)
    forget(call.session, key.id)
    return Response(status_code=204)


@routes.on("POST", _ONE + "/lock")
def lock(call: Call) -> Response:
    """Lock a key."""
    return _set(call, "lock", locked=True)


@routes.on("DELETE", _ONE + "/lock")
def unlock(call: Call) -> Response:
    """Unlock a key."""
    return _set(call, "unlock", locked=False)


@routes.on("POST", _ONE + "/disable")
def disable(call: Call) -> Response:
    """Disable a key: no more tokens for it."""
    return _set(call, "disable", disabled=True)


@routes.on("DELETE", _ONE + "/disable")
def enable(call: Call) -> Response:
    """Enable a key again."""
    return _set(call, "enable", disabled=False)


def _set(call: Call, action: str, *, locked: bool | None = None, disabled: bool | None = None) -> Response:
    key = _find(call, "update")
    if locked is not None:
        key.locked = locked
    if disabled is not None:
        key.disabled = disabled
    key.touch(call.now)
    call.record(key.id, action)
    return Response(status_code=204)


def _find(call: Call, action: str) -> ApiKey:
    purge_expired_keys(call)
    identifier = call.path("id")
    key = call.own(ApiKey, identifier, IdentityError.absent(f"API key {identifier}"))
    _authorize(call, action, key.iam_id)
    return key


def _authorize(call: Call, action: str, iam_id: str | None) -> None:
    """Go on only if the caller may do this to the keys of an identity, or of all with None.

    Users manage their own keys and nobody else's; keys of service IDs need the right on IAM Identity.
    """
    if iam_id is not None and not is_service_id(iam_id):
        if iam_id != call.caller.iam_id:
            raise IdentityError.forbidden()
        if action == "create":
            require_creator(call, roles.USER_KEY_CREATOR)
        return
    resource = {"resourceType": "serviceid", "resource": iam_id.removeprefix("iam-")} if iam_id else {}
    target = authz.platform_target(call.caller.account_id, roles.IDENTITY, **resource)
    call.authorize(f"{roles.IDENTITY}.apikey.{action}", target)


def _answer(call: Call, key: ApiKey, value: str = "") -> Response:
    return answer(shown_key(call, key, value=value), headers={"ETag": key.entity_tag})
