"""The operations on the account's identity settings: /v1/accounts/{id}/settings/identity."""

from __future__ import annotations

import msgspec
from starlette.responses import Response

from sandbox.cloud.api.identity.versions import new_context
from sandbox.cloud.core.answers import answer
from sandbox.cloud.core.tags import next_tag
from sandbox.cloud.errors.identity import IdentityError
from sandbox.cloud.iam import authz, roles
from sandbox.cloud.iam.account_settings import RESTRICTED, AccountSettings, settings_of
from sandbox.cloud.iam.history import shown_history
from sandbox.cloud.serving.call import Call
from sandbox.cloud.serving.routing import Routes

routes = Routes(IdentityError)

_PATH = "/v1/accounts/{id}/settings/identity"


@routes.on("GET", _PATH)
def get(call: Call) -> Response:
    """Return the settings."""
    call.refuse_queries("resolve_user_mfa")
    return _answer(call, _find(call, roles.READ_SETTINGS), history=call.flag("include_history"))


@routes.on("GET", "/v1/accounts/{id}/effective_settings/identity")
def get_effective(call: Call) -> Response:
    """Return the settings as they apply: no template changes them here."""
    call.refuse_queries("resolve_user_mfa")
    settings = _find(call, roles.READ_SETTINGS)
    effective = msgspec.to_builtins(settings.settings)
    account = _shown(call, settings, history=call.flag("include_history"))
    content = {"account_id": settings.account_id, "effective": effective, "account": account}
    return answer({"context": new_context(call), **content, "assigned_templates": []})


@routes.on("PUT", _PATH)
def update(call: Call) -> Response:
    """Change the settings: who may create what and how long access tokens live is obeyed, the others are kept."""
    settings = _find(call, roles.CHANGE_SETTINGS)
    changes = call.json(dict[str, object])
    call.check_tag(settings.entity_tag, IdentityError)
    settings.settings = settings.settings.changed(changes)
    settings.entity_tag = next_tag(settings.entity_tag)
    call.session.add(settings)
    call.record(settings.account_id, "update")
    return _answer(call, settings, history=True)


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


def _answer(call: Call, settings: AccountSettings, *, history: bool) -> Response:
    content = {"context": new_context(call), **_shown(call, settings, history=history)}
    return answer(content, headers={"ETag": settings.entity_tag})


def _shown(call: Call, settings: AccountSettings, *, history: bool) -> dict[str, object]:
    shown: dict[str, object] = {"account_id": settings.account_id, "entity_tag": settings.entity_tag}
    shown |= msgspec.to_builtins(settings.settings)
    return shown | ({"history": shown_history(call.session, settings.account_id)} if history else {})
