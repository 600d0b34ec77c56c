"""The token endpoint: POST /identity/token, and the public key of its tokens."""

from __future__ import annotations

import base64
from urllib.parse import parse_qs

from starlette.responses import Response

from sandbox.cloud.api.identity.assuming import ASSUME, CONTAINER, assume
from sandbox.cloud.core import unverified
from sandbox.cloud.core.answers import answer
from sandbox.cloud.errors.identity import TokenError
from sandbox.cloud.iam.account_settings import token_seconds
from sandbox.cloud.iam.accounts import Account
from sandbox.cloud.iam.identities import ApiKey, ServiceId, is_service_id
from sandbox.cloud.iam.tokens import APIKEY, GRANTS, SCOPE, Identity
from sandbox.cloud.serving.call import Call
from sandbox.cloud.serving.routing import Routes

routes = Routes(TokenError)

_LACKING = (
    *(f"{GRANTS}{kind}" for kind in ("passcode", "delegated-refresh-token", "iam-authz")),
    "refresh_token",
    "password",
    "authorization_code",
    "client_credentials",
)


@routes.on("POST", "/identity/token", public=True)
def token(call: Call) -> Response:
    """Exchange a key, or what a profile trusts, for an access token; IBM's CLI gets a refresh token too."""
    form = {name: values[-1] for name, values in parse_qs(call.body.decode("utf-8", "replace")).items()}
    grant = form.get("grant_type")
    if not grant:
        raise TokenError.missing("grant_type")
    if grant in _LACKING:
        raise TokenError.not_implemented(f"The sandbox lacks the grant type {grant}.")
    if grant in (CONTAINER, ASSUME):
        return _answer(call, assume(call, grant, form))
    if grant != APIKEY:
        raise _invalid("grant_type", grant, APIKEY)
    if form.get("response_type", "cloud_iam") != "cloud_iam":
        raise _invalid("response_type", form["response_type"], "cloud_iam")
    value = form.get("apikey")
    if not value:
        raise TokenError.missing("apikey")
    key = call.usable_key(value)
    if key is None:
        raise TokenError(400, *unverified.KEY_NOT_USABLE)
    return _answer(call, identity_of(call, key))


def _answer(call: Call, identity: Identity) -> Response:
    now, lifetime = call.now / 1000, token_seconds(call.session, identity.account_id)
    tokens = call.world.iam_tokens
    return answer(
        {
            "access_token": tokens.access(identity, now, lifetime),
            "refresh_token": tokens.refresh(identity, now) if _is_cli(call) else "not_supported",
            "ims_user_id": 0,
            "token_type": "Bearer",
            "expires_in": lifetime,
            "expiration": int(now) + lifetime,
            "scope": SCOPE,
        },
        headers={"Cache-Control": "no-store", "Pragma": "no-cache"},
    )


@routes.on("GET", "/identity/keys", public=True)
def keys(call: Call) -> Response:
    """Return the public key that access tokens can be checked with."""
    return answer(call.world.iam_tokens.keys())


def identity_of(call: Call, key: ApiKey) -> Identity:
    """Return whom a key stands for."""
    if is_service_id(key.iam_id):
        name = call.session.one(ServiceId, iam_id=key.iam_id).name
    else:
        name = call.session.one(Account, id=key.account_id).owner_email
    return Identity(key.iam_id, key.account_id, name)


def _invalid(name: str, value: str, valid: str) -> TokenError:
    return TokenError.malformed(
        f"Validation of property '{name}' with value '[{value}]' failed. Valid values: '{valid}'"
    )


def _is_cli(call: Call) -> bool:
    """Tell IBM's CLI, whose client id and secret are both `bx`."""
    return call.request.headers.get("authorization") == f"Basic {base64.b64encode(b'bx:bx').decode()}"
