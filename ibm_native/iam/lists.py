"""IAM's lists, page by page; each filter is a parameter of IBM's operation. An iteration raises ProviderError."""

from __future__ import annotations

from collections.abc import AsyncIterator

from ibm_native.cloud.client import PAGE, Cloud
from ibm_native.cloud.refusals import Job
from ibm_native.cloud.sdk import Json, text


def service_ids(cloud: Cloud, job: Job, account: str, name: str | None = None) -> AsyncIterator[Json]:
    """Yield the account's service IDs, or those of one name."""
    return cloud.pages(
        "serviceids",
        lambda token: cloud.identity(
            job, lambda api: api.list_service_ids(account_id=account, name=name, pagesize=PAGE, pagetoken=token)
        ),
    )


def api_keys(cloud: Cloud, job: Job, account: str, **filters: str) -> AsyncIterator[Json]:
    """Yield API keys: those of an `iam_id`, or of all of a `type` in the `scope`."""
    return cloud.pages(
        "apikeys",
        lambda token: cloud.identity(
            job, lambda api: api.list_api_keys(account_id=account, **filters, pagesize=PAGE, pagetoken=token)
        ),
    )


async def policies(cloud: Cloud, job: Job, account: str, **subject: str) -> AsyncIterator[Json]:
    """Yield access policies: all of the account, or those of an `iam_id` or an `access_group_id`; none is deleted."""
    listed = cloud.pages(
        "policies",
        lambda start: cloud.policies(
            job, lambda api: api.list_v2_policies(account, **subject, type="access", limit=PAGE, start=start)
        ),
    )
    async for each in listed:
        if text(each, "state") != "deleted":
            yield each


def access_groups(cloud: Cloud, job: Job, account: str, iam_id: str) -> AsyncIterator[Json]:
    """Yield the access groups that an identity is a member of."""
    return cloud.pages(
        "groups",
        lambda offset: cloud.access_groups(
            job, lambda api: api.list_access_groups(account, iam_id=iam_id, limit=PAGE, offset=int(offset or 0))
        ),
    )
