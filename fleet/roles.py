"""The roles that an API key has: by its own policies, and by the access groups that its identity is a member of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ibm_native.cloud.client import Cloud
from ibm_native.cloud.errors import ApiError
from ibm_native.cloud.refusals import Job
from ibm_native.cloud.sdk import text
from ibm_native.iam import lists, policy_shape

NEEDED = {
    "container-registry": {"Manager", "Administrator"},
    "iam-identity": {"Operator"},
}
"""Roles that the key's owner needs, by service; docs/configuration.md says what each is for."""
_STRONGER = {"Operator": {"Administrator"}}
_WHAT = "look at the API key's roles"
_JOB = Job(_WHAT, "the role Viewer on the account's access policies")
_GROUPS = Job(_WHAT, "the role Viewer on IAM Access Groups")


@dataclass(frozen=True)
class Holder:
    """Whom an API key belongs to; `roles` are by service, with those of access groups where `groups_seen`."""

    iam_id: str
    account: str
    roles: Mapping[str, set[str]]
    groups_seen: bool

    def __str__(self) -> str:
        return f"{self.iam_id} of account {self.account}"

    @property
    def is_user(self) -> bool:
        """Tell whether it is a user, who may own the account, and no service ID or trusted profile."""
        return not self.iam_id.startswith("iam-")

    def missing(self) -> list[str]:
        """Return the needed roles that it hasn't, for a person."""
        return [
            f"{role} on {service}"
            for service, roles in NEEDED.items()
            for role in sorted(roles)
            if not self.roles.get(service, set()) & {role, *_STRONGER.get(role, ())}
        ]


async def holder(cloud: Cloud, key: str) -> Holder:
    """Return whom the key belongs to; raises ProviderError. Groups that it may not list are told as not seen."""
    account = await cloud.account(_WHAT)
    details = await cloud.identity(_JOB, lambda api: api.get_api_keys_details(iam_api_key=key))
    iam_id = text(details.fields, "iam_id")
    subjects = [{"iam_id": iam_id}]
    groups = lists.access_groups(cloud, _GROUPS, account, iam_id)
    try:
        subjects += [{"access_group_id": text(each, "id")} async for each in groups]
        seen = True
    except ApiError as error:
        if error.status != 403:
            raise
        seen = False
    roles: dict[str, set[str]] = {}
    for subject in subjects:
        async for each in lists.policies(cloud, _JOB, account, **subject):
            service = str(policy_shape.actual_inputs(each, ())["service"])
            roles.setdefault(service, set()).update(crn.rpartition(":")[2] for crn in policy_shape.role_crns(each))
    return Holder(iam_id, account, roles, seen)
