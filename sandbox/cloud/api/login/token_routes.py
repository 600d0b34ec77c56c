"""The registry's token endpoint, /oauth/token: GET with HTTP Basic for docker, POST with a form for containerd."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import cast
from urllib.parse import parse_qs

from starlette.responses import Response

from sandbox.cloud.api.login.scopes import granted, parse
from sandbox.cloud.core import unverified
from sandbox.cloud.core.answers import answer
from sandbox.cloud.core.clock import millis_text
from sandbox.cloud.errors.base import InvalidTokenError, LimitedError
from sandbox.cloud.errors.login import LoginError
from sandbox.cloud.iam import authz, roles
from sandbox.cloud.iam.accounts import Account
from sandbox.cloud.iam.identities import Caller, ServiceId, is_service_id
from sandbox.cloud.iam.interaction import may_interact, refusal
from sandbox.cloud.iam.profiles import PREFIX, Profile
from sandbox.cloud.registry.namespaces import Namespace
from sandbox.cloud.registry.plans import account_of, may_pull, may_push
from sandbox.cloud.serving.call import Call
from sandbox.cloud.serving.routing import Routes

routes = Routes(LoginError)

_PATH = "/oauth/token"


@routes.on("GET", _PATH, public=True)
def get(call: Call) -> Response:
    """Give a token to a caller that logs in with HTTP Basic."""
    login = _basic(call)
    if login is None:
        raise LoginError.unauthenticated()
    return _token(call, _log_in(call, *login), call.request.query_params.getlist("scope"))


@routes.on("POST", _PATH, public=True)
def post(call: Call) -> Response:
    """Give a token to a caller that logs in with a form (grant type password), or with HTTP Basic."""
    form = parse_qs(call.body.decode("utf-8", "replace"))
    login = _form_login(form) or _basic(call)
    if login is None:
        raise LoginError.unauthenticated()
    return _token(call, _log_in(call, *login), form.get("scope", []))


def _token(call: Call, caller: Caller, scopes: Sequence[str]) -> Response:
    region = call.world.regions.of_host(call.request.headers.get("host", ""))
    rights = call.rights_of(caller)
    owners: dict[str, str] = {}

    def allows(name: str, action: str) -> bool:
        """Tell whether the caller may do this; never in a namespace that doesn't exist."""
        namespace = call.session.get(Namespace, region, name)
        if namespace is None:
            return False
        owners[name] = namespace.account_id
        target = authz.registry_target(namespace.account_id, region, name, namespace.resource_group_id)
        return rights.permit(f"{roles.REGISTRY}.{action}", target)

    access = granted(parse(scopes), allows)
    _check_accounts(call, region, access, owners)
    token, issued = call.world.registry_tokens.sign(region, caller.iam_id, access)
    shown = {
        "token": token,
        "access_token": token,
        "expires_in": unverified.REGISTRY_TOKEN_SECONDS,
        "issued_at": millis_text(issued * 1000),
    }
    return answer(shown, headers={"Cache-Control": "no-store"})


def _check_accounts(call: Call, region: str, access: Sequence[Mapping[str, object]], owners: Mapping[str, str]) -> None:
    """Go on only if the accounts that own what is granted, by `owners` (namespace -> account), allow it at the moment.

    Raises:
        LoginError: a push and too much stored, a pull and too much pulled, or a public name where only private ones
            may be used. A push's own reads are no pull.

    """
    private = call.request.headers.get("host", "").startswith("private.")
    for item in access:
        actions = cast("list[str]", item["actions"])
        account = account_of(call.session, region, owners[str(item["name"]).partition("/")[0]])
        if account.private_only and not private:
            raise LoginError(*unverified.PRIVATE_ONLY)
        if "push" in actions and not may_push(call.session, account):
            raise LoginError(*unverified.STORAGE_QUOTA)
        if actions == ["pull"] and not private and not may_pull(call.session, account, call.now):
            raise LoginError(*unverified.TRAFFIC_QUOTA)


def _log_in(call: Call, username: str, password: str) -> Caller:
    """Return who logs in with this user name and password.

    Raises:
        LoginError: they don't fit, or the user name is no longer supported.

    """
    if username == "token":
        raise LoginError(*unverified.DEPRECATED_LOGIN)
    caller = _identify(call, username, password)
    if caller is None or not _exists(call, caller):
        raise LoginError.bad_login()
    return caller


def _identify(call: Call, username: str, password: str) -> Caller | None:
    if username == "iamapikey":
        key = call.usable_key(password)
        return Caller(key.iam_id, key.account_id) if key else None
    if username.startswith("Profile-"):
        key = call.usable_key(password)
        profile = call.session.first(Profile, id=username)
        if key is None or profile is None or not profile.trusts(key.iam_id):
            return None
        if not may_interact(call.session, profile.account_id, Caller(key.iam_id, key.account_id)):
            raise LimitedError(refusal(profile.account_id))
        return Caller(profile.iam_id, profile.account_id)
    if username in ("iambearer", "iamrefresh"):
        typ = "refresh" if username == "iamrefresh" else None
        try:
            return Caller(*call.world.iam_tokens.verify(password, call.now / 1000, typ))
        except InvalidTokenError:
            return None
    return None


def _exists(call: Call, caller: Caller) -> bool:
    """Tell whether the identity is still there: a token outlives it, a login with the token must not."""
    if caller.iam_id.startswith(PREFIX):
        return call.session.first(Profile, iam_id=caller.iam_id) is not None
    if not is_service_id(caller.iam_id):
        return call.session.get(Account, caller.account_id) is not None
    return call.session.count(ServiceId, iam_id=caller.iam_id) > 0


def _form_login(form: Mapping[str, Sequence[str]]) -> tuple[str, str] | None:
    grant = form.get("grant_type", ["password"])[-1]
    if grant != "password":
        raise LoginError.not_implemented(f"The sandbox lacks the grant type {grant} at the registry's login.")
    username, password = form.get("username"), form.get("password")
    return (username[-1], password[-1]) if username and password else None


def _basic(call: Call) -> tuple[str, str] | None:
    kind, _, value = call.request.headers.get("authorization", "").partition(" ")
    if not kind:
        return None
    try:
        username, _, password = base64.b64decode(value.strip(), validate=True).decode().partition(":")
    except ValueError:
        raise LoginError.bad_login() from None
    if kind.lower() != "basic":
        raise LoginError.bad_login()
    return username, password
