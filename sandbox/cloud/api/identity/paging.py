"""Pages of IAM Identity's lists: `next` and `previous` are URLs with a page token that holds the whole query."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Annotated, TypeVar

import msgspec

from sandbox.cloud.api.identity.filters import Named, condition
from sandbox.cloud.core import limits
from sandbox.cloud.errors.base import MalformedError
from sandbox.cloud.serving.call import Call

T = TypeVar("T", bound=Named)


class Query(msgspec.Struct, kw_only=True):
    """What a list was asked for; the page token is this, encoded."""

    account_id: str
    filters: dict[str, str] = {}
    sort: str | None = None
    descending: bool = False
    limit: Annotated[int, msgspec.Meta(ge=1, le=limits.PAGE_MAXIMUM)] = limits.PAGE_DEFAULT
    offset: Annotated[int, msgspec.Meta(ge=0, le=1 << 32)] = 0

    @property
    def order(self) -> str:
        """The order of the list's rows, in SQL: `sort` was checked."""
        return f"{self.sort or 'created_at'}{' DESC' if self.descending else ''}, id"

    @property
    def named(self) -> dict[str, str]:
        """The condition on the name, where there is one."""
        return {name: value for name, value in self.filters.items() if name == "name"}


def query_of(call: Call, account_id: str | None, names: Sequence[str], sorts: Sequence[str]) -> Query:
    """Read a list's query: from its page token alone where there is one.

    `names` are the parameters that filter by equality, `sorts` those that sort.

    Raises:
        MalformedError: a parameter has no legal value.

    """
    token = call.query("pagetoken")
    if token is not None:
        return _decoded(token, names, sorts)
    sort, order = call.query("sort"), call.query("order") or "asc"
    if sort is not None and sort not in sorts:
        raise MalformedError(f"sort must be one of {', '.join(sorts)}")
    if order not in ("asc", "desc"):
        raise MalformedError("order must be asc or desc")
    return Query(
        account_id=account_id or "",
        filters={name: value for name in names if (value := call.query(name)) is not None},
        sort=sort,
        descending=order == "desc",
        limit=_pagesize(call.query("pagesize")),
    )


def page(call: Call, path: str, query: Query, listed: list[T]) -> tuple[list[T], dict[str, object]]:
    """Return the page's rows of those that the query's filter lets through, and the links to other pages."""
    text = query.filters.get("filter")
    found = list(filter(condition(text), listed)) if text else listed
    rows = found[query.offset : query.offset + query.limit]

    def link(offset: int) -> str:
        moved = msgspec.structs.replace(query, offset=offset)
        return f"{call.base_url}{path}?pagetoken={base64.urlsafe_b64encode(msgspec.json.encode(moved)).decode()}"

    links: dict[str, object] = {"offset": query.offset, "limit": query.limit, "first": link(0)}
    if query.offset:
        links["previous"] = link(max(0, query.offset - query.limit))
    if query.offset + query.limit < len(found):
        links["next"] = link(query.offset + query.limit)
    return rows, links


def _decoded(token: str, names: Sequence[str], sorts: Sequence[str]) -> Query:
    try:
        query = msgspec.json.decode(base64.urlsafe_b64decode(token), type=Query)
    except (ValueError, msgspec.DecodeError) as error:
        raise MalformedError("pagetoken is not one that a list returned") from error
    if query.sort not in (None, *sorts) or not set(query.filters) <= set(names):
        raise MalformedError("pagetoken is one that another list returned")
    return query


def _pagesize(text: str | None) -> int:
    if text is None:
        return limits.PAGE_DEFAULT
    if not text.isdecimal() or not 1 <= int(text) <= limits.PAGE_MAXIMUM:
        raise MalformedError(f"pagesize must be 1 to {limits.PAGE_MAXIMUM}")
    return int(text)
