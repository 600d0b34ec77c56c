"""The operations on trusted profiles: /v1/profiles."""

from __future__ import annotations

import uuid

import msgspec
from starlette.responses import Response

from sandbox.cloud.api.identity.paging import page, query_of
from sandbox.cloud.api.identity.versions import new_context
from sandbox.cloud.core import limits, unverified
from sandbox.cloud.core.answers import answer
from sandbox.cloud.core.clock import minutes_text
from sandbox.cloud.errors.identity import IdentityError
from sandbox.cloud.iam import authz, roles
from sandbox.cloud.iam.history import forget, shown_history
from sandbox.cloud.iam.policies import delete_policies_of
from sandbox.cloud.iam.profiles import Profile, forget_profile
from sandbox.cloud.serving.call import Call
from sandbox.cloud.serving.routing import Routes

routes = Routes(IdentityError)

PATH = "/v1/profiles"
ONE = PATH + "/{id}"
_FILTERS = ("name", "filter", "include_history")
_SORTS = ("name", "description", "created_at", "modified_at")


class ProfileBody(msgspec.Struct):
    """The body of a create or an update; in an update what is None stays as it is."""

    name: str | None = None
    account_id: str | None = None
    description: str | None = None
    email: str | None = None


@routes.on("POST", PATH)
def create(call: Call) -> Response:
    """Create a trusted profile, which nobody may assume yet."""
    body = call.json(ProfileBody)
    if not body.name:
        raise IdentityError.missing("name")
    if not body.account_id:
        raise IdentityError.missing("account_id")
    authorize(call, "create", body.account_id)
    if call.session.count(Profile, account_id=body.account_id) >= limits.PROFILES_PER_ACCOUNT:
        raise IdentityError.limit(f"The account holds {limits.PROFILES_PER_ACCOUNT} profiles, the most it may.")
    _refuse_duplicate(call, body.account_id, body.name)
    identifier = f"Profile-{uuid.uuid4()}"
    profile = Profile(
        id=identifier,
        iam_id=f"iam-{identifier}",
        account_id=body.account_id,
        name=body.name,
        description=body.description or None,
        email=body.email or None,
        created_by=call.caller.iam_id,
        created_at=call.now,
        modified_at=call.now,
    )
    call.session.add(profile)
    call.made(profile.id)
    call.record(profile.id, "create")
    return _answer(call, profile, 201)


@routes.on("GET", PATH)
def list_all(call: Call) -> Response:
    """List the profiles of an account, a page at a time."""
    query = query_of(call, call.query("account_id"), _FILTERS, _SORTS)
    if not query.account_id:
        raise IdentityError.missing("account_id")
    authorize(call, "get", query.account_id)
    rows, links = page(call, PATH, query, call.listed(Profile, query.order, **query.named, account_id=query.account_id))
    history = query.filters.get("include_history") == "true"
    found = [_shown(call, profile, history=history) for profile in rows]
    return answer({"context": new_context(call), **links, "profiles": found})


@routes.on("GET", ONE)
def get(call: Call) -> Response:
    """Return one profile."""
    return _answer(call, find(call, "get"))


@routes.on("PUT", ONE)
def update(call: Call) -> Response:
    """Change the name, the description or the e-mail address."""
    profile = find(call, "update")
    body = call.json(ProfileBody)
    call.check_tag(profile.entity_tag, IdentityError)
    if body.name == "":
        raise IdentityError.missing("name")
    if body.name is not None and body.name != profile.name:
        _refuse_duplicate(call, profile.account_id, body.name)
        profile.name = body.name
    if body.description is not None:
        profile.description = body.description or None
    if body.email is not None:
        profile.email = body.email or None
    profile.touch(call.now)
    call.record(profile.id, "update")
    return _answer(call, profile)


@routes.on("DELETE", ONE)
def delete(call: Call) -> Response:
    """Delete a profile with its links and rules; its policies stay as deleted ones."""
    profile = find(call, "delete")
    delete_policies_of(call.session, profile.iam_id, call.now, call.caller.iam_id)
    forget_profile(call.session, profile)
    forget(call.session, profile.id)
    return Response(status_code=204)


def find(call: Call, action: str) -> Profile:
    """Return the profile that the path names, if the caller may do this to it.

    Raises:
        IdentityError: the caller's account has none with this id.

    """
    identifier = call.path("id")
    profile = call.own(Profile, identifier, IdentityError.absent(f"Trusted profile {identifier}"))
    authorize(call, action, profile.account_id, profile.id)
    return profile


def authorize(call: Call, action: str, account_id: str, identifier: str | None = None) -> None:
    """Go on only if the caller may do this to one profile, or to all of the account."""
    resource = {"resourceType": "profile", "resource": identifier} if identifier else {}
    target = authz.platform_target(account_id, roles.IDENTITY, **resource)
    call.authorize(f"{roles.IDENTITY}.profile.{action}", target)


def _refuse_duplicate(call: Call, account_id: str, name: str) -> None:
    if call.session.first(Profile, account_id=account_id, name=name) is not None:
        raise IdentityError(*unverified.PROFILE_NAME_TAKEN)


def _answer(call: Call, profile: Profile, status: int = 200) -> Response:
    shown = {"context": new_context(call), **_shown(call, profile, history=call.flag("include_history"))}
    if call.flag("include_activity"):
        shown["activity"] = call.world.activity.shown(profile.iam_id)
    return answer(shown, status, {"ETag": profile.entity_tag})


def _shown(call: Call, profile: Profile, *, history: bool) -> dict[str, object]:
    shown: dict[str, object] = {
        "id": profile.id,
        "entity_tag": profile.entity_tag,
        "crn": profile.crn,
        "name": profile.name,
        "created_at": minutes_text(profile.created_at),
        "modified_at": minutes_text(profile.modified_at),
        "iam_id": profile.iam_id,
        "account_id": profile.account_id,
    }
    optional = {"description": profile.description, "email": profile.email}
    shown |= {name: value for name, value in optional.items() if value is not None}
    return shown | ({"history": shown_history(call.session, profile.id)} if history else {})
