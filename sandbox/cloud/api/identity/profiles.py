"""Token grants for trusted profiles: their parameters are checked; there are no profiles, so none is found."""

from __future__ import annotations

from collections.abc import Mapping

from sandbox.cloud.core import unverified
from sandbox.cloud.errors.base import InvalidTokenError
from sandbox.cloud.errors.identity import TokenError
from sandbox.cloud.serving.call import Call

PREFIX = "urn:ibm:params:oauth:grant-type:"
CONTAINER = f"{PREFIX}cr-token"
ASSUME = f"{PREFIX}assume"


def refuse(call: Call, grant: str, form: Mapping[str, str]) -> TokenError:
    """Return the answer to a grant for a trusted profile.

    A container's or a virtual machine's token comes with `profile_id` or `profile_name`; an access token with
    `profile_id`, with `profile_crn`, or with `profile_name` and `account`.
    """
    proof = "cr_token" if grant == CONTAINER else "access_token"
    if not form.get(proof):
        return TokenError.missing(proof)
    by_name = form.get("profile_name")
    profile = form.get("profile_id") or (grant == ASSUME and form.get("profile_crn")) or by_name
    if not profile:
        return TokenError.missing("profile_id")
    if grant == ASSUME:
        if profile == by_name and not form.get("account"):
            return TokenError.missing("account")
        try:
            call.world.iam_tokens.verify(form[proof], call.now / 1000)
        except InvalidTokenError:
            return TokenError(*unverified.ASSUME_TOKEN_INVALID)
    return TokenError(*unverified.PROFILE_ABSENT)
