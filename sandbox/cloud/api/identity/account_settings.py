"""The account's identity settings: /v1/accounts/{id}/settings/identity, and what follows from them."""

from __future__ import annotations

import msgspec
from starlette.responses import Response

from sandbox.cloud.api.identity.versions import new_context
from sandbox.cloud.core.answers import answer
from sandbox.cloud.core.tags import next_tag
from sandbox.cloud.errors.identity import IdentityError
from sandbox.cloud.iam import authz, roles
from sandbox.cloud.iam.account_settings import RESTRICTED, UNSET, AccountSettings, settings_of
from sandbox.cloud.iam.history import shown_history
from sandbox.cloud.iam.tokens import LIFETIME
from sandbox.cloud.serving.call import Call
from sandbox.cloud.serving.routing import Routes

routes = Routes(IdentityError)

_PATH = "/v1/accounts/{id}/settings/identity"
_RESTRICTIONS = (RESTRICTED, "NOT_RESTRICTED", UNSET)
_SHORTEST = 900
"""Seconds: the shortest lifetime of an access token that an account may ask for."""


class SettingsBody(msgspec.Struct):
    """The body of an update; what is None stays as it is. The other settings of IBM's are not obeyed, so refused."""

    restrict_create_service_id: str | None = None
    restrict_create_platform_apikey: str | None = None
    system_access_token_expiration_in_seconds: str | None = None
    allowed_ip_addresses: object = None
    mfa: object = None
    user_mfa: object = None
    session_expiration_in_seconds: object = None
    session_invalidation_in_seconds: object = None
    max_sessions_per_identity: object = None
    system_refresh_token_expiration_in_seconds: object = None
    restrict_user_list_visibility: object = None
    restrict_user_domains: object = None


_OBEYED = ("restrict_create_service_id", "restrict_create_platform_apikey", "system_access_token_expiration_in_seconds")


@routes.on("GET", _PATH)
def get(call: Call) -> Response:
    """Return the settings."""
    call.refuse_queries("resolve_user_mfa")
    settings = _find(call, roles.READ_SETTINGS)
    shown = _shown(settings)
    if call.query("include_history") == "true":
        shown["history"] = shown_history(call.session, settings.account_id)
    return answer({"context": new_context(call), **shown}, headers={"ETag": settings.entity_tag})


@routes.on("GET", "/v1/accounts/{id}/effective_settings/identity")
def get_effective(call: Call) -> Response:
    """Return the settings as they apply: no template changes them here."""
    call.refuse_queries("include_history", "resolve_user_mfa")
    settings = _find(call, roles.READ_SETTINGS)
    shown = _shown(settings)
    effective = {name: value for name, value in shown.items() if name not in ("account_id", "entity_tag")}
    content: dict[str, object] = {"account_id": settings.account_id, "effective": effective, "account": shown}
    return answer({"context": new_context(call), **content})


@routes.on("PUT", _PATH)
def update(call: Call) -> Response:
    """Change who may create service IDs and users' API keys, and how long access tokens live."""
    settings = _find(call, roles.CHANGE_SETTINGS)
    body = call.json(SettingsBody)
    call.check_tag(settings.entity_tag, IdentityError)
    for name in body.__struct_fields__:
        if name not in _OBEYED and getattr(body, name) is not None:
            raise IdentityError.not_implemented(f"The sandbox lacks the setting {name}.")
    settings.restrict_create_service_id = _restriction(
        body.restrict_create_service_id, settings.restrict_create_service_id
    )
    settings.restrict_create_platform_apikey = _restriction(
        body.restrict_create_platform_apikey, settings.restrict_create_platform_apikey
    )
    settings.token_seconds = _seconds(body.system_access_token_expiration_in_seconds, settings.token_seconds)
    settings.entity_tag = next_tag(settings.entity_tag)
    call.session.add(settings)
    call.record(settings.account_id, "update")
    return answer({"context": new_context(call), **_shown(settings)}, headers={"ETag": settings.entity_tag})


def require_creator(call: Call, role: str) -> bool:
    """Tell whether the account restricts a creation to those with this role, of which the caller then must be one.

    `role` is ServiceIdCreator or UserApiKeyCreator. Where it is restricted, no other right matters, the owner's
    neither.

    Raises:
        ForbiddenError: the caller doesn't hold it.

    """
    settings = settings_of(call.session, call.caller.account_id)
    restriction = {
        roles.SERVICE_ID_CREATOR: settings.restrict_create_service_id,
        roles.USER_KEY_CREATOR: settings.restrict_create_platform_apikey,
    }[role]
    if restriction != RESTRICTED:
        return False
    call.authorize_creator(role, authz.platform_target(call.caller.account_id, roles.IDENTITY))
    return True


def _find(call: Call, action: str) -> AccountSettings:
    account_id = call.path("id")
    if account_id != call.caller.account_id:
        raise IdentityError.forbidden()
    call.authorize(action, authz.platform_target(account_id, roles.IDENTITY))
    return settings_of(call.session, account_id)


def _restriction(wanted: str | None, now: str) -> str:
    if wanted is None:
        return now
    if wanted not in _RESTRICTIONS:
        raise IdentityError.malformed(f"a restriction must be one of {', '.join(_RESTRICTIONS)}")
    return wanted


def _seconds(wanted: str | None, now: str) -> str:
    if wanted is None or wanted == UNSET:
        return wanted or now
    if not wanted.isdecimal() or not _SHORTEST <= int(wanted) <= LIFETIME:
        raise IdentityError.malformed(
            f"system_access_token_expiration_in_seconds must be {_SHORTEST} to {LIFETIME}, or {UNSET}"
        )
    return wanted


def _shown(settings: AccountSettings) -> dict[str, object]:
    return {
        "account_id": settings.account_id,
        "entity_tag": settings.entity_tag,
        "restrict_create_service_id": settings.restrict_create_service_id,
        "restrict_create_platform_apikey": settings.restrict_create_platform_apikey,
        "allowed_ip_addresses": "",
        "mfa": "NONE",
        "user_mfa": [],
        "session_expiration_in_seconds": UNSET,
        "session_invalidation_in_seconds": UNSET,
        "max_sessions_per_identity": UNSET,
        "system_access_token_expiration_in_seconds": settings.token_seconds,
        "system_refresh_token_expiration_in_seconds": UNSET,
        "restrict_user_list_visibility": "NOT_RESTRICTED",
        "restrict_user_domains": [],
    }
