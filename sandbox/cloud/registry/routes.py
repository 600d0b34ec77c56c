"""The operations on namespaces (/api/v1/namespaces) and messages. The region is the one that the Host header means."""

from __future__ import annotations

from sqlalchemy import func, select
from starlette.responses import Response

from sandbox.cloud import authz, limits, roles, unverified
from sandbox.cloud.accounts import ResourceGroup, default_resource_group
from sandbox.cloud.clock import millis_text
from sandbox.cloud.registry.errors import RegistryError
from sandbox.cloud.registry.models import NAME_RULE, Namespace, is_legal, namespaces_of
from sandbox.cloud.web import Call, Routes, answer

routes = Routes(RegistryError)

_PATH = "/api/v1/namespaces"
_ONE = _PATH + "/{name}"


@routes.on("GET", _PATH)
def list_names(call: Call) -> Response:
    """List the names of the namespaces that the caller may list."""
    return answer([namespace.name for namespace in _listed(call)])


@routes.on("GET", _PATH + "/details")
def list_details(call: Call) -> Response:
    """List the namespaces that the caller may list."""
    return answer(
        [
            {
                "account": namespace.account_id,
                "created_date": millis_text(namespace.created_at),
                "crn": namespace.crn,
                "name": namespace.name,
                "resource_created_date": millis_text(namespace.resource_created_at),
                "resource_group": namespace.resource_group_id,
                "updated_date": millis_text(namespace.updated_at),
            }
            for namespace in _listed(call)
        ]
    )


@routes.on("PUT", _ONE)
def create(call: Call) -> Response:
    """Add a namespace: 201, or 200 for one that the account has already."""
    region, account_id, name = _region(call), _account(call), call.path("name")
    call.authorize(f"{roles.REGISTRY}.namespace.create", authz.registry_target(account_id, region))
    if not is_legal(name):
        raise RegistryError(*unverified.NAMESPACE_NAME, NAME_RULE)
    found = call.session.get(Namespace, (region, name))
    if found is not None and found.account_id != account_id:
        raise RegistryError(*unverified.NAMESPACE_TAKEN)
    if found is not None:
        return answer({"namespace": name})
    group = _resource_group(call, account_id)
    held = select(func.count()).where(Namespace.region == region, Namespace.account_id == account_id)
    if (call.session.scalar(held) or 0) >= limits.NAMESPACES_PER_REGION:
        text = f"The account has {limits.NAMESPACES_PER_REGION} namespaces in this region, the most it may."
        raise RegistryError(*unverified.NAMESPACE_LIMIT, text)
    call.session.add(
        Namespace(
            region=region,
            name=name,
            account_id=account_id,
            resource_group_id=group.id,
            created_at=call.now,
            resource_created_at=call.now,
            updated_at=call.now,
        )
    )
    return answer({"namespace": name}, 201)


@routes.on("DELETE", _ONE)
def delete(call: Call) -> Response:
    """Remove a namespace."""
    region, account_id = _region(call), _account(call)
    call.authorize(f"{roles.REGISTRY}.namespace.delete", authz.registry_target(account_id, region))
    found = call.session.get(Namespace, (region, call.path("name")))
    if found is None or found.account_id != account_id:
        raise RegistryError(*unverified.NAMESPACE_ABSENT)
    call.session.delete(found)
    return Response(status_code=204)


@routes.on("GET", "/api/v1/messages", public=True)
def messages(call: Call) -> Response:
    """Return the registry's announcements: there are none."""
    del call
    return Response(status_code=204)


def _listed(call: Call) -> list[Namespace]:
    region, account_id = _region(call), _account(call)
    action = f"{roles.REGISTRY}.namespace.list"

    def may_list(namespace: Namespace) -> bool:
        target = authz.registry_target(account_id, region, namespace.name, namespace.resource_group_id)
        return call.rights.permit(action, target)

    seen = [namespace for namespace in namespaces_of(call.session, region, account_id) if may_list(namespace)]
    if not seen:
        call.authorize(action, authz.registry_target(account_id, region))
    return seen


def _region(call: Call) -> str:
    return call.world.regions.of_host(call.request.headers.get("host", ""))


def _account(call: Call) -> str:
    account_id = call.request.headers.get("account")
    if not account_id:
        raise RegistryError(*unverified.ACCOUNT_MISSING)
    if account_id != call.caller.account_id:
        raise RegistryError.other_account()
    return account_id


def _resource_group(call: Call, account_id: str) -> ResourceGroup:
    """Return the resource group of X-Auth-Resource-Group, or the default one; the caller must be a viewer of it."""
    wanted = call.request.headers.get("x-auth-resource-group")
    group = call.session.get(ResourceGroup, wanted) if wanted else default_resource_group(call.session, account_id)
    if group is None or group.account_id != account_id:
        raise RegistryError(*unverified.RESOURCE_GROUP_ABSENT)
    target = authz.platform_target(account_id, roles.RESOURCE_GROUPS, resourceType="resource-group", resource=group.id)
    call.authorize(roles.READ_GROUP, target)
    return group
