"""Lists of policies, in both versions of the API: filters, order and pages."""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.responses import Response

from sandbox.cloud.api.policies.changes import may_read
from sandbox.cloud.api.policies.showing import shown
from sandbox.cloud.core import unverified
from sandbox.cloud.core.answers import answer
from sandbox.cloud.errors.policies import PolicyError
from sandbox.cloud.iam.policies import ACTIVE, DELETED, Policy
from sandbox.cloud.iam.policy_body import PolicyBody
from sandbox.cloud.serving.call import Call

_COLUMNS = ("id", "created_at", "created_by_id", "last_modified_at", "last_modified_by_id", "state")
_SORTS = (*_COLUMNS, "type", "href", "last_permit_at", "last_permit_frequency")


def respond_list(call: Call, version: int) -> Response:
    """Answer with the policies of an account, a page at a time; with none for a caller who may not read policies."""
    account_id = call.query("account_id")
    if account_id is None:
        raise PolicyError.missing_query("account_id")
    limit, start = _window(call)
    found = [policy for policy in _wanted(call, account_id) if _fits(call, policy)]
    found = _sorted(call, found) if may_read(call, account_id) else []
    content: dict[str, object] = {
        "policies": [shown(call, policy, version) for policy in found[start : start + limit]],
        "limit": limit,
        "first": {"href": _page_url(call, 0)},
    }
    if start:
        content["previous"] = _page(call, max(0, start - limit))
    if start + limit < len(found):
        content["next"] = _page(call, start + limit)
    return answer(content)


def _wanted(call: Call, account_id: str) -> list[Policy]:
    state = call.query("state") or ACTIVE
    if state not in (ACTIVE, DELETED):
        raise PolicyError.malformed(f"state must be {ACTIVE} or {DELETED}")
    found = call.listed(Policy, "id", account_id=account_id, state=state)
    subjects = [subject for name in ("iam_id", "access_group_id") if (subject := call.query(name))]
    return [policy for policy in found if all(policy.iam_id == subject for subject in subjects)]


def _fits(call: Call, policy: Policy) -> bool:
    body = PolicyBody.of(policy.document)
    if call.query("type") not in (None, body.type) or call.query("iam_id" if body.is_for_group else "access_group_id"):
        return False
    if not _carries(body, call.query("tag_name"), call.query("tag_value")):
        return False
    target = body.target()
    wanted = {"serviceName": "service_name", "serviceType": "service_type", "service_group_id": "service_group_id"}
    return all(call.query(name) in (None, target.get(key)) for key, name in wanted.items())


def _carries(body: PolicyBody, name: str | None, value: str | None) -> bool:
    if name is None and value is None:
        return True
    return any(name in (None, tag.key) and value in (None, tag.value) for tag in body.resource.tags)


def _sorted(call: Call, found: list[Policy]) -> list[Policy]:
    sort = call.query("sort") or "created_at"
    name = sort.removeprefix("-")
    if name not in _SORTS:
        raise PolicyError.malformed(f"sort must be one of {', '.join(_SORTS)}")

    def key(policy: Policy) -> tuple[int, str]:
        """Return a number and a text, of which one tells."""
        if name == "href":
            return policy.version, policy.id
        if name == "type":
            return 0, str(policy.document["type"])
        if name.startswith("last_permit_"):
            at, count = call.world.activity.of(policy.id)
            return (at if name == "last_permit_at" else count), ""
        value: int | str = getattr(policy, name)
        return (value, "") if isinstance(value, int) else (0, value)

    return sorted(found, key=key, reverse=sort.startswith("-"))


def _window(call: Call) -> tuple[int, int]:
    limit, start = call.query("limit") or str(unverified.POLICY_PAGE_DEFAULT), call.query("start") or "0"
    if not limit.isdecimal() or not 1 <= int(limit) <= unverified.POLICY_PAGE_MAXIMUM:
        raise PolicyError.malformed(f"limit must be 1 to {unverified.POLICY_PAGE_MAXIMUM}")
    if not start.isdecimal():
        raise PolicyError.malformed("start is not one that a list returned")
    return int(limit), int(start)


def _page(call: Call, start: int) -> dict[str, object]:
    return {"href": _page_url(call, start), "start": str(start)}


def _page_url(call: Call, start: int) -> str:
    query = {name: value for name, value in call.request.query_params.items() if name != "start"}
    if start:
        query["start"] = str(start)
    return f"{call.base_url}{call.request.scope['path']}?{urlencode(query)}"
