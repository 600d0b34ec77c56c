"""Policies as answers write them: in v2 or v1, and with what `format` asks for."""

from __future__ import annotations

from starlette.responses import Response

from sandbox.cloud.api.policies.v1 import placeholder, shown_v1
from sandbox.cloud.core.answers import answer
from sandbox.cloud.core.clock import millis_text
from sandbox.cloud.errors.policies import PolicyError
from sandbox.cloud.iam import roles
from sandbox.cloud.iam.custom_roles import custom_roles
from sandbox.cloud.iam.policies import Policy
from sandbox.cloud.iam.policy_body import PolicyBody
from sandbox.cloud.serving.call import Call

LAST_PERMIT = "include_last_permit"
DISPLAY = "display"


def format_of(call: Call) -> str | None:
    """Return the query's format.

    Raises:
        PolicyError: it is none.

    """
    wanted = call.query("format")
    if wanted not in (None, LAST_PERMIT, DISPLAY):
        raise PolicyError.malformed(f"format must be {LAST_PERMIT} or {DISPLAY}")
    return wanted


def respond(call: Call, policy: Policy, status: int = 200, version: int = 2) -> Response:
    """Answer with one policy, its tag in the header."""
    content = shown(call, policy, version)
    return answer(content, status, {"ETag": policy.etag, "Cache-Control": "no-cache, no-store"})


def shown(call: Call, policy: Policy, version: int = 2) -> dict[str, object]:
    """Write a policy in a version of the API; its `href` tells in which one it was made."""
    body = PolicyBody.of(policy.document)
    wanted = format_of(call) if call.request.method == "GET" else None
    if version == 1:
        language = call.request.headers.get("accept-language", "")
        content = shown_v1(body, language) if policy.version == 1 else placeholder(body)
    else:
        content = policy.document if wanted != DISPLAY else _displayed(call, policy, body)
    return {
        **content,
        "id": policy.id,
        "href": f"{call.base_url}/v{policy.version}/policies/{policy.id}",
        "created_at": millis_text(policy.created_at),
        "created_by_id": policy.created_by_id,
        "last_modified_at": millis_text(policy.last_modified_at),
        "last_modified_by_id": policy.last_modified_by_id,
        "state": policy.state,
        **(_last_permit(call, policy) if wanted == LAST_PERMIT else {}),
    }


def _last_permit(call: Call, policy: Policy) -> dict[str, object]:
    at, count = call.world.activity.of(policy.id)
    return {"last_permit_frequency": count, **({"last_permit_at": millis_text(at)} if count else {})}


def _displayed(call: Call, policy: Policy, body: PolicyBody) -> dict[str, object]:
    """Return the policy with all its roles' names and actions."""
    language = call.request.headers.get("accept-language", "")
    service = body.target().get("serviceName", roles.ANY_SERVICE)
    custom = {role.crn: role for role in custom_roles(call.session, policy.account_id)}

    def role(crn: str) -> dict[str, object]:
        name = roles.parse(crn)
        if name is not None:
            found = roles.describe(name, service, language)
            actions = sorted(roles.actions(crn, service))
        else:
            mine = custom[crn]
            found = {"display_name": mine.display_name, "description": mine.description or ""}
            actions = mine.actions
        listed = [{"id": each, "display_name": each, "description": ""} for each in actions]
        names = {key: found[key] for key in ("display_name", "description")}
        return {"role_id": crn, **names, "actions": listed}

    grant = {"roles": [role(reference.role_id) for reference in body.control.grant.roles]}
    return {**policy.document, "control": {"grant": grant}}
