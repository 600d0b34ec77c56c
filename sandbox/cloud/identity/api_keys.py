"""The operations on API keys: /v1/apikeys. A value is shown when it is made, later only if storing was asked for."""

from __future__ import annotations

import uuid

import msgspec
from sqlalchemy import func, select
from starlette.responses import Response

from sandbox.cloud import authz, limits, roles, unverified
from sandbox.cloud.clock import minutes_text, parse_minutes
from sandbox.cloud.identity.errors import IdentityError, context
from sandbox.cloud.identity.models import ApiKey, ServiceId, hash_of, is_service_id, new_key_value
from sandbox.cloud.identity.paging import page, query_of
from sandbox.cloud.web import Call, Routes, answer

routes = Routes(IdentityError)

_PATH = "/v1/apikeys"
_ONE = _PATH + "/{id}"
_SORTS = ("name", "description", "created_at", "created_by")
_WHEN_LEAKED = ("none", "disable", "delete")


class CreateBody(msgspec.Struct):
    """The body of a create, also within a service ID's."""

    name: str | None = None
    iam_id: str | None = None
    description: str | None = None
    account_id: str | None = None
    apikey: str | None = None
    store_value: bool | None = None
    support_sessions: bool | None = None
    action_when_leaked: str | None = None
    expires_at: str | None = None


class UpdateBody(msgspec.Struct):
    """The body of an update; what is None stays as it is."""

    name: str | None = None
    description: str | None = None
    support_sessions: bool | None = None
    action_when_leaked: str | None = None
    expires_at: str | None = None


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
        owner = call.session.scalars(select(ServiceId).where(ServiceId.iam_id == body.iam_id)).one_or_none()
        if owner is None or owner.account_id != account_id:
            raise IdentityError.absent(f"Identity {body.iam_id}")
    shown = create_key(call, body, body.iam_id, account_id)
    return answer(shown, 201, {"ETag": str(shown["entity_tag"])})


def create_key(call: Call, body: CreateBody, iam_id: str, account_id: str) -> dict[str, object]:
    """Make a key for this identity and return it as the answer shows it, once, with its value."""
    if not body.name:
        raise IdentityError.missing("name")
    held = select(func.count()).where(ApiKey.iam_id == iam_id)
    if call.session.scalar(held) == limits.API_KEYS_PER_IDENTITY:
        raise IdentityError.limit(f"The identity holds {limits.API_KEYS_PER_IDENTITY} API keys, the most it may.")
    value = _own_value(call, body.apikey) if body.apikey is not None else new_key_value()
    _check_user_rules(body, iam_id)
    key = ApiKey.make(
        account_id=account_id,
        iam_id=iam_id,
        created_by=call.caller.iam_id,
        name=body.name,
        value=value,
        now=call.now,
        store_value=body.store_value or False,
    )
    key.description = body.description or None
    key.support_sessions = body.support_sessions or False
    key.locked = call.request.headers.get("entity-lock") == "true"
    key.disabled = call.request.headers.get("entity-disable") == "true"
    _set_leak_and_expiry(call, key, body.action_when_leaked, body.expires_at)
    call.session.add(key)
    call.session.flush()
    return _shown(call, key, value=value)


@routes.on("GET", _PATH)
def list_all(call: Call) -> Response:
    """List the keys of one identity, or with scope=account those of all; never with a value."""
    call.refuse_queries("include_history", "filter", "group_id")
    query = query_of(call, call.query("account_id") or call.caller.account_id, ("iam_id", "scope", "type"), _SORTS)
    if query.account_id != call.caller.account_id:
        raise IdentityError.forbidden()
    scope, kind = query.filters.get("scope", "entity"), query.filters.get("type")
    if scope not in ("entity", "account"):
        raise IdentityError.malformed("scope must be entity or account")
    if kind not in (None, "user", "serviceid"):
        raise IdentityError.malformed("type must be user or serviceid")
    wanted = select(ApiKey).where(ApiKey.account_id == query.account_id)
    iam_id = query.filters.get("iam_id") or (call.caller.iam_id if scope == "entity" else None)
    _authorize(call, "list", iam_id)
    if iam_id is not None:
        wanted = wanted.where(ApiKey.iam_id == iam_id)
    if kind is not None:
        of_service_id = ApiKey.iam_id.startswith("iam-ServiceId-")
        wanted = wanted.where(of_service_id if kind == "serviceid" else ~of_service_id)
    columns = {name: getattr(ApiKey, name) for name in _SORTS}
    order = columns[query.sort] if query.sort else ApiKey.created_at
    wanted = wanted.order_by(order.desc() if query.descending else order, ApiKey.id)
    rows, links = page(call, _PATH, query, wanted)
    found = [_shown(call, key, whole=False) for key in rows]
    return answer({"context": _context(call), **links, "apikeys": found})


@routes.on("GET", _PATH + "/details")
def details(call: Call) -> Response:
    """Return the key whose value is in the header IAM-ApiKey; one's own without any policy."""
    value = call.request.headers.get("iam-apikey")
    if not value:
        raise IdentityError(400, "missing_property", "BXNIM0109E", "Property missing or empty: 'IAM-ApiKey'.")
    key = call.session.scalars(select(ApiKey).where(ApiKey.value_hash == hash_of(value))).one_or_none()
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
    _set_leak_and_expiry(call, key, body.action_when_leaked, body.expires_at)
    key.touch(call.now)
    return _answer(call, key, value=key.stored_value or "")


