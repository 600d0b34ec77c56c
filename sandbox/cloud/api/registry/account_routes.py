"""The operations on an account's registry: plan, quotas, authorization options, settings."""

from __future__ import annotations

import msgspec
from starlette.responses import Response

from sandbox.cloud.api.registry.scope import Scope
from sandbox.cloud.core import unverified
from sandbox.cloud.core.answers import answer
from sandbox.cloud.errors.registry import RegistryError
from sandbox.cloud.registry.images import stored_bytes
from sandbox.cloud.registry.plans import FREE, FREE_TRAFFIC, MIB, STANDARD, UNLIMITED, RegistryAccount, account_of
from sandbox.cloud.registry.traffic import pulled_bytes
from sandbox.cloud.serving.call import Call
from sandbox.cloud.serving.routing import Routes

routes = Routes(RegistryError)

_PLANS, _QUOTAS, _AUTH, _SETTINGS = (f"/api/v1/{name}" for name in ("plans", "quotas", "auth", "settings"))


@routes.on("GET", _PLANS)
def get_plan(call: Call) -> Response:
    """Return the plan."""
    return answer({"plan": _account(call, "plan.get").plan})


class _Plan(msgspec.Struct):
    plan: str | None = None


@routes.on("PATCH", _PLANS)
def set_plan(call: Call) -> Response:
    """Change the plan. The Standard plan has no limits until they are set."""
    found, wanted = _changed(call, "plan.set"), call.json(_Plan).plan
    names = {FREE.lower(): FREE, STANDARD.lower(): STANDARD}
    plan = names.get((wanted or "").lower())
    if plan is None:
        raise RegistryError.malformed(f"The plan is {FREE} or {STANDARD}.")
    if (found.plan, plan) == (STANDARD, FREE) and not unverified.PLAN_CAN_GO_BACK_TO_FREE:
        raise RegistryError(*unverified.PLAN_GOES_UP_ONLY)
    if plan != found.plan:
        found.plan = plan
        free = plan == FREE
        found.storage_limit = unverified.FREE_STORAGE_MIB * MIB if free else UNLIMITED
        found.traffic_limit = FREE_TRAFFIC if free else UNLIMITED
    return answer({"plan": plan})


@routes.on("GET", _QUOTAS, settle=True)
def get_quota(call: Call) -> Response:
    """Return limits and usage."""
    found = _account(call, "quota.get")
    place = (found.region, found.account_id)
    used = {
        "storage_bytes": stored_bytes(call.session, *place),
        "traffic_bytes": pulled_bytes(call.session, *place, call.now),
    }
    return answer(
        {
            "limit": {"storage_bytes": found.storage_limit, "traffic_bytes": found.traffic_limit},
            "usage": used,
        }
    )


class _Quota(msgspec.Struct):
    storage_megabytes: int | None = None
    traffic_megabytes: int | None = None


@routes.on("PATCH", _QUOTAS)
def set_quota(call: Call) -> Response:
    """Change the limits, in MiB; the Free plan's can't be raised above what it gives."""
    found, wanted = _changed(call, "quota.set"), call.json(_Quota)
    free = found.plan == FREE
    if wanted.storage_megabytes is not None:
        most = unverified.FREE_STORAGE_MIB * MIB if free else UNLIMITED
        found.storage_limit = _limit(wanted.storage_megabytes, most)
    if wanted.traffic_megabytes is not None:
        found.traffic_limit = _limit(wanted.traffic_megabytes, FREE_TRAFFIC if free else UNLIMITED)
    return answer({})


@routes.on("GET", _AUTH)
def get_auth(call: Call) -> Response:
    """Return the authorization options."""
    found = _account(call, "auth.get")
    return answer({"iam_authz": found.iam_authz, "private_only": found.private_only})


class _Auth(msgspec.Struct):
    iam_authz: bool | None = None
    private_only: bool | None = None


@routes.on("PATCH", _AUTH)
def set_auth(call: Call) -> Response:
    """Change the authorization options."""
    found, wanted = _changed(call, "auth.set"), call.json(_Auth)
    if wanted.iam_authz is False:
        raise RegistryError.not_implemented("The sandbox lacks accounts without IAM authorization.")
    found.private_only = found.private_only if wanted.private_only is None else wanted.private_only
    return Response(status_code=204)


@routes.on("GET", _SETTINGS)
def get_settings(call: Call) -> Response:
    """Return the settings."""
    return answer({"platform_metrics": _account(call, "settings.get").platform_metrics})


class _Settings(msgspec.Struct):
    platform_metrics: bool | None = None


@routes.on("PATCH", _SETTINGS)
def set_settings(call: Call) -> Response:
    """Change the settings."""
    found, wanted = _changed(call, "settings.set"), call.json(_Settings)
    if wanted.platform_metrics is not None:
        found.platform_metrics = wanted.platform_metrics
    return Response(status_code=204)


def _account(call: Call, action: str) -> RegistryAccount:
    """Return what the account has settled, if the caller may do this to the account's registry."""
    scope = Scope.of(call)
    scope.authorize_account(action)
    return account_of(call.session, scope.region, scope.account_id)


def _changed(call: Call, action: str) -> RegistryAccount:
    """Return the same, to be changed."""
    found = _account(call, action)
    call.session.add(found)
    return found


def _limit(mebibytes: int, most: int) -> int:
    if mebibytes < UNLIMITED:
        raise RegistryError.malformed("A quota is a number of megabytes, or -1 for no limit.")
    wanted = UNLIMITED if mebibytes == UNLIMITED else mebibytes * MIB
    if most != UNLIMITED and (wanted == UNLIMITED or wanted > most):
        raise RegistryError(*unverified.FREE_PLAN_LIMIT)
    return wanted
