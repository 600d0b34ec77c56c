"""Token grants for trusted profiles: who the profile trusts gets a token of the profile."""

from __future__ import annotations

from collections.abc import Mapping

from sandbox.cloud.core import unverified
from sandbox.cloud.errors.base import InvalidTokenError
from sandbox.cloud.errors.identity import TokenError
from sandbox.cloud.iam.profiles import Profile, find_profile
from sandbox.cloud.iam.tokens import Identity
from sandbox.cloud.serving.call import Call

PREFIX = "urn:ibm:params:oauth:grant-type:"
CONTAINER = f"{PREFIX}cr-token"
ASSUME = f"{PREFIX}assume"


def assume(call: Call, grant: str, form: Mapping[str, str]) -> Identity:
    """Return whom a grant for a trusted profile gives a token for.

    A container's or a virtual machine's token comes with `profile_id` or `profile_name`; an access token with
    `profile_id`, with `profile_crn`, or with `profile_name` and `account`.

    Raises:
        TokenError: something is missing or invalid, or the profile doesn't trust who asks. No compute resource is
            known here, so none of their tokens is eligible.

    """
    proof = "cr_token" if grant == CONTAINER else "access_token"
    if not form.get(proof):
        raise TokenError.missing(proof)
    by_name = form.get("profile_name")
    told = form.get("profile_id") or (grant == ASSUME and form.get("profile_crn")) or by_name
    if not told:
        raise TokenError.missing("profile_id")
    if grant == ASSUME and told == by_name and not form.get("account"):
        raise TokenError.missing("account")
    by = _caller(call, form[proof]) if grant == ASSUME else ""
    profile = _profile(call, form)
    if profile is None:
        raise TokenError(*unverified.PROFILE_ABSENT)
    if not profile.trusts(by):
        raise TokenError(*unverified.PROFILE_NOT_ELIGIBLE)
    call.world.activity.note(profile.iam_id, call.now)
    return Identity(profile.iam_id, profile.account_id, profile.name, by)


def _caller(call: Call, token: str) -> str:
    try:
        return call.world.iam_tokens.verify(token, call.now / 1000)[0]
    except InvalidTokenError:
        raise TokenError(*unverified.ASSUME_TOKEN_INVALID) from None


def _profile(call: Call, form: Mapping[str, str]) -> Profile | None:
    if identifier := form.get("profile_id") or form.get("profile_crn", "").rpartition(":")[2]:
        return find_profile(call.session, id=identifier)
    account_id = form.get("account")
    name = form["profile_name"]
    return find_profile(call.session, name=name, account_id=account_id) if account_id else None
