"""The operations on access groups: /v2/groups."""

from __future__ import annotations

import uuid
from urllib.parse import urlencode

import msgspec
from starlette.responses import Response

from sandbox.cloud.core import limits, unverified
from sandbox.cloud.core.answers import answer
from sandbox.cloud.core.clock import millis_text
from sandbox.cloud.core.tags import next_tag
from sandbox.cloud.errors.policies import PolicyError
from sandbox.cloud.iam import authz, roles
from sandbox.cloud.iam.access_groups import PREFIX, AccessGroup, Membership
from sandbox.cloud.iam.policies import delete_policies_of
from sandbox.cloud.serving.call import Call
from sandbox.cloud.serving.routing import Routes

routes = Routes(PolicyError)

PATH = "/v2/groups"
ONE = PATH + "/{id}"
_SORTS = ("id", "name", "description")


class GroupBody(msgspec.Struct):
    """The body of a create or an update; in an update what is None stays as it is."""

    name: str | None = None
    description: str | None = None


@routes.on("POST", PATH)
def create(call: Call) -> Response:
    """Create an access group without members."""
    account_id, body = account(call), call.json(GroupBody)
    authorize(call, "groups.create", account_id)
    if not body.name:
        raise PolicyError.malformed("name is missing or empty")
    _refuse_duplicate(call, account_id, body.name)
    if call.session.count(AccessGroup, account_id=account_id) >= limits.ACCESS_GROUPS_PER_ACCOUNT:
        raise PolicyError.too_many(limits.ACCESS_GROUPS_PER_ACCOUNT)
    group = AccessGroup(
        id=f"{PREFIX}{uuid.uuid4()}",
        account_id=account_id,
        name=body.name,
        description=body.description or None,
        created_at=call.now,
        created_by_id=call.caller.iam_id,
        last_modified_at=call.now,
        last_modified_by_id=call.caller.iam_id,
    )
    call.session.add(group)
    call.made(group.id)
    return _answer(call, group, 201)


@routes.on("GET", PATH)
def list_all(call: Call) -> Response:
    """List the access groups of an account, or those that one identity is a member of."""
    call.refuse_queries("search", "show_federated", "membership_type")
    account_id = account(call)
    authorize(call, "groups.list", account_id)
    sort = call.query("sort") or "name"
    if sort.removeprefix("-") not in _SORTS:
        raise PolicyError.malformed(f"sort must be one of {', '.join(_SORTS)}")
    order = f"{sort.removeprefix('-')}{' DESC' if sort.startswith('-') else ''}, id"
    found = call.listed(AccessGroup, order, account_id=account_id)
    if member := call.query("iam_id"):
        joined = {each.group_id for each in call.session.all(Membership, iam_id=member)}
        found = [group for group in found if group.id in joined]
    return page(call, "groups", [_shown(call, group) for group in found])


@routes.on("GET", ONE)
def get(call: Call) -> Response:
    """Return one access group."""
    call.refuse_queries("show_federated")
    return _answer(call, find(call, "groups.read"))


@routes.on("PATCH", ONE)
def update(call: Call) -> Response:
    """Change the name or the description."""
    group, body = find(call, "groups.update"), call.json(GroupBody)
    call.check_tag(group.etag, PolicyError, takes_any=False)
    if body.name is not None and body.name != group.name:
        if not body.name:
            raise PolicyError.malformed("name is empty")
        _refuse_duplicate(call, group.account_id, body.name)
        group.name = body.name
    if body.description is not None:
        group.description = body.description or None
    group.last_modified_at, group.last_modified_by_id = call.now, call.caller.iam_id
    group.etag = next_tag(group.etag)
    return _answer(call, group)


@routes.on("DELETE", ONE)
def remove(call: Call) -> Response:
    """Delete a group with its policies; one with members only by force."""
    group = find(call, "groups.delete")
    if call.session.count(Membership, group_id=group.id) and not call.flag("force"):
        raise PolicyError(*unverified.ACCESS_GROUP_HAS_MEMBERS)
    call.session.forget(Membership, group_id=group.id)
    delete_policies_of(call.session, group.id, call.now, call.caller.iam_id)
    call.session.delete(group)
    return Response(status_code=204)


def find(call: Call, action: str) -> AccessGroup:
    """Return the group that the path names, if the caller may do this to it.

    Raises:
        PolicyError: the caller's account has none with this id.

    """
    group = call.own(AccessGroup, call.path("id"), PolicyError(*unverified.ACCESS_GROUP_ABSENT))
    authorize(call, action, group.account_id, group.id)
    return group


def account(call: Call) -> str:
    """Return the account that the query names.

    Raises:
        PolicyError: it names none.

    """
    account_id = call.query("account_id")
    if account_id is None:
        raise PolicyError.missing_query("account_id")
    return account_id


def authorize(call: Call, action: str, account_id: str, identifier: str | None = None) -> None:
    """Go on only if the caller may do this to one group, or to all of the account."""
    resource = {"resourceType": "access-group", "resource": identifier} if identifier else {}
    call.authorize(f"{roles.GROUPS}.{action}", authz.platform_target(account_id, roles.GROUPS, **resource))


def _refuse_duplicate(call: Call, account_id: str, name: str) -> None:
    if call.session.count(AccessGroup, account_id=account_id, name=name):
        raise PolicyError(*unverified.ACCESS_GROUP_NAME_TAKEN)


def _answer(call: Call, group: AccessGroup, status: int = 200) -> Response:
    return answer(_shown(call, group), status, {"ETag": group.etag})


def _shown(call: Call, group: AccessGroup) -> dict[str, object]:
    shown: dict[str, object] = {
        "id": group.id,
        "name": group.name,
        **({"description": group.description} if group.description else {}),
        "account_id": group.account_id,
        "created_at": millis_text(group.created_at),
        "created_by_id": group.created_by_id,
        "last_modified_at": millis_text(group.last_modified_at),
        "last_modified_by_id": group.last_modified_by_id,
        "href": f"{call.base_url}{PATH}/{group.id}",
        "is_federated": False,
    }
    return shown | ({"crn": group.crn} if call.flag("show_crn") else {})


def page(call: Call, name: str, found: list[dict[str, object]]) -> Response:
    """Answer with one page of a list."""
    window = {"limit": limits.ACCESS_GROUP_PAGE, "offset": 0}
    for key, least in (("limit", 1), ("offset", 0)):
        if text := call.query(key):
            if not text.isdecimal() or int(text) < least or (key == "limit" and int(text) > limits.ACCESS_GROUP_PAGE):
                raise PolicyError.malformed(f"{key} is not one that a list takes")
            window[key] = int(text)
    limit, offset, total = window["limit"], window["offset"], len(found)
    path = f"{call.base_url}{call.request.scope['path']}"
    last = max(0, (total - 1) // limit * limit)

    def link(start: int) -> dict[str, str]:
        query = {k: v for k, v in call.request.query_params.items() if k not in window}
        return {"href": f"{path}?{urlencode(query | {'limit': str(limit), 'offset': str(start)})}"}

    links = {"first": link(0), "last": link(last)}
    links |= {"previous": link(max(0, offset - limit))} if offset else {}
    links |= {"next": link(offset + limit)} if offset + limit < total else {}
    return answer({**window, "total_count": total, **links, name: found[offset : offset + limit]})
