"""The operations on roles: /v2/roles lists those of a service, and the account's custom ones can be changed."""

from __future__ import annotations

import secrets

import msgspec
from starlette.responses import Response

from sandbox.cloud.api.policies.changes import may_read
from sandbox.cloud.core import limits, unverified
from sandbox.cloud.core.answers import answer
from sandbox.cloud.core.tags import next_tag
from sandbox.cloud.errors.base import NotImplementedYetError
from sandbox.cloud.errors.policies import PolicyError
from sandbox.cloud.iam import authz, roles
from sandbox.cloud.iam.custom_roles import CustomRole, custom_roles, is_legal
from sandbox.cloud.iam.policies import ACTIVE, Policy
from sandbox.cloud.iam.services import OTHERS
from sandbox.cloud.serving.call import Call
from sandbox.cloud.serving.routing import Routes

routes = Routes(PolicyError)

_PATH = "/v2/roles"
_ONE = _PATH + "/{id}"


class RoleBody(msgspec.Struct):
    """The body of a create, and of a replace, which takes no name, account and service."""

    display_name: str
    actions: list[str]
    description: str | None = None
    name: str | None = None
    account_id: str | None = None
    service_name: str | None = None


@routes.on("GET", _PATH)
def list_roles(call: Call) -> Response:
    """List the roles that a service knows, with names in the caller's language; nothing for a caller without rights."""
    call.refuse_queries("source_service_name")
    language = call.request.headers.get("accept-language", "")
    account_id = call.query("account_id") or call.caller.account_id
    service = call.query("service_name") or _group(call) or roles.ANY_SERVICE
    _see_that_it_is_known(service)
    readable = may_read(call, account_id)

    def described(names: tuple[str, ...]) -> list[dict[str, object]]:
        return [roles.describe(name, service, language) for name in names] if readable else []

    custom = custom_roles(call.session, account_id) if readable else []
    return answer(
        {
            "custom_roles": [
                role.shown(call.base_url) for role in custom if service in (role.service_name, roles.ANY_SERVICE)
            ],
            "service_roles": described(roles.service_roles(service)),
            "system_roles": described(roles.PLATFORM_ROLES),
        }
    )


@routes.on("POST", _PATH)
def create(call: Call) -> Response:
    """Create a custom role."""
    body = call.json(RoleBody)
    account_id = call.caller.account_id
    if body.account_id != account_id:
        raise PolicyError.malformed("account_id must be the caller's account")
    call.authorize(roles.CREATE_ROLE, authz.platform_target(account_id, roles.ACCESS_MANAGEMENT))
    if not body.name or not is_legal(body.name):
        raise PolicyError.malformed("name must be alphanumeric and capitalised")
    if not body.service_name:
        raise PolicyError.malformed("service_name is missing or empty")
    service = body.service_name
    held = custom_roles(call.session, account_id)
    if len(held) >= limits.CUSTOM_ROLES_PER_ACCOUNT:
        raise PolicyError.too_many(limits.CUSTOM_ROLES_PER_ACCOUNT)
    _check(body, service)
    role = CustomRole(
        id=secrets.token_hex(16),
        account_id=account_id,
        service_name=service,
        name=body.name,
        display_name=body.display_name,
        description=body.description or None,
        actions=body.actions,
        created_at=call.now,
        created_by_id=call.caller.iam_id,
        last_modified_at=call.now,
        last_modified_by_id=call.caller.iam_id,
        etag=next_tag(None),
    )
    _refuse_conflict(call, role)
    call.session.add(role)
    return _answer(call, role, 201)


@routes.on("GET", _ONE)
def get(call: Call) -> Response:
    """Return one custom role."""
    role = _find(call)
    if not may_read(call, role.account_id):
        raise PolicyError.forbidden()
    return _answer(call, role)


@routes.on("PUT", _ONE)
def replace(call: Call) -> Response:
    """Replace a custom role's names and actions; policies with it give the new ones at once."""
    role = _find(call)
    call.authorize(roles.UPDATE_ROLE, authz.platform_target(role.account_id, roles.ACCESS_MANAGEMENT))
    body = call.json(RoleBody)
    call.check_tag(role.etag, PolicyError, takes_any=False)
    _check(body, role.service_name)
    role.display_name, role.description, role.actions = body.display_name, body.description or None, body.actions
    _refuse_conflict(call, role)
    role.last_modified_at, role.last_modified_by_id = call.now, call.caller.iam_id
    role.etag = next_tag(role.etag)
    return _answer(call, role)


@routes.on("DELETE", _ONE)
def delete(call: Call) -> Response:
    """Delete a custom role that no policy grants."""
    role = _find(call)
    call.authorize(roles.DELETE_ROLE, authz.platform_target(role.account_id, roles.ACCESS_MANAGEMENT))
    policies = call.session.all(Policy, account_id=role.account_id, state=ACTIVE)
    if any(f'"{role.crn}"' in policy.meaning for policy in policies):
        raise PolicyError(*unverified.ROLE_IN_USE)
    call.session.delete(role)
    return Response(status_code=204)


def _group(call: Call) -> str | None:
    """Return the service whose roles stand for those of the service group that is asked for."""
    group = call.query("service_group_id")
    if group not in (None, roles.IAM_GROUP):
        raise NotImplementedYetError(f"the service group {group}")
    return roles.IDENTITY if group else None


def _see_that_it_is_known(service: str) -> None:
    if not roles.is_known(service):
        raise NotImplementedYetError(f"the roles of the service '{service}'")


def _check(body: RoleBody, service: str) -> None:
    _see_that_it_is_known(service)
    if not body.display_name:
        raise PolicyError.malformed("display_name must not be empty")
    known = roles.actions_of(service)
    unknown = [action for action in body.actions if action not in known]
    if unknown and service in OTHERS:
        raise NotImplementedYetError(f"the action '{unknown[0]}'")
    if unknown:
        raise PolicyError.malformed(f"{service or 'the service'} has no action '{unknown[0]}'")
    if not any(action.startswith(f"{service}.") for action in body.actions):
        raise PolicyError.malformed(f"actions must hold at least one action of {service}")


def _refuse_conflict(call: Call, role: CustomRole) -> None:
    """Refuse a name that is taken, and the same actions again, which IBM's docs forbid."""
    for other in custom_roles(call.session, role.account_id):
        if other is role:
            continue
        if other.name == role.name or other.display_name == role.display_name:
            raise PolicyError(409, "role_conflict_error", f"A custom role with the name {other.name} exists.")
        if other.service_name == role.service_name and set(other.actions) == set(role.actions):
            raise PolicyError(409, "role_conflict_error", f"The custom role {other.name} has the same actions.")


def _find(call: Call) -> CustomRole:
    role = call.session.get(CustomRole, call.path("id"))
    if role is None or role.account_id != call.caller.account_id:
        raise PolicyError(404, "role_not_found", f"Role with Id {call.path('id')} not found.")
    return role


def _answer(call: Call, role: CustomRole, status: int = 200) -> Response:
    return answer(role.shown(call.base_url), status, {"ETag": role.etag, "Cache-Control": "no-cache, no-store"})
