"""Token grants for trusted profiles: who the profile trusts gets a token of the profile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from base.errors import SandboxError
from sandbox.cloud.core import unverified
from sandbox.cloud.errors.base import InvalidTokenError
from sandbox.cloud.errors.identity import TokenError
from sandbox.cloud.iam.clusters import NotEligibleError
from sandbox.cloud.iam.identities import Caller
from sandbox.cloud.iam.interaction import may_interact, refusal
from sandbox.cloud.iam.profiles import Profile
from sandbox.cloud.iam.tokens import GRANTS, Identity
from sandbox.cloud.serving.call import Call

CONTAINER = f"{GRANTS}cr-token"
ASSUME = f"{GRANTS}assume"


def assume(call: Call, grant: str, form: Mapping[str, str]) -> Identity:
    """Return whom a grant for a trusted profile gives a token for.

    A compute resource's token comes with `profile_id` or `profile_name`; an access token with `profile_id`, with
    `profile_crn`, or with `profile_name` and `account`.

    Raises:
        TokenError: something is missing or invalid, or the profile doesn't trust who asks.

    """
    by_compute = grant == CONTAINER
    proof = "cr_token" if by_compute else "access_token"
    if not form.get(proof):
        raise TokenError.missing(proof)
    name = form.get("profile_name")
    told = form.get("profile_id") or (not by_compute and form.get("profile_crn")) or name
    if not told:
        raise TokenError.missing("profile_id")
    if not by_compute and told == name and not form.get("account"):
        raise TokenError.missing("account")
    identity = _by_compute(call, form) if by_compute else _by_token(call, form)
    call.world.activity.note(identity.iam_id, call.now)
    return identity


def _by_compute(call: Call, form: Mapping[str, str]) -> Identity:
    """Take a ServiceAccount's token; of the profiles of a name, in whichever account, the one that trusts it counts."""
    try:
        resource = call.world.clusters.vouched(form["cr_token"], call.now / 1000)
    except NotEligibleError as error:
        raise TokenError(*unverified.PROFILE_NOT_ELIGIBLE, str(error)) from None
    except SandboxError as error:
        raise TokenError(503, "SANDBOX", str(error)) from error
    for profile in _profiles(call, form):
        if profile.trusts_compute(call.session, resource):
            return Identity(profile.iam_id, profile.account_id, profile.name, f"crn-{resource.crn}", CONTAINER)
    reason = f"no link or claim rule is for {resource.cr_type} {resource.namespace}/{resource.name} of {resource.crn}"
    raise TokenError(*unverified.PROFILE_NOT_ELIGIBLE, reason)


def _by_token(call: Call, form: Mapping[str, str]) -> Identity:
    try:
        by, account_id = call.world.iam_tokens.verify(form["access_token"], call.now / 1000)
    except InvalidTokenError:
        raise TokenError(*unverified.ASSUME_TOKEN_INVALID) from None
    profile = _profiles(call, form)[0]
    if not profile.trusts(by):
        raise TokenError(*unverified.PROFILE_NOT_ELIGIBLE)
    if not may_interact(call.session, profile.account_id, Caller(by, account_id)):
        raise TokenError(*unverified.PROFILE_NOT_ELIGIBLE, refusal(profile.account_id))
    return Identity(profile.iam_id, profile.account_id, profile.name, by, ASSUME)


def _profiles(call: Call, form: Mapping[str, str]) -> Sequence[Profile]:
    """Return the profiles that a form means.

    Raises:
        TokenError: there is none.

    """
    identifier = form.get("profile_id") or form.get("profile_crn", "").rpartition(":")[2]
    wanted = {"id": identifier} if identifier else {"name": form["profile_name"]}
    if not identifier and "account" in form:
        wanted["account_id"] = form["account"]
    found = call.session.all(Profile, **wanted)
    if not found:
        raise TokenError(*unverified.PROFILE_ABSENT)
    return found
