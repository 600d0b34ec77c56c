"""Lists of policies, in both versions of the API: filters, order and pages."""

from __future__ import annotations

from urllib.parse import urlencode

from sqlalchemy import Select, false, select
from starlette.responses import Response

from sandbox.cloud import unverified
from sandbox.cloud.errors import NotImplementedYetError
from sandbox.cloud.policies.bodies import PolicyBody
from sandbox.cloud.policies.changes import may_read
from sandbox.cloud.policies.errors import PolicyError
from sandbox.cloud.policies.models import ACTIVE, DELETED, Policy
from sandbox.cloud.policies.showing import shown
from sandbox.cloud.web import Call, answer

_SORTS = ("id", "created_at", "created_by_id", "last_modified_at", "last_modified_by_id", "state")
_LACKING_SORTS = ("type", "href", "last_permit_at", "last_permit_frequency")


def respond_list(call: Call, version: int) -> Response:
    """Answer with the policies of an account, a page at a time; with none for a caller who may not read policies."""
    account_id = call.query("account_id")
    if account_id is None:
        raise PolicyError.missing_query("account_id")
    limit, start = _window(call)
    wanted = _sorted(call, _wanted(call, account_id))
    found = [policy for policy in call.session.scalars(wanted) if _fits(call, policy)]
    found = found if may_read(call, account_id) else []
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


def _wanted(call: Call, account_id: str) -> Select[Policy]:
    state = call.query("state") or ACTIVE
    if state not in (ACTIVE, DELETED):
        raise PolicyError.malformed(f"state must be {ACTIVE} or {DELETED}")
    wanted = select(Policy).where(
        Policy.account_id == account_id, Policy.state == state, Policy.id.not_in(call.hidden())
    )
    if iam_id := call.query("iam_id"):
        wanted = wanted.where(Policy.iam_id == iam_id)
    kind, group = call.query("type"), call.query("access_group_id")
    return wanted.where(false()) if group or kind not in (None, "access") else wanted


def _fits(call: Call, policy: Policy) -> bool:
    target = PolicyBody.of(policy.document).target()
    wanted = {"serviceName": "service_name", "serviceType": "service_type", "service_group_id": "service_group_id"}
    return all(call.query(name) in (None, target.get(key)) for key, name in wanted.items())


def _sorted(call: Call, wanted: Select[Policy]) -> Select[Policy]:
    sort = call.query("sort") or "created_at"
    name = sort.removeprefix("-")
    if name in _LACKING_SORTS:
        raise NotImplementedYetError(f"sorting policies by {name}")
    if name not in _SORTS:
        raise PolicyError.malformed(f"sort must be one of {', '.join((*_SORTS, *_LACKING_SORTS))}")
    column = {key: getattr(Policy, key) for key in _SORTS}[name]
    return wanted.order_by(column.desc() if sort.startswith("-") else column, Policy.id)


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
