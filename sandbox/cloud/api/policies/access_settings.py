"""The operations on access management settings: /v1/accounts/{id}/settings/access_management."""

from __future__ import annotations

import msgspec
from starlette.responses import Response

from sandbox.cloud.core.answers import answer
from sandbox.cloud.core.tags import next_tag
from sandbox.cloud.errors.policies import PolicyError
from sandbox.cloud.iam import authz, roles
from sandbox.cloud.iam.interaction import SETTING, TYPES, AccessSettings, Interaction, access_settings_of
from sandbox.cloud.serving.call import Call
from sandbox.cloud.serving.routing import Routes

routes = Routes(PolicyError)

_PATH = "/v1/accounts/{id}/settings/access_management"


class _Types(msgspec.Struct):
    identity_types: dict[str, Interaction] = {}


class _Body(msgspec.Struct):
    external_account_identity_interaction: _Types = msgspec.field(default_factory=_Types)


@routes.on("GET", _PATH)
def get(call: Call) -> Response:
    """Return how identities of other accounts may interact with the account."""
    return _answer(_find(call, roles.READ_SETTINGS))


@routes.on("PATCH", _PATH)
def update(call: Call) -> Response:
    """Change how identities of other accounts may interact with the account."""
    settings = _find(call, roles.CHANGE_SETTINGS)
    given = call.json(_Body).external_account_identity_interaction.identity_types
    call.check_tag(settings.etag, PolicyError, takes_any=False)
    settings.change(given)
    settings.etag = next_tag(settings.etag)
    call.session.add(settings)
    return _answer(settings)


def _find(call: Call, action: str) -> AccessSettings:
    account_id = call.path("id")
    if account_id != call.caller.account_id:
        raise PolicyError.forbidden()
    call.authorize(action, authz.platform_target(account_id, roles.IDENTITY))
    return access_settings_of(call.session, account_id)


def _answer(settings: AccessSettings) -> Response:
    shown = {name: msgspec.to_builtins(settings.of(name)) for name in TYPES}
    return answer({SETTING: {"identity_types": shown}}, headers={"ETag": settings.etag})