@routes.on("DELETE", _ONE)
def delete(call: Call) -> Response:
    """Delete a key."""
    key = _find(call, "delete")
    if key.locked:
        raise IdentityError.locked()
    call.session.delete(key)
    return Response(status_code=204)


@routes.on("POST", _ONE + "/lock")
def lock(call: Call) -> Response:
    """Lock a key."""
    return _set(call, locked=True)


@routes.on("DELETE", _ONE + "/lock")
def unlock(call: Call) -> Response:
    """Unlock a key."""
    return _set(call, locked=False)


@routes.on("POST", _ONE + "/disable")
def disable(call: Call) -> Response:
    """Disable a key: no more tokens for it."""
    return _set(call, disabled=True)


@routes.on("DELETE", _ONE + "/disable")
def enable(call: Call) -> Response:
    """Enable a key again."""
    return _set(call, disabled=False)


def check_version(call: Call, entity: ServiceId | ApiKey) -> None:
    """Go on only if the entity may change and If-Match names its tag, or `*`.

    Raises:
        IdentityError: it is locked, or the tag is missing or stale.

    """
    tag = call.request.headers.get("if-match")
    if not tag:
        raise IdentityError.missing("If-Match")
    if entity.locked:
        raise IdentityError.locked()
    if tag not in ("*", entity.entity_tag):
        raise IdentityError.stale()


def _set(call: Call, *, locked: bool | None = None, disabled: bool | None = None) -> Response:
    key = _find(call, "update")
    if locked is not None:
        key.locked = locked
    if disabled is not None:
        key.disabled = disabled
    key.touch(call.now)
    return Response(status_code=204)


def _own_value(call: Call, value: str) -> str:
    if len(value) < limits.OWN_KEY_LENGTH:
        raise IdentityError.malformed(f"apikey must have at least {limits.OWN_KEY_LENGTH} characters")
    if call.session.scalar(select(func.count()).where(ApiKey.value_hash == hash_of(value))):
        raise IdentityError.duplicate_value()
    return value


def _check_user_rules(body: CreateBody, iam_id: str) -> None:
    if is_service_id(iam_id) and body.support_sessions:
        raise IdentityError.malformed("support_sessions is for user API keys")
    if not is_service_id(iam_id) and body.store_value:
        raise IdentityError.malformed("store_value is for API keys of service IDs")


def _set_leak_and_expiry(call: Call, key: ApiKey, action: str | None, expires_at: str | None) -> None:
    if action is not None:
        if action not in _WHEN_LEAKED:
            raise IdentityError.malformed(f"action_when_leaked must be one of {', '.join(_WHEN_LEAKED)}")
        key.action_when_leaked = action
    if expires_at is None:
        return
    if expires_at == "":
        key.expires_at = None
        return
    try:
        at = parse_minutes(expires_at)
    except ValueError as error:
        raise IdentityError.malformed("expires_at must have the form yyyy-MM-ddTHH:mm+0000") from error
    if at <= call.now and unverified.PAST_EXPIRY_IS_REFUSED:
        raise IdentityError.malformed("expires_at lies in the past")
    key.expires_at = at


def _find(call: Call, action: str) -> ApiKey:
    identifier = call.path("id")
    key = call.session.get(ApiKey, identifier)
    if key is None or key.account_id != call.caller.account_id:
        raise IdentityError.absent(f"API key {identifier}")
    _authorize(call, action, key.iam_id)
    return key


def _authorize(call: Call, action: str, iam_id: str | None) -> None:
    """Go on only if the caller may do this to the keys of an identity, or of all with None.

    Users manage their own keys and nobody else's; keys of service IDs need the right on IAM Identity.
    """
    if iam_id is not None and not is_service_id(iam_id):
        if iam_id != call.caller.iam_id:
            raise IdentityError.forbidden()
        return
    resource = {"resourceType": "serviceid", "resource": iam_id.removeprefix("iam-")} if iam_id else {}
    target = authz.platform_target(call.caller.account_id, roles.IDENTITY, **resource)
    call.authorize(f"{roles.IDENTITY}.apikey.{action}", target)


def _answer(call: Call, key: ApiKey, value: str = "") -> Response:
    return answer(_shown(call, key, value=value), headers={"ETag": key.entity_tag})


def _shown(call: Call, key: ApiKey, *, value: str = "", whole: bool = True) -> dict[str, object]:
    """Write a key as answers do; where the value isn't shown, `apikey` is there and empty."""
    shown: dict[str, object] = {"context": _context(call)} if whole else {}
    shown |= {
        "id": key.id,
        "entity_tag": key.entity_tag,
        "crn": key.crn,
        "locked": key.locked,
        "disabled": key.disabled,
        "created_at": minutes_text(key.created_at),
        "created_by": key.created_by,
        "modified_at": minutes_text(key.modified_at),
        "name": key.name,
        "support_sessions": key.support_sessions,
        "action_when_leaked": key.action_when_leaked,
        "iam_id": key.iam_id,
        "account_id": key.account_id,
        "apikey": value,
    }
    if key.expires_at is not None:
        shown["expires_at"] = minutes_text(key.expires_at)
    if key.description is not None:
        shown["description"] = key.description
    return shown


def _context(call: Call) -> dict[str, str]:
    return context(call.request, uuid.uuid4().hex, "transaction_id")
