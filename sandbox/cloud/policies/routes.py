"""The operations on v2 policies (/v2/policies) and the list of roles (/v2/roles)."""

from __future__ import annotations

from urllib.parse import urlencode

from sqlalchemy import Select, false, func, select
from starlette.responses import Response

from sandbox.cloud import limits, roles, unverified
from sandbox.cloud.accounts import Account
from sandbox.cloud.clock import millis_text
from sandbox.cloud.identity.models import ServiceId, is_service_id
from sandbox.cloud.policies.bodies import PolicyBody
from sandbox.cloud.policies.errors import PolicyError
from sandbox.cloud.policies.models import ACTIVE, DELETED, Policy
from sandbox.cloud.web import Call, Routes, answer

routes = Routes(PolicyError)

_PATH = "/v2/policies"
_ONE = _PATH + "/{id}"
_SORTS = ("id", "created_at", "created_by_id", "last_modified_at", "last_modified_by_id", "state")


@routes.on("POST", _PATH)
def create(call: Call) -> Response:
    """Create a policy."""
    body = _checked_body(call, "create")
    for column, value, limit in (
        (Policy.account_id, call.caller.account_id, limits.POLICIES_PER_ACCOUNT),
        (Policy.iam_id, body.iam_id, limits.POLICIES_PER_SUBJECT),
    ):
        held = select(func.count()).where(column == value, Policy.state == ACTIVE)
        if (call.session.scalar(held) or 0) >= limit:
            raise PolicyError.too_many(limit)
    policy = Policy.of(body, call.caller.account_id, call.now, call.caller.iam_id)
    _refuse_duplicate(call, policy)
    call.session.add(policy)
    call.made(policy.id)
    return _answer(call, policy, 201)


@routes.on("GET", _PATH)
def list_all(call: Call) -> Response:
    """List the policies of an account, a page at a time; nothing for a caller who may not read policies."""
    call.refuse_queries("access_group_id", "service_type", "service_group_id", "format")
    account_id = call.query("account_id")
    if account_id is None:
        raise PolicyError.missing_query("account_id")
    limit, start = _window(call)
    wanted = select(Policy).where(Policy.account_id == account_id, Policy.state == (call.query("state") or ACTIVE))
    wanted = wanted.where(Policy.id.not_in(call.hidden()))
    if iam_id := call.query("iam_id"):
        wanted = wanted.where(Policy.iam_id == iam_id)
    if (kind := call.query("type")) and kind != "access":
        wanted = wanted.where(false())
    found = list(call.session.scalars(_sorted(call, wanted))) if _may_read(call, account_id) else []
    if service := call.query("service_name"):
        found = [policy for policy in found if PolicyBody.of(policy.document).target().get("serviceName") == service]
    shown: dict[str, object] = {
        "policies": [_shown(call, policy) for policy in found[start : start + limit]],
        "limit": limit,
        "first": {"href": _page_url(call, 0)},
    }
    if start:
        shown["previous"] = _page(call, max(0, start - limit))
    if start + limit < len(found):
        shown["next"] = _page(call, start + limit)
    return answer(shown)


@routes.on("GET", _ONE)
def get(call: Call) -> Response:
    """Return one policy; a deleted one too, with its state."""
    call.refuse_queries("format")
    policy = _find(call)
    if not _may_read(call, policy.account_id):
        raise PolicyError.forbidden()
    return _answer(call, policy)


@routes.on("PUT", _ONE)
def replace(call: Call) -> Response:
    """Replace a policy."""
    policy = _find_active(call)
    call.authorize("iam.policy.update", PolicyBody.of(policy.document).target())
    body = _checked_body(call, "update")
    tag = call.request.headers.get("if-match")
    if not tag:
        raise PolicyError.malformed("the header If-Match is missing")
    if tag != policy.etag:
        raise PolicyError.stale()
    _refuse_locked(call, policy.iam_id)
    policy.document, policy.meaning, policy.iam_id = body.document(), body.meaning(), body.iam_id
    _refuse_duplicate(call, policy)
    policy.touch(call.now, call.caller.iam_id)
    return _answer(call, policy)


@routes.on("DELETE", _ONE)
def delete(call: Call) -> Response:
    """Delete a policy: it gives nothing any more, and stays readable with the state deleted."""
    policy = _find_active(call)
    call.authorize("iam.policy.delete", PolicyBody.of(policy.document).target())
    _refuse_locked(call, policy.iam_id)
    policy.state = DELETED
    call.world.controls.delays.removed(policy.id, call.now)
    policy.touch(call.now, call.caller.iam_id)
    return Response(status_code=204)


