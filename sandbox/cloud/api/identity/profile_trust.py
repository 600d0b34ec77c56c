"""Who and what may assume a trusted profile: /v1/profiles/{id}/identities, /links and /rules."""

from __future__ import annotations

import uuid
from typing import Literal, TypeVar

import msgspec
from starlette.responses import Response

from sandbox.cloud.api.identity.profiles import ONE, find
from sandbox.cloud.api.identity.versions import new_context
from sandbox.cloud.core.answers import answer
from sandbox.cloud.core.clock import minutes_text
from sandbox.cloud.errors.identity import IdentityError
from sandbox.cloud.iam.profiles import Profile, ProfileLink, ProfileRule, RuleCondition
from sandbox.cloud.serving.call import Call
from sandbox.cloud.serving.routing import Routes

routes = Routes(IdentityError)

_IDENTITIES, _LINKS, _RULES = (f"{ONE}/{name}" for name in ("identities", "links", "rules"))
_IDENTITY = _IDENTITIES + "/{type}/{identifier}"
_LINK, _RULE = _LINKS + "/{part}", _RULES + "/{part}"
_ON_CLUSTERS = ("IKS_SA", "ROKS_SA")
"""Compute resources that are told by namespace and name of a ServiceAccount."""

T = TypeVar("T", ProfileLink, ProfileRule)

ComputeType = Literal["VSI", "PVS", "BMS", "IKS_SA", "ROKS_SA", "CE"]
IdentityType = Literal["user", "serviceid", "crn"]


class IdentityBody(msgspec.Struct, omit_defaults=True):
    """An identity that may assume the profile; `identifier` is a user's IAM ID, a service ID's id, or a CRN."""

    identifier: str
    type: IdentityType
    iam_id: str = ""
    accounts: list[str] = []
    description: str = ""


class IdentitiesBody(msgspec.Struct):
    """All identities that may assume the profile."""

    identities: list[IdentityBody] = []


class LinkTarget(msgspec.Struct, omit_defaults=True):
    """A compute resource."""

    crn: str = ""
    namespace: str = ""
    name: str = ""
    component_type: str = ""
    component_name: str = ""


class LinkBody(msgspec.Struct):
    """The body of a link's create."""

    cr_type: ComputeType
    link: LinkTarget
    name: str | None = None


class RuleBody(msgspec.Struct):
    """The body of a claim rule's create or update."""

    type: Literal["Profile-SAML", "Profile-CR"]
    conditions: list[RuleCondition]
    name: str | None = None
    realm_name: str | None = None
    cr_type: ComputeType | None = None
    expiration: int = 3600


@routes.on("GET", _IDENTITIES)
def list_identities(call: Call) -> Response:
    """List the identities that may assume the profile."""
    return _answer_identities(find(call, "get"))


@routes.on("PUT", _IDENTITIES)
def set_identities(call: Call) -> Response:
    """Replace the identities that may assume the profile."""
    profile = find(call, "update")
    call.check_tag(profile.entity_tag, IdentityError)
    _trust(call, profile, {each.iam_id: each for each in map(_known, call.json(IdentitiesBody).identities)})
    return _answer_identities(profile)


@routes.on("POST", _IDENTITIES + "/{type}")
def add_identity(call: Call) -> Response:
    """Let one more identity assume the profile."""
    profile, body = find(call, "update"), _known(call.json(IdentityBody))
    if body.type != call.path("type"):
        raise IdentityError.malformed(f"type must be {call.path('type')}, as in the path")
    held = {each.iam_id: each for each in msgspec.convert(profile.identities(), list[IdentityBody])}
    _trust(call, profile, held | {body.iam_id: body})
    return answer(body)


@routes.on("GET", _IDENTITY)
def get_identity(call: Call) -> Response:
    """Return one identity that may assume the profile."""
    return answer(_trusted(call, find(call, "get")))


@routes.on("DELETE", _IDENTITY)
def remove_identity(call: Call) -> Response:
    """Let an identity no longer assume the profile."""
    profile = find(call, "update")
    gone = _trusted(call, profile)
    held = msgspec.convert(profile.identities(), list[IdentityBody])
    _trust(call, profile, {each.iam_id: each for each in held if each != gone})
    return Response(status_code=204)


@routes.on("POST", _LINKS)
def create_link(call: Call) -> Response:
    """Link a compute resource to the profile."""
    profile, body = find(call, "update"), call.json(LinkBody)
    if body.cr_type in _ON_CLUSTERS and not (body.link.namespace and body.link.name):
        raise IdentityError.missing("link.namespace, link.name")
    if not body.link.crn:
        raise IdentityError.missing("link.crn")
    link = ProfileLink(
        id=f"link-{uuid.uuid4()}",
        account_id=profile.account_id,
        profile_id=profile.id,
        name=body.name,
        cr_type=body.cr_type,
        link=msgspec.to_builtins(body.link),
        created_by=call.caller.iam_id,
        created_at=call.now,
        modified_at=call.now,
    )
    _add(call, profile, link)
    return answer(_shown_link(link), 201)


@routes.on("GET", _LINKS)
def list_links(call: Call) -> Response:
    """List the profile's links."""
    return answer({"links": [_shown_link(each) for each in _parts(call, find(call, "get"), ProfileLink)]})


@routes.on("GET", _LINK)
def get_link(call: Call) -> Response:
    """Return one link."""
    return answer(_shown_link(_part(call, find(call, "get"), ProfileLink)))


