"""API keys: the bodies of their operations, the rules for making one, and how an answer shows one.

A value is shown when the key is made, later only if storing was asked for.
"""

from __future__ import annotations

import msgspec

from sandbox.cloud.api.identity.versions import new_context
from sandbox.cloud.core import limits, unverified
from sandbox.cloud.core.clock import minutes_text, parse_time
from sandbox.cloud.errors.identity import IdentityError
from sandbox.cloud.iam.history import shown_history
from sandbox.cloud.iam.identities import ApiKey, find_key, is_service_id, new_key_value
from sandbox.cloud.serving.call import Call

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


def create_key(call: Call, body: CreateBody, iam_id: str, account_id: str) -> dict[str, object]:
    """Make a key for this identity and return it as the answer shows it, once, with its value."""
    if not body.name:
        raise IdentityError.missing("name")
    if call.session.count(ApiKey, iam_id=iam_id) >= limits.API_KEYS_PER_IDENTITY:
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
    set_leak_and_expiry(call, key, body)
    call.session.add(key)
    call.made(key.id)
    call.record(key.id, "create")
    return shown_key(call, key, value=value)


def shown_key(
    call: Call, key: ApiKey, *, value: str = "", whole: bool = True, history: bool = False
) -> dict[str, object]:
    """Write a key as answers do; where the value isn't shown, `apikey` is there and empty."""
    shown: dict[str, object] = {"context": new_context(call)} if whole else {}
    if history or call.query("include_history") == "true":
        shown["history"] = shown_history(call.session, key.id)
    if call.query("include_activity") == "true":
        shown["activity"] = call.world.activity.shown(key.id)
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


def purge_expired_keys(call: Call) -> None:
    """Remove the keys for good that expired, and were changed last, more than 90 days ago."""
    ended = call.now - limits.EXPIRED_KEY_DAYS * 24 * 3600 * 1000
    call.session.forget(ApiKey, "expires_at < ? AND modified_at < ?", ended, ended)


def _own_value(call: Call, value: str) -> str:
    if len(value) < limits.OWN_KEY_LENGTH:
        raise IdentityError.malformed(f"apikey must have at least {limits.OWN_KEY_LENGTH} characters")
    if find_key(call.session, value):
        raise IdentityError.duplicate_value()
    return value


def _check_user_rules(body: CreateBody, iam_id: str) -> None:
    if is_service_id(iam_id) and body.support_sessions:
        raise IdentityError.malformed("support_sessions is for user API keys")
    if not is_service_id(iam_id) and body.store_value:
        raise IdentityError.malformed("store_value is for API keys of service IDs")


def set_leak_and_expiry(call: Call, key: ApiKey, body: CreateBody | UpdateBody) -> None:
    """Set what happens when the key leaks, and when it ends; None leaves as it is, an empty text means never.

    Raises:
        IdentityError: a value is not legal.

    """
    action, expires_at = body.action_when_leaked, body.expires_at
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
        at = parse_time(expires_at)
    except (ValueError, OverflowError) as error:
        raise IdentityError.malformed("expires_at must have the form yyyy-MM-ddTHH:mm+0000") from error
    doing = "create" if isinstance(body, CreateBody) else "update"
    if at <= call.now and unverified.PAST_EXPIRY_IS_REFUSED[doing]:
        raise IdentityError.malformed("expires_at lies in the past")
    key.expires_at = at
