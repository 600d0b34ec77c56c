"""How much of its limits an account uses: /v1/accounts/{id}/limits/identity, by GET and by POST for long lists."""

from __future__ import annotations

import msgspec
from starlette.responses import Response

from sandbox.cloud.core import limits, unverified
from sandbox.cloud.core.answers import answer
from sandbox.cloud.errors.identity import IdentityError
from sandbox.cloud.iam import authz, roles
from sandbox.cloud.iam.identities import ApiKey, Entity, ServiceId, ServiceIdGroup
from sandbox.cloud.iam.profiles import Profile, ProfileLink, ProfileRule
from sandbox.cloud.serving.call import Call
from sandbox.cloud.serving.routing import Routes

routes = Routes(IdentityError)

_PATH = "/v1/accounts/{id}/limits/identity"

Counted = type[Entity] | None
"""A table whose rows are counted by the id; none where nothing can be here."""


class Asked(msgspec.Struct):
    """What is asked for: counts of the account, and counts of each of those that a list names."""

    serviceid_groups: bool = False
    profiles: bool = False
    templates: bool = False
    idps: bool = False
    cr_links: bool = False
    cr_rules: bool = False
    serviceids_per_group: list[str] = []
    apikeys_per_identity: list[str] = []
    template_versions_per_template: list[str] = []
    claim_rules_per_group: list[str] = []
    claim_rules_per_profile: list[str] = []
    cr_links_per_profile: list[str] = []
    cr_rules_per_profile: list[str] = []


_COUNTS: dict[str, tuple[tuple[str, int, type[Entity] | None], ...]] = {
    "serviceid_groups": (("serviceid_groups", unverified.SERVICE_ID_GROUPS, ServiceIdGroup),),
    "profiles": (("profiles", limits.PROFILES_PER_ACCOUNT, Profile),),
    "templates": tuple(
        (name, unverified.TEMPLATES, None) for name in ("profile_templates", "account_settings_templates")
    ),
    "idps": (("idps", unverified.IDENTITY_PROVIDERS, None),),
    "cr_links": (("cr_links", unverified.LINKS_PER_ACCOUNT, ProfileLink),),
    "cr_rules": (("cr_rules", unverified.RULES_PER_ACCOUNT, ProfileRule),),
}
"""What is asked for -> name, limit and table of each count in the answer; no table where nothing can be here."""

_LISTS: dict[str, tuple[int, str, str, Counted]] = {
    "serviceids_per_group": (limits.SERVICE_IDS_PER_GROUP, "serviceid_groups", "group_id", ServiceId),
    "apikeys_per_identity": (limits.API_KEYS_PER_IDENTITY, "identities", "iam_id", ApiKey),
    "template_versions_per_template": (unverified.TEMPLATE_VERSIONS, "templates", "template_id", None),
    "claim_rules_per_group": (unverified.CLAIM_RULES, "access_groups", "group_id", None),
    "claim_rules_per_profile": (unverified.CLAIM_RULES, "profiles", "profile_id", ProfileRule),
    "cr_links_per_profile": (unverified.LINKS, "profiles", "profile_id", ProfileLink),
    "cr_rules_per_profile": (unverified.CLAIM_RULES, "profiles", "profile_id", ProfileRule),
}
"""What is asked for -> limit, name of the answer's list, name of the id in it and in the table that is counted."""


@routes.on("GET", _PATH)
def get(call: Call) -> Response:
    """Return what the query asks for; its lists are separated by commas."""
    kinds = {each.name: each.type for each in msgspec.structs.fields(Asked)}
    given = {name: text for name, text in call.request.query_params.items() if name in kinds}
    asked = {name: text if kinds[name] is bool else list(filter(None, text.split(","))) for name, text in given.items()}
    return _answer(call, call.read(asked, Asked))


@routes.on("POST", _PATH)
def post(call: Call) -> Response:
    """Return what the body asks for."""
    return _answer(call, call.json(Asked))


def _answer(call: Call, asked: Asked) -> Response:
    account_id = call.path("id")
    if account_id != call.caller.account_id:
        raise IdentityError.forbidden()
    call.authorize(f"{roles.IDENTITY}.serviceid.get", authz.platform_target(account_id, roles.IDENTITY))

    shown: dict[str, object] = {}
    for name, counts in _COUNTS.items():
        for key, limit, table in counts if getattr(asked, name) else ():
            shown[key] = {"limit": limit, "count": call.session.count(table, account_id=account_id) if table else 0}
    for name, (limit, title, key, table) in _LISTS.items():
        if ids := getattr(asked, name):
            members = [{key: each, "count": call.session.count(table, **{key: each}) if table else 0} for each in ids]
            shown[name] = {"limit": limit, title: members}
    return answer(shown)
