"""How much of its limits an account uses: /v1/accounts/{id}/limits/identity, by GET and by POST for long lists."""

from __future__ import annotations

import msgspec
from sqlalchemy import func, select
from starlette.responses import Response

from sandbox.cloud.core import limits, unverified
from sandbox.cloud.core.answers import answer
from sandbox.cloud.errors.identity import IdentityError
from sandbox.cloud.iam import authz, roles
from sandbox.cloud.iam.identities import ApiKey, ServiceId, ServiceIdGroup
from sandbox.cloud.serving.call import Call
from sandbox.cloud.serving.routing import Routes

routes = Routes(IdentityError)

_PATH = "/v1/accounts/{id}/limits/identity"
_LACKING = (
    *("profiles", "templates", "template_versions_per_template", "idps", "claim_rules_per_group"),
    *("claim_rules_per_profile", "cr_links", "cr_links_per_profile", "cr_rules", "cr_rules_per_profile"),
)
"""What belongs to trusted profiles, templates and identity providers, which the stand-in lacks."""


class UsageBody(msgspec.Struct):
    """What is asked for; the lists name groups and IAM IDs."""

    serviceid_groups: bool = False
    serviceids_per_group: list[str] = []
    apikeys_per_identity: list[str] = []


@routes.on("GET", _PATH)
def get(call: Call) -> Response:
    """Return what the query asks for; its lists are separated by commas."""
    call.refuse_queries(*_LACKING)
    wanted = UsageBody(
        serviceid_groups=call.query("serviceid_groups") == "true",
        serviceids_per_group=_listed(call, "serviceids_per_group"),
        apikeys_per_identity=_listed(call, "apikeys_per_identity"),
    )
    return _answer(call, wanted)


@routes.on("POST", _PATH)
def post(call: Call) -> Response:
    """Return what the body asks for."""
    named = call.json(dict[str, object])
    for name in _LACKING:
        if named.get(name):
            raise IdentityError.not_implemented(f"The sandbox lacks limits of {name}.")
    return _answer(call, call.json(UsageBody))


def _answer(call: Call, wanted: UsageBody) -> Response:
    account_id = call.path("id")
    if account_id != call.caller.account_id:
        raise IdentityError.forbidden()
    call.authorize(f"{roles.IDENTITY}.serviceid.get", authz.platform_target(account_id, roles.IDENTITY))
    shown: dict[str, object] = {}
    if wanted.serviceid_groups:
        groups = select(func.count()).where(ServiceIdGroup.account_id == account_id)
        shown["serviceid_groups"] = {"limit": unverified.SERVICE_ID_GROUPS, "count": call.session.scalar(groups)}
    if wanted.serviceids_per_group:
        members = [
            {
                "group_id": group,
                "count": call.session.scalar(
                    select(func.count()).where(ServiceId.account_id == account_id, ServiceId.group_id == group)
                ),
            }
            for group in wanted.serviceids_per_group
        ]
        shown["serviceids_per_group"] = {"limit": limits.SERVICE_IDS_PER_GROUP, "serviceid_groups": members}
    if wanted.apikeys_per_identity:
        keys = [
            {
                "iam_id": iam_id,
                "count": call.session.scalar(
                    select(func.count()).where(ApiKey.account_id == account_id, ApiKey.iam_id == iam_id)
                ),
            }
            for iam_id in wanted.apikeys_per_identity
        ]
        shown["apikeys_per_identity"] = {"limit": limits.API_KEYS_PER_IDENTITY, "identities": keys}
    return answer(shown)


def _listed(call: Call, name: str) -> list[str]:
    return [item for item in (call.query(name) or "").split(",") if item]
