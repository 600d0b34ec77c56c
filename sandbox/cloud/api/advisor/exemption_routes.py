"""Vulnerability Advisor's exemptions (/va/api/v4/exempt and /va/api/v4/exemptions)."""

from __future__ import annotations

import re

from starlette.responses import Response

from sandbox.cloud.advisor.scans import CONFIGURATION, CVE, NOTICE, Exemption, delete_exemptions, exemptions_of
from sandbox.cloud.api.registry.scope import Scope, split
from sandbox.cloud.core import unverified
from sandbox.cloud.core.answers import answer
from sandbox.cloud.errors.registry import RegistryError
from sandbox.cloud.serving.call import Call
from sandbox.cloud.serving.routing import Routes

routes = Routes(RegistryError)

_EXEMPT, _EXEMPTIONS = "/va/api/v4/exempt", "/va/api/v4/exemptions"
_ISSUE = "/issue/{type}/{id}"

_TYPES = {
    CVE: ("CVE", r"^CVE-\d{4}-\d{4,}$"),
    NOTICE: ("Security Notice", r"^[A-Za-z0-9][A-Za-z0-9:._-]*$"),
    CONFIGURATION: ("Configuration Issue", r"^[A-Za-z0-9][A-Za-z0-9:._-]*$"),
}
"""Issue type -> its name for people and the form of its ids."""


@routes.on("GET", _EXEMPT + "/types")
def types(call: Call) -> Response:
    """List the types of issue that can be exempt; any caller may."""
    del call
    return answer(
        [
            {"display_name": name, "identifier": kind, "translationKey": kind, "validation_regex": form}
            for kind, (name, form) in _TYPES.items()
        ]
    )


@routes.on("GET", _EXEMPT + "/image")
def list_for_account(call: Call) -> Response:
    """List the exemptions that hold for the whole account."""
    scope = _account(call, "exemption.list")
    return answer([_shown(each) for each in exemptions_of(call.session, scope.region, scope.account_id, [""])])


@routes.on("GET", _EXEMPT + "/image" + _ISSUE)
def get_for_account(call: Call) -> Response:
    """Return an exemption for the account."""
    return answer(_shown(_find(_account(call, "exemption.list"), "")))


@routes.on("POST", _EXEMPT + "/image" + _ISSUE)
def create_for_account(call: Call) -> Response:
    """Add an exemption for the account."""
    return answer(_shown(_create(_account(call, "exemption.manager"), "")), 201)


@routes.on("DELETE", _EXEMPT + "/image" + _ISSUE)
def delete_for_account(call: Call) -> Response:
    """Remove an exemption for the account."""
    call.session.delete(_find(_account(call, "exemption.manager"), ""))
    return answer({})


@routes.on("GET", _EXEMPT + "/image/{resource}")
def list_for_resource(call: Call) -> Response:
    """List the exemptions for exactly this resource."""
    scope, resource = _resource(call)
    return answer([_shown(each) for each in exemptions_of(call.session, scope.region, scope.account_id, [resource])])


@routes.on("GET", _EXEMPT + "/image/{resource}" + _ISSUE)
def get_for_resource(call: Call) -> Response:
    """Return an exemption for a resource."""
    return answer(_shown(_find(*_resource(call))))


@routes.on("POST", _EXEMPT + "/image/{resource}" + _ISSUE)
def create_for_resource(call: Call) -> Response:
    """Add an exemption for a resource, which needn't exist yet."""
    scope = _account(call, "exemption.manager")
    return answer(_shown(_create(scope, _name(scope, call.path("resource")))), 201)


@routes.on("DELETE", _EXEMPT + "/image/{resource}" + _ISSUE)
def delete_for_resource(call: Call) -> Response:
    """Remove an exemption for a resource."""
    scope = _account(call, "exemption.manager")
    call.session.delete(_find(scope, _name(scope, call.path("resource"))))
    return answer({})


@routes.on("GET", _EXEMPTIONS + "/account")
def list_all(call: Call) -> Response:
    """List all exemptions of the account, whatever they are for."""
    scope = _account(call, "exemption.list")
    return answer([_shown(each) for each in exemptions_of(call.session, scope.region, scope.account_id)])