@routes.on("GET", "/v2/roles")
def list_roles(call: Call) -> Response:
    """List the roles that a service knows, with names in the caller's language; nothing for a caller without rights."""
    call.refuse_queries("source_service_name", "service_group_id")
    language = call.request.headers.get("accept-language", "")
    account_id = call.query("account_id") or call.caller.account_id
    service = call.query("service_name") or roles.ANY_SERVICE
    with_service_roles = service in (roles.REGISTRY, roles.ANY_SERVICE)
    known = with_service_roles or service in roles.PLATFORM_SERVICES
    readable = known and _may_read(call, account_id)

    def described(names: tuple[str, ...]) -> list[dict[str, object]]:
        return [roles.describe(name, service, language) for name in names]

    return answer(
        {
            "custom_roles": [],
            "service_roles": described(roles.SERVICE_ROLES) if readable and with_service_roles else [],
            "system_roles": described(roles.PLATFORM_ROLES) if readable else [],
        }
    )


def _checked_body(call: Call, action: str) -> PolicyBody:
    """Read the body, and see that its rules hold, its subject exists and the caller may grant what it grants."""
    body = call.json(PolicyBody)
    body.check(call.caller.account_id)
    call.authorize(f"iam.policy.{action}", body.target())
    if not _exists(call, body.iam_id):
        raise PolicyError.malformed(f"there is no identity '{body.iam_id}' in the account")
    _refuse_locked(call, body.iam_id)
    return body


def _exists(call: Call, iam_id: str) -> bool:
    if is_service_id(iam_id):
        service_id = call.session.get(ServiceId, iam_id.removeprefix("iam-"))
        return service_id is not None and service_id.account_id == call.caller.account_id
    return call.session.get_one(Account, call.caller.account_id).owner_iam_id == iam_id


def _refuse_locked(call: Call, iam_id: str) -> None:
    service_id = call.session.get(ServiceId, iam_id.removeprefix("iam-"))
    if service_id is not None and service_id.locked:
        raise PolicyError.locked(iam_id)


def _refuse_duplicate(call: Call, policy: Policy) -> None:
    same = select(Policy).where(
        Policy.meaning == policy.meaning,
        Policy.account_id == policy.account_id,
        Policy.state == ACTIVE,
        Policy.id != policy.id,
    )
    with call.session.no_autoflush:
        other = call.session.scalars(same).first()
    if other is not None:
        raise PolicyError.conflict(other.etag, _shown(call, other))


def _find(call: Call) -> Policy:
    policy = call.session.get(Policy, call.path("id"))
    if policy is None or policy.account_id != call.caller.account_id or not call.sees(policy.id):
        raise PolicyError.absent(call.path("id"))
    return policy


def _find_active(call: Call) -> Policy:
    policy = _find(call)
    if policy.state == DELETED:
        error = PolicyError.absent(policy.id)
        error.status = unverified.DELETED_POLICY_STATUS
        raise error
    return policy


def _may_read(call: Call, account_id: str) -> bool:
    """Tell whether the caller may read policies and roles: it holds any role with that right, on whatever resource."""
    if account_id != call.caller.account_id:
        return False
    held = {crn for grant in call.rights.grants for crn in grant.role_crns}
    return call.rights.is_owner or any(roles.READ_POLICY in roles.actions(crn, roles.REGISTRY) for crn in held)


def _sorted(call: Call, wanted: Select[Policy]) -> Select[Policy]:
    sort = call.query("sort") or "created_at"
    name = sort.removeprefix("-")
    if name not in _SORTS:
        raise PolicyError.malformed(f"sort must be one of {', '.join(_SORTS)}")
    column = {key: getattr(Policy, key) for key in _SORTS}[name]
    return wanted.order_by(column.desc() if sort.startswith("-") else column, Policy.id)


def _window(call: Call) -> tuple[int, int]:
    limit, start = call.query("limit") or str(unverified.POLICY_PAGE_DEFAULT), call.query("start") or "0"
    if not limit.isdecimal() or not 1 <= int(limit) <= unverified.POLICY_PAGE_MAXIMUM:
        raise PolicyError.malformed(f"limit must be 1 to {unverified.POLICY_PAGE_MAXIMUM}")
    if not start.isdecimal():
        raise PolicyError.malformed("start is not one that a list returned")
    return int(limit), int(start)


def _page(call: Call, start: int) -> dict[str, object]:
    return {"href": _page_url(call, start), "start": str(start)}


def _page_url(call: Call, start: int) -> str:
    query = {name: value for name, value in call.request.query_params.items() if name != "start"}
    if start:
        query["start"] = str(start)
    return f"{call.base_url}{_PATH}?{urlencode(query)}"


def _answer(call: Call, policy: Policy, status: int = 200) -> Response:
    return answer(_shown(call, policy), status, {"ETag": policy.etag, "Cache-Control": "no-cache, no-store"})


def _shown(call: Call, policy: Policy) -> dict[str, object]:
    return {
        **policy.document,
        "id": policy.id,
        "href": f"{call.base_url}{_PATH}/{policy.id}",
        "created_at": millis_text(policy.created_at),
        "created_by_id": policy.created_by_id,
        "last_modified_at": millis_text(policy.last_modified_at),
        "last_modified_by_id": policy.last_modified_by_id,
        "state": policy.state,
    }