@routes.on("DELETE", _LINK)
def delete_link(call: Call) -> Response:
    """Remove a link."""
    return _remove(call, ProfileLink)


@routes.on("DELETE", _LINKS)
def delete_link_by_parameters(call: Call) -> Response:
    """Remove the link that the query describes."""
    profile = find(call, "update")
    told = {name: call.query(name) for name in LinkTarget.__struct_fields__}
    wanted = {name: value for name, value in told.items() if value}
    for link in _parts(call, profile, ProfileLink):
        if link.cr_type == call.query("type") and wanted.items() <= link.link.items():
            call.session.delete(link)
            return Response(status_code=204)
    raise IdentityError.absent("Link")


@routes.on("POST", _RULES)
def create_rule(call: Call) -> Response:
    """Add a claim rule."""
    profile = find(call, "update")
    body = call.json(RuleBody)
    rule = ProfileRule(
        id=f"ClaimRule-{uuid.uuid4()}",
        account_id=profile.account_id,
        profile_id=profile.id,
        name=body.name,
        type=body.type,
        realm_name=body.realm_name,
        cr_type=body.cr_type,
        expiration=body.expiration,
        conditions=_stored(body),
        created_by=call.caller.iam_id,
        created_at=call.now,
        modified_at=call.now,
    )
    _add(call, profile, rule)
    return _answer_rule(rule, 201)


@routes.on("GET", _RULES)
def list_rules(call: Call) -> Response:
    """List the profile's claim rules."""
    found = _parts(call, find(call, "get"), ProfileRule)
    return answer({"context": new_context(call), "rules": [_shown_rule(each) for each in found]})


@routes.on("GET", _RULE)
def get_rule(call: Call) -> Response:
    """Return one claim rule."""
    return _answer_rule(_part(call, find(call, "get"), ProfileRule))


@routes.on("PUT", _RULE)
def update_rule(call: Call) -> Response:
    """Replace a claim rule."""
    rule, body = _part(call, find(call, "update"), ProfileRule), call.json(RuleBody)
    call.check_tag(rule.entity_tag, IdentityError)
    rule.name, rule.type, rule.realm_name, rule.cr_type = body.name, body.type, body.realm_name, body.cr_type
    rule.expiration, rule.conditions = body.expiration, _stored(body)
    rule.touch(call.now)
    return _answer_rule(rule)


@routes.on("DELETE", _RULE)
def delete_rule(call: Call) -> Response:
    """Remove a claim rule."""
    return _remove(call, ProfileRule)


def _known(body: IdentityBody) -> IdentityBody:
    """Return an identity with its IAM ID, which follows from what names it."""
    prefix = {"user": "", "serviceid": "iam-", "crn": "crn-"}[body.type]
    body.iam_id = f"{prefix}{body.identifier.removeprefix(prefix)}"
    return body


def _trust(call: Call, profile: Profile, identities: dict[str, IdentityBody]) -> None:
    profile.trusted = msgspec.to_builtins(identities)
    profile.touch(call.now)
    call.record(profile.id, "update")


def _trusted(call: Call, profile: Profile) -> IdentityBody:
    wanted = _known(call.read({name: call.path(name) for name in ("type", "identifier")}, IdentityBody))
    if wanted.iam_id not in profile.trusted:
        raise IdentityError.absent(f"Identity {wanted.identifier}")
    return msgspec.convert(profile.trusted[wanted.iam_id], IdentityBody)


def _answer_identities(profile: Profile) -> Response:
    content = {"entity_tag": profile.entity_tag, "identities": profile.identities()}
    return answer(content, headers={"ETag": profile.entity_tag})


def _add(call: Call, profile: Profile, part: ProfileLink | ProfileRule) -> None:
    call.session.add(part)
    call.record(profile.id, "update")


def _parts(call: Call, profile: Profile, table: type[T]) -> list[T]:
    return call.session.all(table, order="created_at", profile_id=profile.id)


def _part(call: Call, profile: Profile, table: type[T]) -> T:
    found = call.session.get(table, call.path("part"))
    if found is None or found.profile_id != profile.id:
        raise IdentityError.absent(call.path("part"))
    return found


def _remove(call: Call, table: type[T]) -> Response:
    profile = find(call, "update")
    call.session.delete(_part(call, profile, table))
    call.record(profile.id, "update")
    return Response(status_code=204)


def _stored(body: RuleBody) -> dict[str, object]:
    return {"conditions": msgspec.to_builtins(body.conditions)}


def _shown_link(link: ProfileLink) -> dict[str, object]:
    named = {} if link.name is None else {"name": link.name}
    return {**_shown(link), **named, "cr_type": link.cr_type, "link": link.link}


def _shown_rule(rule: ProfileRule) -> dict[str, object]:
    optional = {"name": rule.name, "realm_name": rule.realm_name, "cr_type": rule.cr_type}
    told = {name: value for name, value in optional.items() if value is not None}
    return {**_shown(rule), **told, "type": rule.type, "expiration": rule.expiration, **rule.conditions}


def _shown(part: ProfileLink | ProfileRule) -> dict[str, object]:
    times = {"created_at": minutes_text(part.created_at), "modified_at": minutes_text(part.modified_at)}
    return {"id": part.id, "entity_tag": part.entity_tag, **times}


def _answer_rule(rule: ProfileRule, status: int = 200) -> Response:
    return answer(_shown_rule(rule), status, {"ETag": rule.entity_tag})