@routes.on("POST", _EXEMPTIONS + "/deleteAll")
def delete_all(call: Call) -> Response:
    """Remove all exemptions of the account."""
    scope = _account(call, "exemption.manager")
    count = delete_exemptions(call.session, scope.region, scope.account_id)
    return answer({"number_of_exemptions_deleted": count})


@routes.on("GET", _EXEMPTIONS + "/image/{resource}")
def list_holding(call: Call) -> Response:
    """List what holds for a resource: its own exemptions and those of all that it is part of."""
    scope, resource = _resource(call)
    with_scope = call.flag("includeScope")
    return answer([_shown(each, with_scope=with_scope) for each in _holding(scope, resource)])


@routes.on("POST", _EXEMPTIONS + "/images")
def list_for_images(call: Call) -> Response:
    """List what holds for each of several images."""
    scope, found = Scope.of(call), dict[str, list[dict[str, object]]]()
    for name in call.json(list[str]):
        resource = _name(scope, name)
        scope.authorize(resource.partition("/")[0], "exemption.list")
        found[name] = [_shown(each) for each in _holding(scope, resource)]
    return answer(found)


def _account(call: Call, action: str) -> Scope:
    scope = Scope.of(call)
    scope.authorize_account(action)
    return scope


def _resource(call: Call) -> tuple[Scope, str]:
    """Return the resource that the path names, if the caller may list its exemptions."""
    scope = Scope.of(call)
    resource = _name(scope, call.path("resource"))
    scope.authorize(re.split("[/:@]", resource)[0], "exemption.list")
    return scope, resource


def _name(scope: Scope, text: str) -> str:
    """Return a resource's name without the host."""
    repository, tag, digest = split(scope, text)
    return repository + (f"@{digest}" if digest else f":{tag}" if tag else "")


def _holding(scope: Scope, resource: str) -> list[Exemption]:
    repository = re.split("[:@]", resource)[0]
    resources = {"", repository.partition("/")[0], repository, resource}
    return exemptions_of(scope.call.session, scope.region, scope.account_id, resources)


def _issue(scope: Scope) -> tuple[str, str]:
    """Return type and id of the issue that the path names.

    Raises:
        RegistryError: there is no such type, or the id hasn't its form.

    """
    kind, issue = scope.call.path("type"), scope.call.path("id")
    if kind not in _TYPES:
        raise RegistryError.malformed(f"The issue type is one of {', '.join(_TYPES)}, not '{kind}'.")
    if not re.fullmatch(_TYPES[kind][1].strip("^$"), issue):
        raise RegistryError.malformed(f"'{issue}' hasn't the form {_TYPES[kind][1]}.")
    return kind, issue


def _find(scope: Scope, resource: str) -> Exemption:
    found = scope.call.session.get(Exemption, scope.region, scope.account_id, resource, *_issue(scope))
    if found is None:
        raise RegistryError(*unverified.EXEMPTION_ABSENT)
    return found


def _create(scope: Scope, resource: str) -> Exemption:
    kind, issue = _issue(scope)
    key = (scope.region, scope.account_id, resource, kind, issue)
    found = scope.call.session.get(Exemption, *key)
    if found is None:
        found = Exemption(
            region=scope.region, account_id=scope.account_id, resource=resource, issue_type=kind, issue_id=issue
        )
        scope.call.session.add(found)
    return found


def _shown(exemption: Exemption, *, with_scope: bool = True) -> dict[str, object]:
    shown: dict[str, object] = {
        "account_id": exemption.account_id,
        "issue_id": exemption.issue_id,
        "issue_type": exemption.issue_type,
    }
    return shown | {"scope": _scope(exemption.resource)} if with_scope else shown


def _scope(resource: str) -> dict[str, str]:
    if not resource:
        return {"scope_type": "account"}
    repository, mark, tag = resource.partition("@") if "@" in resource else resource.partition(":")
    namespace, slash, name = repository.partition("/")
    if not slash:
        return {"scope_type": "namespace", "namespace": namespace}
    place = {"namespace": namespace, "repository": name}
    return {"scope_type": "image", **place, "tag": tag} if mark else {"scope_type": "repository", **place}
