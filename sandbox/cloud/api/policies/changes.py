"""What changes policies, whichever version of the API asked for it: the checks, and the rules about conflicts."""

from __future__ import annotations

import re

from sandbox.cloud.api.policies.showing import shown
from sandbox.cloud.core import limits, unverified
from sandbox.cloud.errors.policies import PolicyError
from sandbox.cloud.iam import access_groups, roles
from sandbox.cloud.iam.access_groups import AccessGroup
from sandbox.cloud.iam.custom_roles import custom_roles
from sandbox.cloud.iam.identities import ServiceId, is_service_id
from sandbox.cloud.iam.policies import ACTIVE, DELETED, Policy
from sandbox.cloud.iam.policy_body import ACCESS, AUTHORIZATION, PolicyBody
from sandbox.cloud.iam.profiles import PREFIX, Profile
from sandbox.cloud.serving.call import Call

_USER = re.compile(r"[A-Za-z0-9]+-[A-Za-z0-9][A-Za-z0-9@._-]*")
"""A user's IAM ID: the realm, such as IBMid, and the user there."""


def create(call: Call, body: PolicyBody, version: int) -> Policy:
    """Make a policy."""
    _check(call, body, "create", version)
    _refuse_too_many(call, body)
    policy = Policy.of(body, call.caller.account_id, call.now, call.caller.iam_id, version)
    _refuse_duplicate(call, policy)
    call.session.add(policy)
    call.made(policy.id)
    return policy


def replace(call: Call, policy: Policy, body: PolicyBody, version: int) -> None:
    """Give a policy another content; what v2 replaces is a v2 policy from then on."""
    _check(call, body, "update", version)
    call.check_tag(policy.etag, PolicyError, takes_any=False)
    if body.type != policy.document["type"]:
        raise PolicyError.malformed("the type of a policy can't be changed")
    refuse_locked(call, policy.iam_id)
    if body.resource.tags and not PolicyBody.of(policy.document).resource.tags:
        _refuse_too_many_tagged(call)
    policy.document, policy.meaning, policy.iam_id = body.document(), body.meaning(), body.subject_id
    _refuse_duplicate(call, policy)
    policy.version = max(policy.version, version)
    policy.touch(call.now, call.caller.iam_id)


def delete(call: Call, policy: Policy) -> None:
    """Delete a policy: it gives nothing any more, and stays readable with the state deleted."""
    call.authorize("iam.policy.delete", PolicyBody.of(policy.document).target())
    refuse_locked(call, policy.iam_id)
    policy.state = DELETED
    call.world.controls.delays.removed(policy.id, call.now)
    policy.touch(call.now, call.caller.iam_id)


def restore(call: Call, policy: Policy) -> None:
    """Make a deleted policy active again; one that is active stays as it is."""
    body = PolicyBody.of(policy.document)
    _check(call, body, "update", policy.version)
    call.check_tag(policy.etag, PolicyError, takes_any=False)
    if policy.state == ACTIVE:
        return
    _refuse_too_many(call, body)
    _refuse_duplicate(call, policy)
    policy.state = ACTIVE
    call.made(policy.id)
    policy.touch(call.now, call.caller.iam_id)


def find(call: Call) -> Policy:
    """Return the policy that the path names, also a deleted one.

    Raises:
        PolicyError: the account has none with this id.

    """
    return call.own(Policy, call.path("id"), PolicyError.absent(call.path("id")))


def find_active(call: Call, action: str) -> Policy:
    """Return the policy that the path names, for a caller who may do this to it.

    Raises:
        PolicyError: it isn't there, or is deleted.

    """
    policy = find(call)
    if policy.state == DELETED:
        error = PolicyError.absent(policy.id)
        error.status = unverified.DELETED_POLICY_STATUS
        raise error
    call.authorize(f"iam.policy.{action}", PolicyBody.of(policy.document).target())
    return policy


def may_read(call: Call, account_id: str) -> bool:
    """Tell whether the caller may read policies and roles: it holds any role with that right, on whatever resource."""
    if account_id != call.caller.account_id:
        return False
    return call.rights.is_owner or any(
        grant.gives(roles.READ_POLICY, service)
        for grant in call.rights.grants
        for service in (roles.REGISTRY, roles.ACCESS_MANAGEMENT)
    )


def refuse_locked(call: Call, iam_id: str) -> None:
    """Go on only if the subject isn't a locked service ID."""
    service_id = call.session.get(ServiceId, iam_id.removeprefix("iam-"))
    if service_id is not None and service_id.locked:
        raise PolicyError.locked(iam_id)


def _check(call: Call, body: PolicyBody, action: str, version: int) -> None:
    """See that the body's rules hold, its subject exists and the caller may grant what it grants."""
    account_id = call.caller.account_id
    if body.type == AUTHORIZATION and version != 1:
        raise PolicyError.malformed("policies of type authorization are made with /v1/policies")
    body.check(account_id, {role.crn for role in custom_roles(call.session, account_id)})
    call.authorize(f"iam.policy.{action}", body.target())
    if body.type == ACCESS and not exists(call, body.subject_id):
        kind = "access group" if body.is_for_group else "identity"
        raise PolicyError.malformed(f"there is no {kind} '{body.subject_id}' in the account")
    refuse_locked(call, body.subject_id)


def exists(call: Call, iam_id: str) -> bool:
    """Tell whether this subject exists: any user, whom IAM may not have met yet; a service ID, of whichever account."""
    if is_service_id(iam_id):
        return call.session.get(ServiceId, iam_id.removeprefix("iam-")) is not None
    if iam_id.startswith(access_groups.PREFIX):
        group = call.session.get(AccessGroup, iam_id)
        return group is not None and group.account_id == call.caller.account_id
    if iam_id.startswith(PREFIX):
        return call.session.first(Profile, iam_id=iam_id, account_id=call.caller.account_id) is not None
    return _USER.fullmatch(iam_id) is not None


def _refuse_too_many(call: Call, body: PolicyBody) -> None:
    _refuse_more_than(call, limits.POLICIES_PER_ACCOUNT)
    if body.subject_id:
        _refuse_more_than(call, limits.POLICIES_PER_SUBJECT, iam_id=body.subject_id)
    if body.resource.tags:
        _refuse_too_many_tagged(call)


def _refuse_too_many_tagged(call: Call) -> None:
    _refuse_more_than(call, limits.TAGGED_POLICIES, "json_extract(document, '$.resource.tags') NOT NULL")


def _refuse_more_than(call: Call, limit: int, where: str = "", **equal: str) -> None:
    if call.session.count(Policy, where, account_id=call.caller.account_id, state=ACTIVE, **equal) >= limit:
        raise PolicyError.too_many(limit)


def _refuse_duplicate(call: Call, policy: Policy) -> None:
    same = call.session.all(Policy, meaning=policy.meaning, account_id=policy.account_id, state=ACTIVE)
    other = next((each for each in same if each is not policy), None)
    if other is not None:
        raise PolicyError.conflict(other.etag, shown(call, other))
