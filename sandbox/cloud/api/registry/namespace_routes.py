"""The operations on namespaces (/api/v1/namespaces) and messages. The region is the one that the Host header means."""

from __future__ import annotations

from starlette.responses import Response

from sandbox.cloud.api.registry.scope import Scope
from sandbox.cloud.core import limits, unverified
from sandbox.cloud.core.answers import answer
from sandbox.cloud.core.clock import millis_text
from sandbox.cloud.errors.registry import RegistryError
from sandbox.cloud.iam import authz, roles
from sandbox.cloud.iam.accounts import ResourceGroup, default_resource_group
from sandbox.cloud.registry.images import Image
from sandbox.cloud.registry.namespaces import NAME_RULE, Namespace, is_legal
from sandbox.cloud.registry.retention import Retention
from sandbox.cloud.serving.call import Call
from sandbox.cloud.serving.routing import Routes

routes = Routes(RegistryError)

_PATH = "/api/v1/namespaces"
_ONE = _PATH + "/{name}"


@routes.on("GET", _PATH)
def list_names(call: Call) -> Response:
    """List the names of the namespaces that the caller may list."""
    return answer(Scope.of(call).names(action="namespace.list"))


@routes.on("GET", _PATH + "/details")
def list_details(call: Call) -> Response:
    """List the namespaces that the caller may list."""
    return answer([_shown(namespace) for namespace in Scope.of(call).permitted("namespace.list")])


@routes.on("PUT", _ONE)
def create(call: Call) -> Response:
    """Add a namespace: 201, or 200 for one that the account has already."""
    scope, name = Scope.of(call), call.path("name")
    scope.authorize_account("namespace.create")
    if not is_legal(name):
        raise RegistryError(*unverified.NAMESPACE_NAME, NAME_RULE)
    found = call.session.get(Namespace, scope.region, name)
    if found is not None and found.account_id != scope.account_id:
        raise RegistryError(*unverified.NAMESPACE_TAKEN)
    if found is not None:
        return answer({"namespace": name})
    group = _resource_group(call, scope.account_id)
    if call.session.count(Namespace, region=scope.region, account_id=scope.account_id) >= limits.NAMESPACES_PER_REGION:
        text = f"The account has {limits.NAMESPACES_PER_REGION} namespaces in this region, the most it may."
        raise RegistryError(*unverified.NAMESPACE_LIMIT, text)
    call.session.add(
        Namespace(
            region=scope.region,
            name=name,
            account_id=scope.account_id,
            resource_group_id=group.id,
            is_assigned="x-auth-resource-group" in call.request.headers,
            created_at=call.now,
            resource_created_at=call.now,
            updated_at=call.now,
        )
    )
    call.made(f"{scope.region}/{name}")
    return answer({"namespace": name}, 201)


@routes.on("PATCH", _ONE)
def assign(call: Call) -> Response:
    """Put a namespace into a resource group; one that was put into a group stays there."""
    scope, name = Scope.of(call), call.path("name")
    scope.authorize_account("namespace.create")
    found = _own(scope, name)
    if not call.request.headers.get("x-auth-resource-group"):
        raise RegistryError.malformed("The header X-Auth-Resource-Group is missing.")
    group = _resource_group(call, scope.account_id)
    if found.resource_group_id and found.is_assigned and group.id != found.resource_group_id:
        raise RegistryError(*unverified.RESOURCE_GROUP_SET)
    found.resource_group_id, found.is_assigned = group.id, True
    found.resource_created_at = found.updated_at = call.now
    return answer({"namespace": name})


@routes.on("DELETE", _ONE, settle=True)
def delete(call: Call) -> Response:
    """Remove a namespace and, for good, all its images."""
    scope, name = Scope.of(call), call.path("name")
    scope.authorize_account("namespace.delete")
    found = _own(scope, name)
    for image in call.session.all(Image, region=scope.region, namespace=name):
        call.world.keeper.agenda.erase(call.session, image)
    call.session.forget(Retention, region=scope.region, namespace=name)
    call.session.delete(found)
    return Response(status_code=204)


@routes.on("GET", "/api/v1/messages", public=True)
def messages(call: Call) -> Response:
    """Return the registry's announcements: there are none."""
    del call
    return Response(status_code=204)


def _own(scope: Scope, name: str) -> Namespace:
    found = scope.call.session.get(Namespace, scope.region, name)
    if found is None or found.account_id != scope.account_id:
        raise RegistryError(*unverified.NAMESPACE_ABSENT)
    return found


def _shown(namespace: Namespace) -> dict[str, object]:
    shown: dict[str, object] = {
        "account": namespace.account_id,
        "created_date": millis_text(namespace.created_at),
        "name": namespace.name,
        "updated_date": millis_text(namespace.updated_at),
    }
    if namespace.resource_group_id:
        shown["crn"] = namespace.crn
        shown["resource_created_date"] = millis_text(namespace.resource_created_at)
        shown["resource_group"] = namespace.resource_group_id
    return shown


def _resource_group(call: Call, account_id: str) -> ResourceGroup:
    """Return the resource group of X-Auth-Resource-Group, or the default one; the caller must be a viewer of it."""
    wanted = call.request.headers.get("x-auth-resource-group")
    group = call.session.get(ResourceGroup, wanted) if wanted else default_resource_group(call.session, account_id)
    if group is None or group.account_id != account_id:
        raise RegistryError(*unverified.RESOURCE_GROUP_ABSENT)
    target = authz.platform_target(account_id, roles.RESOURCE_GROUPS, resourceType="resource-group", resource=group.id)
    call.authorize(roles.READ_GROUP, target)
    return group
