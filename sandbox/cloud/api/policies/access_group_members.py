"""The operations on the members of access groups: /v2/groups/{id}/members, and those on one member's groups."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

import msgspec
from starlette.responses import Response

from sandbox.cloud.api.policies.access_groups import ONE, PATH, account, authorize, find, page
from sandbox.cloud.api.policies.changes import exists
from sandbox.cloud.core import unverified
from sandbox.cloud.core.answers import answer
from sandbox.cloud.core.clock import millis_text
from sandbox.cloud.errors.policies import PolicyError
from sandbox.cloud.iam.access_groups import AccessGroup, Membership
from sandbox.cloud.serving.call import Call
from sandbox.cloud.serving.routing import Routes

routes = Routes(PolicyError)

_ALL = PATH + "/_allgroups/members/{iam_id}"
_MEMBERS = ONE + "/members"
_MEMBER = _MEMBERS + "/{iam_id}"
_KINDS = {"iam-ServiceId-": "service", "iam-Profile-": "profile"}
"""Start of an IAM ID -> what a member of that kind is called; all others are users."""

MemberType = Literal["user", "service", "profile"]


class Member(msgspec.Struct):
    """Who is to be a member."""

    iam_id: str
    type: MemberType


class MembersBody(msgspec.Struct):
    """Who are to be members."""

    members: list[Member]


class RemovedBody(msgspec.Struct):
    """Who are to be members no more."""

    members: list[str]


class JoinBody(msgspec.Struct):
    """The groups that one member joins."""

    type: MemberType
    groups: list[str]


# These come first: the paths below fit theirs too.
@routes.on("PUT", _ALL)
def add_to_several(call: Call) -> Response:
    """Add one member to several groups; the answer tells of each."""
    account_id, body, iam_id = account(call), call.json(JoinBody), call.path("iam_id")
    authorize(call, "members.add", account_id)
    held = {group.id: group for group in _groups(call, account_id, body.groups)}
    joined = [
        {"access_group_id": each, "status_code": _join(call, held[each], iam_id, body.type)["status_code"]}
        if each in held
        else {"access_group_id": each, "status_code": 404, "errors": [_error(unverified.ACCESS_GROUP_ABSENT)]}
        for each in body.groups
    ]
    return answer({"iam_id": iam_id, "groups": joined}, 207)


@routes.on("DELETE", _ALL)
def remove_from_all(call: Call) -> Response:
    """Remove a member from every group of the account that it is in."""
    account_id, iam_id = account(call), call.path("iam_id")
    authorize(call, "members.delete", account_id)
    joined = [each.group_id for each in call.session.all(Membership, iam_id=iam_id)]
    left = [{"access_group_id": each.id, **_leave(call, each.id, iam_id)} for each in _groups(call, account_id, joined)]
    return answer({"iam_id": iam_id, "groups": left}, 207)


@routes.on("GET", _MEMBERS)
def list_members(call: Call) -> Response:
    """List the members of a group."""
    call.refuse_queries("verbose")
    group = find(call, "members.list")
    kind = {"type": kind} if (kind := call.query("type")) else {}
    found = call.session.all(Membership, order="created_at, iam_id", group_id=group.id, **kind)
    if call.query("membership_type") == "dynamic":
        found = []
    return page(call, "members", [{**_shown_member(each), "membership_type": "static"} for each in found])


@routes.on("PUT", _MEMBERS)
def add(call: Call) -> Response:
    """Add members; the answer tells of each whether it became one."""
    group = find(call, "members.add")
    given = call.json(MembersBody).members
    return answer({"members": [_join(call, group, each.iam_id, each.type) for each in given]}, 207)


@routes.on("POST", _MEMBERS + "/delete")
def remove_some(call: Call) -> Response:
    """Remove members; the answer tells of each whether it was one."""
    group = find(call, "members.delete")
    given = call.json(RemovedBody).members
    left = [{"iam_id": iam_id, **_leave(call, group.id, iam_id)} for iam_id in given]
    return answer({"access_group_id": group.id, "members": left}, 207)


@routes.on("HEAD", _MEMBER)
def is_member(call: Call) -> Response:
    """Tell by 204 or 404 whether an identity is a member."""
    group = find(call, "members.read")
    return Response(status_code=204 if call.session.get(Membership, group.id, call.path("iam_id")) else 404)


@routes.on("DELETE", _MEMBER)
def remove_one(call: Call) -> Response:
    """Remove one member."""
    group = find(call, "members.delete")
    if _leave(call, group.id, call.path("iam_id"))["status_code"] != 204:
        raise PolicyError(*unverified.ACCESS_GROUP_MEMBER_ABSENT)
    return Response(status_code=204)


def _groups(call: Call, account_id: str, ids: Collection[str]) -> list[AccessGroup]:
    return call.session.all(AccessGroup, order="created_at", account_id=account_id, id=ids)


def _join(call: Call, group: AccessGroup, iam_id: str, kind: str) -> dict[str, object]:
    expected = next((kind for start, kind in _KINDS.items() if iam_id.startswith(start)), "user")
    told: dict[str, object] = {"iam_id": iam_id, "type": kind}
    if kind != expected or not exists(call, iam_id):
        return told | {"status_code": 400, "errors": [_error(unverified.ACCESS_GROUP_MEMBER_UNKNOWN)]}
    held = call.session.get(Membership, group.id, iam_id)
    if held is None:
        held = Membership(
            group_id=group.id, iam_id=iam_id, type=kind, created_at=call.now, created_by_id=call.caller.iam_id
        )
        call.session.add(held)
    return _shown_member(held) | {"status_code": 200}


def _leave(call: Call, group_id: str, iam_id: str) -> dict[str, object]:
    held = call.session.get(Membership, group_id, iam_id)
    if held is None:
        return {"status_code": 404, "errors": [_error(unverified.ACCESS_GROUP_MEMBER_ABSENT)]}
    call.session.delete(held)
    return {"status_code": 204}


def _error(answer: tuple[int, str, str]) -> dict[str, str]:
    return {"code": answer[1], "message": answer[2]}


def _shown_member(member: Membership) -> dict[str, object]:
    return {
        "iam_id": member.iam_id,
        "type": member.type,
        "created_at": millis_text(member.created_at),
        "created_by_id": member.created_by_id,
    }
